"""Recording from a unit: what the sensor gave is in the file, whatever ends it."""

import csv
import datetime
import json
import os
import queue
import subprocess
import sys
import time
from pathlib import Path

import pytest
from device import PULSE_BPM, SPO2_PCT, Device, Finger
from test_console import Cable
from typer.testing import CliRunner

from host_tools import record as verb
from host_tools import replay
from host_tools.cli import app
from host_tools.console import Console, ConsoleError, Samples, open_port
from host_tools.identity import Identity
from host_tools.record import RecordError, Reference, Rows, Session
from sim.board import Board
from sim.recording import read
from sim.run import COLUMNS
from sim.vm import setup

SESSION = Session(subject="7", site="left-index", reference="oximeter", reference_device="X 12")


@pytest.fixture
def device(tmp_path: Path) -> Device:
    finger = Finger()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "identity.bin").write_bytes(
        Identity("XY000123", "L2547", "1.2", 20261124).encode()
    )
    return Device(finger, Board(finger, data_dir=tmp_path / "data"))


def recorded(
    device: Device, out: Path, seconds: float | None = 12, port=None, *typed: Reference
) -> verb.Recorded:
    references: queue.SimpleQueue[Reference] = queue.SimpleQueue()
    for each in typed:
        references.put(each)
    console = Console(port or Cable(device), timeout_s=0.3)
    return verb.record(console, out, SESSION, references, seconds)


def cells(out: Path) -> list[dict[str, str]]:
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------------------------ the rows


def block(t_ms: int, count: int, lost: int = 0, die_c: float | None = None) -> Samples:
    adc = list(range(count))
    return Samples(t_ms, lost, False, 7000, 6400, 4096, die_c, adc, [10 * n for n in adc])


def test_each_sample_has_a_time_of_its_own() -> None:
    rows = Rows()
    told = [*rows.of(block(1000, 4, die_c=30.5)), *rows.of(block(1050, 5, die_c=30.5))]
    assert [float(row[0]) for row in told] == pytest.approx([n / 100 for n in range(9)])
    assert told[0][3:] == ["7", "6.4", "4096", "30.5"]
    assert all(row[6] == "" for row in told[1:]), "only where it changes"
    assert rows.seconds == pytest.approx(0.08)


def test_lost_samples_are_blank_and_many_are_a_gap() -> None:
    rows = Rows()
    list(rows.of(block(100, 4)))
    told = list(rows.of(block(160, 4, lost=2)))
    assert [row[1] for row in told] == ["", "", "0", "1", "2", "3"]
    assert [float(row[0]) for row in told] == pytest.approx([0.04, 0.05, 0.06, 0.07, 0.08, 0.09])
    told = list(rows.of(block(5000, 3, lost=31)))
    assert [row[1] for row in told] == ["0", "1", "2"]
    assert float(told[0][0]) == pytest.approx(4.91)
    assert rows.lost == 33


def test_a_line_is_a_reading_or_nothing() -> None:
    both = verb.REFERENCES
    assert verb.typed(" 97 72\n", both) == Reference(97, 72)
    assert verb.typed("96.5, -", both) == Reference(96.5, None)
    assert verb.typed("72", both[1:]) == Reference(None, 72)
    for line in ("97", "97 72 1", "- -", "970 72", "97 7", "Wang", "9 7"):
        with pytest.raises(ValueError):
            verb.typed(line, both)


# -------------------------------------------------------------------------- from a simulated unit


