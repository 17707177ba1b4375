"""A release bundle: what goes in, what is refused, and that what comes out runs on a chip."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from device import SPO2_PCT, Finger
from typer.testing import CliRunner

from host_tools import build, bundle, filesystem
from host_tools.cli import app
from sim.board import Board
from sim.door import FIRMWARE, field, settings
from sim.vm.chip import Chip, running
from sim.vm.image import BEGINS_AT, STOCK, description, image, program

pytest.importorskip("littlefs", reason="littlefs-python is not installed: run `make setup-all`")

TARGETS = sorted(BEGINS_AT)


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def listed(path: Path, *images: Path) -> Path:
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in images]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# ours\n\n" + "".join(lines))
    return path


def downloaded(tmp_path: Path, target: str, content: bytes | None = None) -> Path:
    path = tmp_path / f"{target}.bin"
    path.write_bytes(image(target) if content is None else content)
    return path


def made(tmp_path: Path, target: str, name: str = "bundle.zip") -> Path:
    file = downloaded(tmp_path, target)
    found = build.read_image(file, listed(tmp_path / "list", file))
    build.make(tmp_path / name, found, found.target)
    return tmp_path / name


def command(*arguments: str | Path):
    return CliRunner().invoke(app, ["build", *map(str, arguments)])


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_input_gives_the_same_bytes(target: str, tmp_path: Path) -> None:
    one = made(tmp_path, target, "one.zip").read_bytes()
    assert made(tmp_path, target, "two.zip").read_bytes() == one
    assert list(bundle.complaints(tmp_path / "two.zip")) == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_image_is_the_official_one_but_for_its_partition_table(
    target: str, tmp_path: Path
) -> None:
    parts = bundle.read(made(tmp_path, target)).parts
    official, ours = image(target), parts["micropython"].content
    at = 0x8000 - BEGINS_AT[target]
    assert ours[:at] == official[:at] and ours[at + 0xC00 :] == official[at + 0xC00 :]
    chip = Chip(target)
    chip.flash.program(BEGINS_AT[target], ours)
    places = {part.label: (part.start, part.size) for part in chip.flash.partitions()}
    stock = {label.decode(): (start, size) for _, _, start, size, label in STOCK}
    vfs_at, whole = stock["vfs"]
    assert places["vfs"][0] == vfs_at, "where the stock image looks for it"
    assert places["data"][0] == sum(places["vfs"]) and sum(places["data"]) == vfs_at + whole
    assert {k: v for k, v in places.items() if k not in ("vfs", "data")} == {
        k: v for k, v in stock.items() if k != "vfs"
    }


def test_the_file_systems_are_read_by_another_littlefs(tmp_path: Path) -> None:
    """With its own defaults, over the whole partition, as MicroPython mounts it."""
    from littlefs import LittleFS, UserContext

    parts = bundle.read(made(tmp_path, "esp32c3")).parts
    for name, size in (("vfs", bundle.VFS_SIZE), ("data", bundle.DATA_SIZE)):
        # What is behind the image is whatever was in flash before.
        buffer = bytearray(parts[name].content + b"\x5a" * (size - len(parts[name].content)))
        context = UserContext(buffer=buffer)
        mounted = LittleFS(context=context, block_size=4096, block_count=size // 4096)
        assert mounted.fs_stat().disk_version == 0x20000
        if name == "vfs":
            assert mounted.open("main.py", "rb").read() == (FIRMWARE / "main.py").read_bytes()
            assert mounted.open("oximeter/app.mpy", "rb").read()[:2] == b"M\x06"
        else:
            stored = mounted.open("settings.bin", "rb").read()
            assert settings.decode(bytes(stored)).evidence == "none"
        with mounted.open("new.txt", "wb") as file:  # the room behind the image is there
            file.write(b"x" * 40_000)
        assert mounted.open("new.txt", "rb").read() == b"x" * 40_000


@pytest.mark.parametrize("target", TARGETS)
def test_the_bundle_runs(target: str, tmp_path: Path) -> None:
    """On the virtual chip: the board's own file, the partition of its data, the whole app."""
    with zipfile.ZipFile(made(tmp_path, target)) as archive:
        flash = archive.read("flash.bin")
    chip = Chip(target)
    chip.flash.program(0, flash)
    chip.levels = {1: 0, 27: 0}  # the buttons are held: main.py leaves the prompt to us
    asked = (
        "import board, os; from oximeter.app import App; a = App(board); a.step(0);"
        "print(board.is_product, os.listdir(board.DATA_DIR), a.step(2000), a.reading[0] >= 0)"
    )
    with running([chip]):
        chip.boot()
        mpremote = [sys.executable, "-m", "mpremote", "connect", chip.port.path, "exec", asked]
        told = subprocess.run(mpremote, capture_output=True, text=True, timeout=30)
    product = target == "esp32c3"
    assert told.stdout.split("\n")[-2] == f"{product} ['settings.bin'] 40 True", told.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_a_finger_on_the_flashed_chip_is_read(target: str, tmp_path: Path) -> None:
    """From the release file to percent: firmware/board.py finds sensor and display by its pins."""
    with zipfile.ZipFile(made(tmp_path, target)) as archive:
        flash = archive.read("flash.bin")
    board = Board(Finger())
    chip = Chip(target, board=board)
    chip.flash.program(0, flash)
    chip.levels = {1: 0, 27: 0}
    asked = (
        "import board, time; from oximeter.app import App; a = App(board); t = time.ticks_ms()\n"
        "def until(ms):\n"
        "    while time.ticks_ms() - t < ms: time.sleep_ms(a.step(time.ticks_ms() - t))\n"
        f"until(9000); print(a.reading[{field.STATUS}], a.reading[{field.SPO2_CENTIPCT}])"
    )
    with running([chip]):
        chip.boot()
        mpremote = [sys.executable, "-m", "mpremote", "connect", chip.port.path, "exec", asked]
        told = subprocess.run(mpremote, capture_output=True, text=True, timeout=60)
        assert any(board.display.pixels())
    assert not any(board.display.pixels()), "dark again without power"
    status, spo2_centipct = map(int, told.stdout.split("\n")[-2].split())
    assert status == field.OK, told.stdout
    assert round(spo2_centipct / 100) == SPO2_PCT


