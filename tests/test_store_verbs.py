"""A small line by its commands: reserve, flash, trace, yield, recall, push to a real plant."""

import json
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from test_build import listed
from typer.testing import CliRunner

from sim.vm.image import image

pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: run `make setup-all`")

from host_tools import build, filesystem
from host_tools.cli import app
from host_tools.store import connect
from sim.door import settings
from sim.vm.chip import Chip, running

LOT = ("--lot", "L2547", "--hardware-revision", "1.2")


@pytest.fixture
def plant() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "image.bin"
    file.write_bytes(image("esp32c3"))
    found = build.read_image(file, listed(tmp_path / "list", file))
    build.make(tmp_path / "bundle.zip", found, found.target)
    return tmp_path / "bundle.zip"


def run(*arguments: str | Path, code: int = 0):
    told = CliRunner().invoke(app, [*map(str, arguments)])
    assert told.exit_code == code, told.stdout + told.stderr
    return told


def test_a_line_from_serials_to_the_plant(
    plant: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "line" / "s1.sqlite"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    run("plant", plant)
    told = run("reserve", "--station", "s1", "--prefix", "XY", "--plant", plant)
    assert told.stdout == "XY000000 to XY000499\n"

    jig = [Chip("esp32c3", b"\x24\x6f\x28\x00\x00" + bytes([n])) for n in range(1, 5)]
    jig[1].flash.dies_after = 20
    at_station = ("flash", bundle, "--station", "s1", "--worker", "w7", *LOT, "--json")
    with running(jig):
        ports = [word for chip in jig for word in ("--port", chip.port.path)]
        told = run(*at_station, *ports, code=4)
        outcomes = [json.loads(line) for line in told.stdout.splitlines()]
        assert [outcome["state"] for outcome in outcomes] == [
            "passed", "failed", "passed", "passed",
        ]  # fmt: skip
        jig[1].replug()
        told = run(*at_station, "--port", jig[1].port.path)
        assert json.loads(told.stdout)["serial"] == "XY000001", "the chip keeps its serial"

        told = run(*at_station[:-5], "--lot", "L9", "--hardware-revision", "1.2", "--overwrite",
                   "--port", jig[2].port.path, code=1)  # fmt: skip
        assert "XY000002" in told.stdout and "L2547" in told.stdout

        told = run("trace", "--port", jig[1].port.path)
        assert "XY000001" in told.stdout and "signed by station s1" in told.stdout
        # The files of one unit on another chip, and a calibration that nobody signed.
        for chip in jig:
            chip.stop()
        part = jig[1].flash.partition("data")
        assert part is not None
        start, end = part.start, part.start + part.size
        jig[3].flash.content[start:end] = jig[1].flash.content[start:end]
        told = run("trace", "--port", jig[3].port.path, "--json", code=1)
        assert json.loads(told.stdout)["signature"] == "other_chip"
        found = filesystem.blocks_of(jig[0].flash.read(start, part.size))
        files = filesystem.read_all(found, part.size)
        for name, value, signature, code in (
            ("curve_e7", (15958422, -346596622, 1126898760), "unsigned", 1),
            ("language", "en", "signed", 0),  # the owner's affair
        ):
            changed = settings.Settings()
            setattr(changed, name, value)
            image_ = filesystem.make(files | {"settings.bin": settings.encode(changed)}, part.size)
            jig[0].stop()
            jig[0].flash.content[start : start + len(image_)] = image_
            told = run("trace", "--port", jig[0].port.path, "--json", code=code)
            assert json.loads(told.stdout)["signature"] == signature

    key = tmp_path / "config" / "xueyang" / "station.key"
    assert key.stat().st_mode & 0o077 == 0, "nobody else reads it"
    mine = json.loads(run("trace", "XY000001", "--json").stdout)
    assert [(run["kind"], run["outcome"], run["cause"]) for run in mine["runs"]] == [
        ("first", "failed", "pulled"), ("retest", "passed", ""),
    ]  # fmt: skip
    assert mine["mac"] == "246f28000002" and mine["runs"][0]["worker"] == "w7"
    assert "flash (retest) passed" in run("trace", "XY000001").stdout

    sent = run("push", plant).stdout
    assert sent == "10 records sent\n", "a key, four units and five runs"
    assert run("push", plant).stdout == "0 records sent\n"
    theirs = json.loads(run("trace", "XY000001", "--store", plant, "--json").stdout)
    assert theirs == mine

    told = json.loads(run("yield", "--lot", "L2547", "--store", plant, "--json").stdout)
    assert told["stages"] == [{"stage": "flash", "units": 4, "passed": 3, "first_pass_pct": 75.0}]
    assert told["failures"][0]["cause"] == "pulled"
    assert "75.0" in run("yield").stdout
    rows = json.loads(run("recall", "--lot", "L2547", "--store", plant, "--json").stdout)
    assert [row["serial"] for row in rows] == [f"XY00000{n}" for n in range(4)]


def test_what_the_store_cannot_do_is_a_sentence(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XUEYANG_STORE", str(tmp_path / "s1.sqlite"))
    away = "postgresql://x@/x?host=/no/such/folder"
    for command in (
        ("trace", "XY1"),
        ("trace", "XY1", "--store", "mysql://x"),
        ("push", away),
        ("yield", "--store", away),
        ("plant", away),
    ):
        told = run(*command, code=1)
        assert len(told.stderr.strip().splitlines()) == 1, told.stderr
    (tmp_path / "s1.sqlite").write_bytes(b"no database at all" * 99)
    assert "cannot be opened" in run("trace", "XY1", code=1).stderr
    assert connect.default_path() == tmp_path / "s1.sqlite"