def test_what_is_recorded_is_what_the_sensor_gave_and_replays(
    device: Device, tmp_path: Path
) -> None:
    out = tmp_path / "s7.csv"
    assert device.board.vbus is not None
    device.board.vbus.value(1)  # the product measures on a cable only when told to record
    told = recorded(device, out, 20, None, Reference(94, 72))
    assert (told.ended_by, told.lost, told.references) == ("time", 0, 1)
    assert device.app.mode == 0, "and forgets it afterwards"
    rows = cells(out)
    assert len(rows) == told.samples == pytest.approx(2000, abs=10)
    assert rows[0]["ref_spo2"] == "94" and rows[0]["ref_hr"] == "72" and not rows[1]["ref_spo2"]
    light = read(out)
    assert light.sidecar["unit"]["serial"] == "XY000123"
    assert light.sidecar["unit"]["lot"] == "L2547"
    assert light.sidecar["subject"] == "7" and light.sidecar["reference"] == "oximeter"
    assert light.sidecar["curve_e7"][0] == 15958422 and light.sidecar["evidence"] == "none"
    assert {row["range_na"] for row in rows} == {"4096"}
    assert light.die_c is not None and 31.0 in light.die_c
    # The wave is the finger's, whatever current the unit had chosen.
    steady = rows[-800:]
    scale = float(steady[-1]["led_ir_ma"]) / 7
    ir = [int(row["ir"]) for row in steady]
    assert max(ir) == pytest.approx(120_000 * scale * 1.005, rel=0.003)
    for again in replay.replay([out], tmp_path / "rows.csv"):
        assert again[0].ok and again[0].seconds_ok > 8
        assert again[1] is not None
        last = dict(zip(COLUMNS, again[1].rows[-1], strict=True))
        assert float(last["spo2_pct"]) == pytest.approx(SPO2_PCT, abs=1)
        assert float(last["pulse_bpm"]) == pytest.approx(PULSE_BPM, abs=1)


class Pulled(Cable):
    """A cable that is pulled after so many reads."""

    def __init__(self, device: Device, reads: int) -> None:
        super().__init__(device)
        self.left = reads

    def read(self, n: int, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("device reports readiness to read but returned no data")
        return super().read(n)


def test_a_pulled_cable_costs_nothing_that_had_come(device: Device, tmp_path: Path) -> None:
    device.board.vbus = None
    out = tmp_path / "s7.csv"
    told = recorded(device, out, None, Pulled(device, 700))
    assert told.ended_by == "gone" and told.samples > 300
    light = read(out)
    assert len(light.t_s) == told.samples
    assert light.sidecar["ended_by"] == "gone" and light.sidecar["samples"] == told.samples
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "s7.csv", "s7.json"]


def test_a_unit_that_falls_silent_ends_it(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "SILENT_S", 0.2)
    device.board.vbus = None

    class Mute(Pulled):
        def read(self, n: int, /) -> bytes:
            self.left -= 1
            return Cable.read(self, n) if self.left > 0 else b""

    told = recorded(device, tmp_path / "s7.csv", None, Mute(device, 500))
    assert told.ended_by == "silent" and len(read(tmp_path / "s7.csv").t_s) == told.samples


def test_nothing_is_overwritten(device: Device, tmp_path: Path) -> None:
    device.board.vbus = None
    (tmp_path / "s7.json").write_text("{}")
    with pytest.raises(RecordError, match="is there already"):
        recorded(device, tmp_path / "s7.csv")
    with pytest.raises(RecordError, match="csv"):
        recorded(device, tmp_path / "s8.txt")


def test_what_a_kill_leaves_is_finished(tmp_path: Path) -> None:
    out = tmp_path / "s7.csv"
    part = verb.part_of(out)
    part.write_text("t_s,red,ir\n0.00,1,2\n0.01,1,2\n0.02,1")
    with pytest.raises(RecordError, match="finish it"):
        verb.check_free(out)
    assert verb.finish(out) and len(read(out).t_s) == 2 and not part.exists()
    assert not verb.finish(out)
    told = CliRunner().invoke(app, ["record", str(out), "--json"])
    assert told.exit_code == 0 and json.loads(told.stdout)["finished"] is False


# --------------------------------------------------------------------- references that come later


