"""A station is killed at any moment, flashing, testing or printing: no unit is lost or doubled, no
label is half, its store opens, and the work goes on where it was."""

import datetime
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_build import listed

from sim.vm.image import image

pytest.importorskip("esptool")
pytest.importorskip("sqlalchemy")
zxingcpp = pytest.importorskip("zxingcpp")

from host_tools import build, filesystem, identity  # noqa: E402
from host_tools.station import declared, record  # noqa: E402
from host_tools.station.jig import JigLine  # noqa: E402
from host_tools.store import connect, query, station  # noqa: E402
from sim.factory import jig as virtual_jig  # noqa: E402
from sim.vm.chip import Chip, running  # noqa: E402

KILLS = 50
XUEYANG = str(Path(sys.executable).with_name("xueyang"))
WHO = record.Who("s1", "", "")
LOT = ("--lot", "L1", "--hardware-revision", "1.2")


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station's store with serials, and a bundle."""
    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "image.bin"
    file.write_bytes(image("esp32c3", size=200_000))
    found = build.read_image(file, listed(tmp_path / "list", file))
    build.make(tmp_path / "bundle.zip", found, found.target)
    store = connect.opened(tmp_path / "s1.sqlite")
    station.reserve(store, store, "s1", "XY", 6)
    store.dispose()
    return tmp_path


def named(chip: Chip) -> identity.Identity | None:
    """Who a chip is by its flash."""
    chip.stop()
    part = chip.flash.partition("data")
    if part is None:
        return None
    blocks = filesystem.blocks_of(chip.flash.read(part.start, part.size))
    try:
        return identity.decode(filesystem.read_file(blocks, part.size, identity.FILE))
    except filesystem.NoFileSystem:
        return None


def killed(command: list[str], after_s: float) -> bool:
    """Run it, and kill it after so long; whether it still ran."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after_s)
    was_running = process.poll() is None
    process.kill()
    process.wait()
    return was_running


def test_killed_while_flashing(line: Path) -> None:
    jig = [Chip("esp32c3", b"\x24\x6f\x28\x00\x00" + bytes([n])) for n in range(1, 5)]
    moments = random.Random(KILLS)
    with running(jig):
        ports = [word for chip in jig for word in ("--port", chip.port.path)]
        command = [XUEYANG, "flash", str(line / "bundle.zip"), "--station", "s1", *LOT]
        command += ["--overwrite", "--json", *ports]
        began_s = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        took_s = time.monotonic() - began_s
        serials = [found.serial for chip in jig if (found := named(chip))]
        assert len(set(serials)) == 4
        caught = sum(killed(command, moments.uniform(0.1, 1) * took_s) for _ in range(KILLS))
        assert caught > KILLS // 2, "the kills came too late to say anything"
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        outcomes = [json.loads(text) for text in told.splitlines()]
        assert [outcome["serial"] for outcome in outcomes] == serials, "each chip keeps its own"
        assert [found.serial for chip in jig if (found := named(chip))] == serials
    store = connect.opened(line / "s1.sqlite")
    with store.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("SELECT count(*) FROM unit").scalar() == 4
    for serial in serials:
        assert query.trace(store, serial)["runs"][-1]["outcome"] == "passed"
    store.dispose()


def test_the_station_is_killed_while_it_tests(line: Path) -> None:
    """At any moment of the stage pcba, from before the first byte to after the last record: the
    same four units in the same jig, again and again."""
    moments = random.Random(KILLS)
    macs = [f"246f280001{n:02x}" for n in range(1, 5)]
    command = [XUEYANG, "station", "--stage", "pcba", str(line / "bundle.zip"), "--once", "--json"]
    command += ["--station", "s1", *LOT]
    store = connect.opened(line / "s1.sqlite")
    with virtual_jig.running(4) as path:
        jig = JigLine(path)
        command += ["--jig", path]
        for n, mac in enumerate(macs):
            jig.ask("define", number=n, mac=mac, faults=[])
        caught = passed = 0
        took_s = 0.0
        serials: dict[str, str] = {}
        whole = sum(len(phase.measurements) for phase in declared.stages()["pcba"])
        for number in range(KILLS + 1):
            for n in range(4):
                jig.ask("put_in", slot=str(n + 1), number=n)
            if number == 0:  # undisturbed, for the time that it takes
                began_s = time.monotonic()
                subprocess.run(command, capture_output=True)
                took_s = time.monotonic() - began_s
            else:
                # Most of them while it flashes and gives serials, which is the shorter part.
                latest_s = moments.choice((0.35, 0.35, 1.05)) * took_s
                caught += killed(command, moments.uniform(0.3, latest_s))
            for n in range(4):
                jig.ask("take_out", slot=str(n + 1))
            with store.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            for mac in macs:
                serial = query.of_chip(store, mac)
                if serial is None:
                    continue
                assert serials.setdefault(mac, serial) == serial, "a chip keeps its serial"
                runs = query.trace(store, serial)["runs"]
                tests = [run for run in runs if run["stage"] == "pcba"]
                for run in tests:
                    is_whole = len(run["values"]) == whole
                    assert is_whole or run["outcome"] != "passed", "all of it, or no pass"
                if runs and runs[-1]["stage"] == "pcba":  # so that it may come once more
                    passed += runs[-1]["outcome"] == "passed"
                    record.rework(store, serial, "again", WHO, datetime.datetime.now(datetime.UTC))
        assert len(set(serials.values())) == len(serials) == 4
        assert caught > KILLS // 2, "the kills came too late to say anything"
        for n in range(4):
            jig.ask("put_in", slot=str(n + 1), number=n)
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        outcomes = [json.loads(text) for text in told.splitlines()]
        assert sorted(o["serial"] for o in outcomes) == sorted(serials.values())
        assert {o["outcome"] for o in outcomes} == {"passed"}, "the work goes on"
        for n, mac in enumerate(macs):
            jig.ask("take_out", slot=str(n + 1))
            content = bytes.fromhex(jig.ask("file", number=n, name=identity.FILE))
            found = identity.decode(content)
            assert found and found.serial == serials[mac], "what is on it is what is recorded"
    print(f"{caught} of {KILLS} kills met a station at work; {passed} units passed between them")
    store.dispose()


def test_killed_while_printing(line: Path) -> None:
    from PIL import Image

    store = connect.opened(line / "s1.sqlite")
    serial = station.take(store, "s1", "L1", "1.2", 20261124, "246f28000001").serial
    out = line / "label.png"
    command = [XUEYANG, "label", serial, "--station", "s1", "--out", str(out)]
    began_s = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    took_s = time.monotonic() - began_s
    moments = random.Random(KILLS)
    asked = 0
    for _ in range(KILLS):
        out.unlink(missing_ok=True)
        killed(command, moments.uniform(0.4, 1.1) * took_s)
        if out.exists():
            (symbol,) = zxingcpp.read_barcodes(Image.open(out))
            assert symbol.text == serial, "whole, or not there"
        open_ones = station.unsettled_labels(store)
        assert len(open_ones) <= 1
        if open_ones:
            asked += 1
            told = subprocess.run(command, capture_output=True, text=True)
            assert told.returncode == 1 and "--settle" in told.stderr
            settle = [*command[:2], "--station", "s1", "--settle", "spoilt"]
            subprocess.run(settle, check=True, capture_output=True)
    copies = [label["copy"] for label in query.trace(store, serial)["labels"]]
    assert copies == list(range(1, len(copies) + 1)), "every copy is counted once"
    print(f"{asked} of {KILLS} kills fell between recording and knowing")
    store.dispose()