def test_an_unknown_image_is_named_by_its_hash(tmp_path: Path) -> None:
    file = downloaded(tmp_path, "esp32c3")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    told = command("--micropython", file, "--out", tmp_path / "bundle.zip")
    assert told.exit_code == 1 and not (tmp_path / "bundle.zip").exists()
    assert digest in told.stderr and str(build.user_list()) in told.stderr

    listed(build.user_list(), file)
    told = command("--micropython", file, "--out", tmp_path / "bundle.zip", "--json")
    assert told.exit_code == 0, told.stderr
    assert json.loads(told.stdout)["micropython"]["sha256"] == digest

    build.user_list().write_text("not a hash\n")
    told = command("--micropython", file, "--out", tmp_path / "bundle.zip")
    assert told.exit_code == 1 and "line 1" in told.stderr


def other(target: str, **more) -> bytes:
    return image(target, **more)


def not_micropython(target: str) -> bytes:
    whole = image(target)[: 0x10000 - BEGINS_AT[target]]
    return whole + program(target, description("v1.29.0", "blink") + b"x" * 999)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"\x00" * 200_000, "no MicroPython image"),
        (b"", "no MicroPython image"),
        (image("esp32c3", version="v1.24.0"), "1.24.0"),
        (not_micropython("esp32c3"), "official image"),
        (image("esp32", partitions=STOCK[:3]), "4 MiB"),
        (image("esp32", partitions=(*STOCK[:3], (1, 0x81, 0x310000, 0xF0000, b"vfs"))), "OTA"),
    ],
    ids=["no image", "nothing", "another version", "another program", "no vfs", "vfs elsewhere"],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    content: bytes, advice: str, tmp_path: Path
) -> None:
    file = downloaded(tmp_path, "any", content)
    hashes = listed(tmp_path / "list", file)
    told = command("--micropython", file, "--hashes", hashes, "--out", tmp_path / "bundle.zip")
    assert told.exit_code == 1
    assert advice in told.stderr and len(told.stderr.splitlines()) == 1
    assert list(tmp_path.glob("*.zip*")) == []


def test_without_an_image_it_says_what_it_holds(tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    told = command("--target", "esp32", "--out", out)
    assert told.exit_code == 0 and "file systems only" in told.stderr
    found = bundle.read(out)
    assert set(found.parts) == {"vfs", "data"} and not found.is_complete
    assert found.target.name == "esp32" and found.manifest["micropython"] is None
    assert command("--check", out).exit_code == 0


def rewritten(path: Path, change) -> Path:
    """The bundle with `change` done to its files (name -> bytes), as a zip that is sound."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def flip(name: str, at: int):
    def change(files: dict[str, bytes]) -> None:
        content = bytearray(files[name])
        content[at] ^= 1
        files[name] = bytes(content)

    return change


def relabelled(files: dict[str, bytes]) -> None:
    """A manifest that agrees with itself and not with the file system."""
    manifest = json.loads(files["manifest.json"])
    board = next(one for one in manifest["files"] if one["path"] == "board.mpy")
    board["sha256"] = "0" * 64
    files["manifest.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flip("flash.bin", 0x200100), "vfs is not what"),
        (flip("flash.bin", 0x10200), "micropython is not what"),
        (flip("flash.bin", 0x1F0000), "flash.bin is not what"),
        (flip("LICENSE", 3), "LICENSE is not what"),
        (lambda files: files.pop("LICENSE"), "LICENSE is in the manifest and not"),
        (lambda files: files.update(more=b"x"), "more is in the bundle and not"),
        (lambda files: files.pop("manifest.json"), "not a bundle"),
        (lambda files: files.update({"manifest.json": b'{"format": 9}'}), "format 9"),
        (relabelled, "board.mpy in vfs is not what"),
    ],
)
def test_damage_is_found(change, said: str, tmp_path: Path) -> None:
    out = rewritten(made(tmp_path, "esp32c3"), change)
    told = command("--check", out)
    assert told.exit_code == 1 and said in told.stderr


@pytest.mark.parametrize("content", [b"", b"no zip at all" * 99])
def test_what_is_no_bundle_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert command("--check", tmp_path / "x.zip").exit_code == 1
    assert "xueyang build" in command("--check", tmp_path / "absent.zip").stderr


def test_a_file_system_says_when_something_does_not_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        filesystem.make({"large": b"x" * 70_000}, 64 * 1024)


def test_the_pinned_list_has_the_form_of_one() -> None:
    build.known_hashes(build.PINNED)
