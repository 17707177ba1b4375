"""The virtual chip against the real tools: esptool flashes it, mpremote talks to what runs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.vm import setup
from sim.vm.chip import Chip, image_fault, running
from sim.vm.flash import SECTOR, Flash
from sim.vm.image import BEGINS_AT, STOCK, description, image, program, table
from sim.vm.port import Port

pytestmark = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)
pytest.importorskip("esptool", reason="esptool is not installed: run `make setup-all`")

TARGETS = sorted(BEGINS_AT)
MAC = bytes.fromhex("246f28abcdef")


def tool(
    module: str, *arguments: str, timeout_s: float = 60, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=cwd)


def esptool(
    chip: Chip, *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return tool(
        "esptool", "--port", chip.port.path, "--connect-attempts", "1", *arguments, cwd=cwd
    )


def mpremote(chip: Chip, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tool("mpremote", "connect", chip.port.path, *arguments, timeout_s=30)


def loaded(target: str, **more) -> Chip:
    """A chip that holds an image already."""
    chip = Chip(target, MAC, **more)
    content = image(target)
    at = BEGINS_AT[target]
    chip.flash.content[at : at + len(content)] = content
    return chip


def wait_for(condition, timeout_s: float = 10) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "it did not come to that in time"
        time.sleep(0.02)


def restart(chip: Chip) -> None:
    """By its own command; mpremote does not wait for what it leads to."""
    boots = chip.boots
    assert mpremote(chip, "resume", "reset").returncode == 0
    wait_for(lambda: chip.boots > boots)


@pytest.mark.parametrize("loader", ["stub", "rom"])
@pytest.mark.parametrize("target", TARGETS)
def test_esptool_flashes_verifies_and_reads_back(target: str, loader: str, tmp_path: Path) -> None:
    content = image(target)
    (tmp_path / "image.bin").write_bytes(content)
    at = BEGINS_AT[target]
    how = ["--baud", "921600", *(["--no-stub"] if loader == "rom" else [])]
    with running([Chip(target, MAC)]) as (chip,):
        chip.flash.content[at : at + 4 * SECTOR] = bytes(4 * SECTOR)  # needs erasing
        told = esptool(chip, *how, "write-flash", hex(at), str(tmp_path / "image.bin"))
        assert told.returncode == 0, told.stdout + told.stderr
        assert "Hash of data verified" in told.stdout
        assert chip.part.name in told.stdout and "24:6f:28:ab:cd:ef" in told.stdout
        assert ("Running stub" in told.stdout) == (loader == "stub")
        assert chip.flash.read(at, len(content)) == content

        size = 20_000 if loader == "stub" else 1_000
        read = esptool(chip, *how, "read-flash", "0x8000", str(size), str(tmp_path / "read.bin"))
        assert read.returncode == 0, read.stdout + read.stderr
        assert (tmp_path / "read.bin").read_bytes() == chip.flash.read(0x8000, size)


def test_esptool_finds_the_flash_and_can_erase_it() -> None:
    with running([loaded("esp32c3")]) as (chip,):
        told = esptool(chip, "flash-id")
        assert "4MB" in told.stdout and "ef" in told.stdout
        assert esptool(chip, "erase-region", "0x10000", "0x1000").returncode == 0
        assert chip.flash.read(0x10000, SECTOR) == b"\xff" * SECTOR
        assert chip.flash.read(0x8000, 2) == b"\xaa\x50"
        assert esptool(chip, "erase-flash").returncode == 0
        assert set(chip.flash.content) == {0xFF}


def test_a_bad_flash_byte_is_found(tmp_path: Path) -> None:
    (tmp_path / "image.bin").write_bytes(os.urandom(30_000))
    with running([Chip("esp32c3")]) as (chip,):
        chip.flash.stuck[0x14000] = 0x100 - 1 - (tmp_path / "image.bin").read_bytes()[0x4000]
        told = esptool(chip, "write-flash", "0x10000", str(tmp_path / "image.bin"))
        assert told.returncode
        assert "MD5 of file does not match" in told.stdout + told.stderr


def test_a_port_that_dies_leaves_what_was_written(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    (tmp_path / "image.bin").write_bytes(content)
    (tmp_path / "esptool.cfg").write_text("[esptool]\nconnect_attempts = 1\n")  # gives up sooner
    with running([Chip("esp32c3")]) as (chip,):
        chip.flash.dies_after = 10
        told = esptool(chip, "write-flash", "0x10000", str(tmp_path / "image.bin"), cwd=tmp_path)
        assert told.returncode
        written = 10 * SECTOR
        assert chip.flash.read(0x10000, written) == content[:written]
        assert chip.flash.read(0x10000 + written, SECTOR) == b"\xff" * SECTOR
        chip.replug()
        again = esptool(chip, "write-flash", "0x10000", str(tmp_path / "image.bin"))
        assert again.returncode == 0, again.stdout


def test_wiring_that_stands_only_so_much(tmp_path: Path) -> None:
    (tmp_path / "image.bin").write_bytes(b"x" * 5000)
    command = ("write-flash", "0x10000", str(tmp_path / "image.bin"))
    with running([Chip("esp32c3", port=Port(max_baud=460_800))]) as (chip,):
        assert esptool(chip, "--baud", "921600", *command).returncode
        assert esptool(chip, "--baud", "460800", *command).returncode == 0


def test_a_mute_chip_is_told_soon() -> None:
    with running([Chip("esp32c3")]) as (chip,):
        chip.mute = True
        began_s = time.monotonic()
        told = esptool(chip, "read-mac")
        assert told.returncode and "No serial data received" in told.stdout + told.stderr
        assert time.monotonic() - began_s < 10


def test_flash_is_nor() -> None:
    flash = Flash(2 * SECTOR)
    flash.program(10, b"\xf0")
    flash.program(10, b"\x3c")
    assert flash.read(10, 1) == b"\x30", "programming only clears bits"
    flash.erase(10, 1)
    assert flash.read(0, SECTOR) == b"\xff" * SECTOR, "and only a whole sector is erased"


def test_the_partition_table_is_read_from_flash() -> None:
    flash = Flash()
    assert flash.partitions() == []
    flash.program(0x8000, table())
    assert [(part.label, part.start, part.size) for part in flash.partitions()] == [
        (label.decode(), start, size) for _, _, start, size, label in STOCK
    ]


def test_a_program_is_judged_by_what_it_says_of_itself() -> None:
    whole = program("esp32c3", description("v1.29.0") + b"code")
    assert image_fault(whole, 0) == ""
    for at, fault in ((0, "no program"), (100, "checksum"), (len(whole) - 1, "SHA-256")):
        broken = bytearray(whole)
        broken[at] ^= 1
        assert fault in image_fault(broken, 0)
    huge = bytearray(whole)
    huge[28:32] = b"\xff\xff\xff\x7f"
    assert "longer" in image_fault(huge, 0)


def test_what_is_damaged_does_not_run() -> None:
    chip = loaded("esp32c3")
    chip.flash.content[0x10200] ^= 1
    with running([chip]):
        chip.boot()
        assert not chip.is_running
        assert esptool(chip, "read-mac").returncode == 0, "its loader is in ROM and still there"


@pytest.mark.parametrize("target", TARGETS)
def test_mpremote_talks_to_what_was_flashed(target: str, tmp_path: Path) -> None:
    content = image(target)
    (tmp_path / "image.bin").write_bytes(content)
    (tmp_path / "much.py").write_text("# a line\n" * 3000 + "print('from a file')\n")
    with running([Chip(target, MAC)]) as (chip,):
        told = esptool(chip, "write-flash", hex(BEGINS_AT[target]), str(tmp_path / "image.bin"))
        assert told.returncode == 0, told.stdout
        wait_for(lambda: chip.is_running)
        asked = (
            "import sys, machine; print(sys.implementation._machine, machine.unique_id().hex())"
        )
        told = mpremote(chip, "exec", asked)
        assert told.stderr == "" and told.returncode == 0
        assert ("ESP32C3" in told.stdout) == (target == "esp32c3")
        assert MAC.hex() in told.stdout

        assert mpremote(chip, "resume", "eval", "6*7").stdout == "42\n"
        assert mpremote(chip, "run", str(tmp_path / "much.py")).stdout == "from a file\n"
        copied = mpremote(chip, "fs", "cp", str(tmp_path / "much.py"), ":much.py")
        assert copied.returncode == 0, copied.stderr
        restart(chip)
        assert mpremote(chip, "exec", "import much").stdout == "from a file\n"
        failed = mpremote(chip, "exec", "open('nowhere')")
        assert failed.returncode and "ENOENT" in failed.stdout + failed.stderr

        # Into the loader and out again: the copy was written to flash.
        assert esptool(chip, "read-mac").returncode == 0
        wait_for(lambda: chip.is_running)
        assert mpremote(chip, "fs", "cat", "much.py").stdout.endswith("print('from a file')\n")


def test_a_program_is_interrupted_at_the_prompt() -> None:
    with running([loaded("esp32c3")]) as (chip,):
        chip.boot()
        write = (
            "f = open('main.py', 'w'); f.write('import time\\nwhile 1: time.sleep(1)'); f.close()"
        )
        assert mpremote(chip, "exec", write).returncode == 0
        restart(chip)
        assert mpremote(chip, "resume", "eval", "6*7").stdout == "42\n"


def test_its_watchdog_bites_at_the_prompt_too() -> None:
    """As on a chip, where nothing stops it any more: the prompt does not stay."""
    with running([loaded("esp32c3")]) as (chip,):
        chip.boot()
        begin = "import machine\nmachine.WDT(timeout=1000)\n"
        write = f"f = open('main.py', 'w'); f.write({begin!r}); f.close()"
        assert mpremote(chip, "exec", write).returncode == 0
        restart(chip)
        boots = chip.boots
        began_s = time.monotonic()
        wait_for(lambda: chip.boots >= boots + 2)
        assert time.monotonic() - began_s > 1.9