@pytest.fixture
def blood(tmp_path: Path) -> Path:
    """A recording of 60 s that began at 05:00 UTC, and samples of two subjects' blood."""
    rows = "".join(f"{n / 10:.1f},100000,120000\n" for n in range(600))
    (tmp_path / "s7.csv").write_text("t_s,red,ir\n" + rows)
    sidecar = {"began": "2026-11-27T05:00:00.000+00:00", "subject": "7"}
    (tmp_path / "s7.json").write_text(json.dumps(sidecar))
    (tmp_path / "blood.csv").write_text(
        "time,sao2_pct,subject\n"
        "2026-11-27T05:00:12.5+00:00,88.1,7\n"
        "2026-11-27T13:00:40+08:00,79.9,7\n"
        "2026-11-27T05:00:30Z,95.0,8\n"
        "2026-11-27T05:09:00Z,71.0,7\n"
    )
    return tmp_path


def test_blood_finds_the_light_of_its_moment(blood: Path) -> None:
    told = CliRunner().invoke(app, [
        "record", str(blood / "s7.csv"), "--reference", "arterial", "--subject", "7",
        "--ref-csv", str(blood / "blood.csv"), "--ref-offset-s", "2.5", "--json",
    ])  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert json.loads(told.stdout) | {"file": ""} == {
        "file": "", "finished": False, "added": 2, "outside": 1,
    }  # fmt: skip
    light = read(blood / "s7.csv")
    found = {float(t): float(v) for t, v in zip(light.t_s, light.ref_spo2, strict=True) if v == v}
    assert found == {10.0: 88.1, 37.5: 79.9}, "the clock was 2.5 s ahead; 13:00 there is 05:00 UTC"
    assert light.sidecar["reference"] == "SaO2" and light.sidecar["reference_offset_s"] == 2.5


@pytest.mark.parametrize(
    ("change", "words", "sentence"),
    [
        ({}, ["--reference", "oximeter", "--subject", "7"], "spo2_pct"),
        ({}, ["--reference", "arterial"], "several subjects"),
        ({"+00:00": ""}, ["--reference", "arterial", "--subject", "7"], "row 2"),
        ({"88.1": "881"}, ["--reference", "arterial", "--subject", "7"], "row 2"),
    ],
)
def test_what_is_no_reference_is_refused(
    blood: Path, change: dict[str, str], words: list[str], sentence: str
) -> None:
    file = blood / "blood.csv"
    for old, new in change.items():
        file.write_text(file.read_text().replace(old, new))
    before = (blood / "s7.csv").read_bytes()
    command = ["record", str(blood / "s7.csv"), "--ref-csv", str(file), "--ref-offset-s", "0"]
    told = CliRunner().invoke(app, [*command, *words])
    assert told.exit_code == 1 and sentence in told.stderr
    assert (blood / "s7.csv").read_bytes() == before


def test_references_of_two_kinds_do_not_mix(blood: Path) -> None:
    (blood / "s7.json").write_text(
        json.dumps({"began": "2026-11-27T05:00:00Z", "reference": "oximeter"})
    )
    with pytest.raises(RecordError, match="another kind"):
        verb.add(blood / "s7.csv", "SaO2", [], 0.0)


@pytest.mark.parametrize(
    "words",
    [
        ["--subject", "Wang"],
        ["--ref-spo2"],
        ["--ref-csv", "x.csv", "--reference", "arterial"],
        ["--ref-offset-s", "1"],
    ],
)
def test_what_cannot_be_meant_is_usage(words: list[str], tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["record", str(tmp_path / "x.csv"), *words]).exit_code == 2


def test_no_port_is_exit_3(tmp_path: Path) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed: run `make setup-all`")
    told = CliRunner().invoke(app, ["record", str(tmp_path / "x.csv"), "--port", "/dev/nothing"])
    assert told.exit_code == 3 and len(told.stderr.strip().splitlines()) == 1
    assert "check the cable" in told.stderr


def test_nothing_to_finish_is_no_recording(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["record", str(tmp_path / "x.csv")])
    assert told.exit_code == 1 and "--port" in told.stderr and not told.stdout


# ---------------------------------------------------------------- the virtual chip, the real cable


@pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)
def test_a_flashed_chip_is_recorded_and_replayed(tmp_path: Path) -> None:
    """The real command on a pseudo-terminal: references typed meanwhile, then the cable pulled."""
    pytest.importorskip("esptool", reason="esptool is not installed: run `make setup-all`")
    import zipfile

    from test_build import made

    from sim.patient import Person, Scene
    from sim.vm.chip import Chip, running

    with zipfile.ZipFile(made(tmp_path, "esp32c3")) as archive:
        flash = archive.read("flash.bin")
    person = Person(Scene(spo2_pct=92.0, perfusion_pct=3.0, duration_s=900.0), seed=3)
    chip = Chip("esp32c3", board=Board(person))
    chip.flash.program(0, flash)
    command = [sys.executable, "-m", "host_tools.cli", "record", "--json", "--subject", "7",
               "--reference", "simulator", "--ref-spo2", "--ref-hr"]  # fmt: skip

    def begun(out: Path, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, str(out), "--port", chip.port.path, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for(out: Path, recorder: "subprocess.Popen[str]") -> None:
        """Some 300 samples are on the disk."""
        end_s = time.monotonic() + 60
        part = verb.part_of(out)
        while not part.exists() or part.stat().st_size < 10_000:
            assert recorder.poll() is None, recorder.communicate()
            assert time.monotonic() < end_s, "nothing was recorded"
            time.sleep(0.05)

    def wait_until_it_answers() -> None:
        """It boots as slowly as this machine is busy."""
        with open_port(chip.port.path) as port:
            for _ in range(20):
                try:
                    Console(port).identify()
                    return
                except ConsoleError:
                    pass
        raise AssertionError("the chip does not answer")

    with running([chip]):
        chip.boot()
        wait_until_it_answers()
        whole = begun(tmp_path / "whole.csv", "--seconds", "16")
        wait_for(tmp_path / "whole.csv", whole)
        assert whole.stdin is not None
        whole.stdin.write("92 71\nninety\n")
        whole.stdin.flush()
        said, complained = whole.communicate(timeout=120)
        assert whole.returncode == 0, complained
        assert "ninety" in complained and "未记录" in complained

        killed = begun(tmp_path / "killed.csv")
        wait_for(tmp_path / "killed.csv", killed)
        killed.kill()
        killed.communicate(timeout=60)

        cut = begun(tmp_path / "cut.csv")
        wait_for(tmp_path / "cut.csv", cut)
        chip.replug()
        _, complained = cut.communicate(timeout=60)
        assert cut.returncode == 1 and "The unit has gone" in complained, complained
        assert "Traceback" not in complained

    told = json.loads(said)
    assert (told["references"], told["ended_by"]) == (1, "time")
    light = read(tmp_path / "whole.csv")
    assert light.sidecar["unit"]["version"] and light.die_c is not None
    began = datetime.datetime.fromisoformat(light.sidecar["began"])
    ended = datetime.datetime.fromisoformat(light.sidecar["ended"])
    assert (ended - began).total_seconds() == pytest.approx(told["seconds"], abs=1.5)
    assert light.ref_spo2[light.ref_spo2 == light.ref_spo2].tolist() == [92.0]
    assert len(read(tmp_path / "cut.csv").t_s) > 100
    finished = CliRunner().invoke(app, ["record", str(tmp_path / "killed.csv")])
    assert finished.exit_code == 0 and len(read(tmp_path / "killed.csv").t_s) > 100

    replayed = CliRunner().invoke(
        app, ["replay", str(tmp_path / "whole.csv"), "--csv", str(tmp_path / "rows.csv")]
    )
    assert replayed.exit_code == 0, replayed.stderr
    shown = [row for row in cells(tmp_path / "rows.csv") if row["status"] == "ok"]
    # Fewer on a machine so busy that the chip loses samples; what is shown is right.
    assert shown and all(abs(float(row["spo2_pct"]) - 92.0) < 1.5 for row in shown[-3:])
