"""`xueyang replay`: the rows, the files it writes, and how it ends, as the contract has them."""

import csv
import errno
import gzip
import json
import os
import re
import subprocess
import sys
from decimal import ROUND_HALF_DOWN, Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from host_tools import cli
from host_tools import replay as verb
from sim import run
from sim.door import field
from sim.patient import Person, Scene, record
from sim.recording import read

REPO = Path(__file__).resolve().parent.parent
HEADER = "t_s,spo2_pct,spo2_sd_pct,pulse_bpm,perfusion_pct,ratio,status,flags"
FORMATS = {
    "spo2_pct": r"-?\d+\.\d",
    "spo2_sd_pct": r"\d+\.\d\d",
    "pulse_bpm": r"\d+\.\d",
    "perfusion_pct": r"\d+\.\d\d",
    "ratio": r"\d+\.\d{3}",
}


def xueyang(*words) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "host_tools.cli", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=REPO,
        timeout=600,
    )


def finger(path: Path, seconds: float = 6.34, first: str = "0", rate_hz: int = 100) -> Path:
    """A recording of a still finger, 75 beats a minute, ratio 0.6."""
    at = np.arange(int(seconds * rate_hz) + 1)
    beat = np.sin(2 * np.pi * 1.25 * at / rate_hz) + 0.4 * np.sin(4 * np.pi * 1.25 * at / rate_hz)
    red = np.rint(100_000 * (1 - 0.006 * beat)).astype(int)
    ir = np.rint(120_000 * (1 - 0.010 * beat)).astype(int)
    lines = [
        f"{Decimal(first) + Decimal(int(k)) / rate_hz},{r},{i}"
        for k, r, i in zip(at, red, ir, strict=True)
    ]
    text = "\n".join(["t_s,red,ir", *lines]) + "\n"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


# --- rows ------------------------------------------------------------------------------------

value = st.one_of(st.just(field.NONE), st.integers(0, 30_000))


@given(spo2=value, sd=value, pulse=value, perfusion=value, ratio=value, flags=st.integers(0, 1023))
def test_cells_are_the_readings_own_figures(spo2, sd, pulse, perfusion, ratio, flags):
    reading = [0] * field.LENGTH
    reading[field.SPO2_CENTIPCT] = spo2
    reading[field.SPO2_SD_CENTIPCT] = sd
    reading[field.PULSE_DECIBPM] = pulse
    reading[field.PERFUSION_MILLIPCT] = perfusion
    reading[field.RATIO_Q12] = ratio
    reading[field.STATUS] = field.MOTION
    reading[field.FLAGS] = flags

    def cell(count: int, unit: str, digits: str) -> str:
        if count == field.NONE:
            return ""
        return str((count * Decimal(unit)).quantize(Decimal(digits), ROUND_HALF_DOWN))

    got = run.row(reading)
    assert got[:5] == (
        cell(spo2, "0.01", "0.1"),
        cell(sd, "0.01", "0.01"),
        cell(pulse, "0.1", "0.1"),
        cell(perfusion, "0.001", "0.01"),
        cell(ratio, str(Decimal(1) / 4096), "0.001"),
    )
    assert got[5] == "motion"
    assert sum(1 << field.FLAG_NAMES.index(name) for name in got[6].split()) == flags


@pytest.mark.parametrize(
    ("first", "seconds"),
    [("0", 6.34), ("0.0401", 6.0), ("1700000000.25", 5.99), ("-3.5", 5.0)],
)
def test_a_row_for_every_whole_second_after_the_first_time(tmp_path, first, seconds):
    file = finger(tmp_path / "a.csv", seconds, first)
    done = xueyang("replay", file, "--csv", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out.csv").read_text()
    assert text.startswith(HEADER + "\n") and text.endswith("\n") and "\r" not in text
    rows = rows_of(tmp_path / "out.csv")
    wanted = [Decimal(first) + k for k in range(1, int(seconds) + 1)]
    assert [Decimal(row["t_s"]) for row in rows] == wanted


def test_a_still_finger_is_read(tmp_path):
    """One second before the end it has had 14 s; the ratio and the pulse are the recording's."""
    shown = run.run_device(read(finger(tmp_path / "a.csv", 15.5)))
    assert [t_s for t_s, _ in shown.frames] == list(range(1, 16))
    assert all(len(frame) == 1024 for _, frame in shown.frames)
    assert len({frame for _, frame in shown.frames}) > 3
    last = dict(zip(run.COLUMNS, shown.rows[-1], strict=True))
    assert last["status"] == "ok"
    assert float(last["ratio"]) == pytest.approx(0.6, abs=0.02)
    assert float(last["pulse_bpm"]) == pytest.approx(75, abs=1)
    assert shown.seconds_ok == sum(row[run.COLUMNS.index("status")] == "ok" for row in shown.rows)


@pytest.mark.parametrize("counts", [0, 262143])
def test_darkness_and_full_scale_give_no_number(tmp_path, counts):
    file = tmp_path / "flat.csv"
    lines = [f"{k / 100},{counts},{counts}" for k in range(1500)]
    file.write_text("\n".join(["t_s,red,ir", *lines]))
    for row in run.run_device(read(file)).rows:
        assert row[1:6] == ("",) * 5 and row[6] != "ok"


def test_progress_counts_the_seconds(tmp_path):
    seen: list[int] = []
    run.run_device(read(finger(tmp_path / "a.csv", 4.5)), progress=seen.append)
    assert seen == [1, 2, 3, 4]


# --- files and exit codes --------------------------------------------------------------------


def test_one_file_goes_where_it_is_told(tmp_path):
    file = finger(tmp_path / "in" / "a.csv.gz", 2.5)
    assert xueyang("replay", file, "--csv", tmp_path / "new" / "b.txt").returncode == 0
    assert len(rows_of(tmp_path / "new" / "b.txt")) == 2
    assert xueyang("replay", file, "--csv", tmp_path / "new").returncode == 0
    assert leftovers(tmp_path / "new") == {"b.txt", "a.csv"}


def test_several_files_go_into_a_folder_and_a_bad_one_stops_nobody(tmp_path):
    files = [finger(tmp_path / "in" / f"{name}.csv.gz", 2.5) for name in "ab"]
    bad = tmp_path / "in" / "bad.csv"
    bad.write_text("t_s,red\n0,1\n")
    cut = tmp_path / "in" / "cut.csv.gz"
    cut.write_bytes(files[0].read_bytes()[:-20])
    out = tmp_path / "out"
    done = xueyang("replay", files[0], bad, cut, tmp_path, files[1], "--csv", out, "--json")
    assert done.returncode == 1
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["ok"] for one in said] == [True, False, False, False, True]
    assert set(said[0]) == {"file", "ok", "error", "rows", "seconds_ok", "csv", "report"}
    assert said[0]["csv"] == str(out / "a.csv") and said[0]["error"] is None
    assert said[0]["rows"] == 2 and said[0]["report"] is None
    assert "no column ir" in said[1]["error"] and said[1]["csv"] is None
    assert "cut off" in said[2]["error"] and "folder" in said[3]["error"]
    assert leftovers(out) == {"a.csv", "b.csv"}
    assert "Traceback" not in done.stderr and "no column ir" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.csv", "--vm", "pypy"],
        ["a.csv", "--what"],
        ["a.csv", "a.csv", "--csv", "out"],
        ["a.csv", "other/a.csv.gz", "--csv", "out"],
        ["a.csv", "other/a.csv.gz", "--report", "out"],
        ["a.csv", "b.csv", "--csv", "a.csv"],
        ["a.csv", "--csv", "a.csv"],
        ["a.csv", "--csv", "."],
        ["a.csv", "--report", "b.csv"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_a_usage_error_before_anything_is_done(
    tmp_path, monkeypatch, words
):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "other/a.csv.gz"):
        finger(tmp_path / name, 2.1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    done = CliRunner().invoke(cli.app, ["replay", *words])
    assert done.exit_code == 2
    assert not done.stdout and "Traceback" not in done.stderr and done.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


@pytest.mark.parametrize("when", ["fsync", "replace"])
def test_a_full_disk_leaves_neither_half_a_file_nor_the_loss_of_the_old(
    tmp_path, monkeypatch, when
):
    file = finger(tmp_path / "in" / "a.csv", 2.1)
    out = tmp_path / "out" / "a.csv"
    out.parent.mkdir()
    old = ",".join(run.COLUMNS) + "\n"
    out.write_text(old)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if when == "fsync" else (Path, "replace")), full)
    (outcome, _), *_ = verb.replay([file], out)
    assert not outcome.ok and outcome.error and "no space left" in outcome.error
    assert outcome.csv is None and out.read_text() == old
    assert leftovers(out.parent) == {"a.csv"}


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    file = finger(tmp_path / "a.csv", 2.1)
    done = xueyang("replay", file, "--csv", file / "b.csv")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_a_fault_of_ours_is_a_sentence_and_stops_nobody(tmp_path, monkeypatch):
    files = [finger(tmp_path / name, 2.1) for name in ("a.csv", "b.csv")]
    real = verb.run_device

    def faulty(recording, *rest):
        return 1 / 0 if recording.name == "a" else real(recording, *rest)

    monkeypatch.setattr(verb, "run_device", faulty)
    done = CliRunner().invoke(cli.app, ["replay", *map(str, files)])
    assert done.exit_code == 1
    assert "fault of Xueyang (ZeroDivisionError in test_replay.py" in done.stderr
    assert "b.csv: 2 rows" in done.stdout and "Traceback" not in done.output


def test_a_missing_interpreter_is_a_sentence_that_names_the_command(tmp_path, monkeypatch):
    from sim.vm import host, setup

    def missing(*_):
        raise setup.VmMissing("The MicroPython VM needs node 20 or newer: run `make setup-all`.")

    monkeypatch.setattr(host, "Vm", missing)
    files = [str(finger(tmp_path / name, 2.1)) for name in ("a.csv", "b.csv")]
    done = CliRunner().invoke(cli.app, ["replay", *files, "--vm", "micropython"])
    assert done.exit_code == 1 and not done.stdout
    assert done.stderr.count("make setup-all") == 1


def test_results_are_on_stdout_and_progress_on_stderr(tmp_path):
    file = finger(tmp_path / "a.csv", 2.1)
    done = xueyang("replay", file, "--report", tmp_path / "pages")
    assert done.returncode == 0
    assert re.fullmatch(r".*a\.csv: 2 rows, 0 s with a reading -> .*a\.html\n", done.stdout)
    assert "[1/1] a.csv: 2 s replayed" in done.stderr
    assert leftovers(tmp_path / "pages") == {"a.html"}


def test_on_a_terminal_a_bar_moves_and_results_stay_on_stdout(tmp_path):
    pty = pytest.importorskip("pty")  # not on Windows
    files = [finger(tmp_path / name, 8.1) for name in ("a.csv", "b.csv")]
    bad = tmp_path / "bad.csv"
    bad.write_text("")
    near, far = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "host_tools.cli", "replay", files[0], bad, files[1], "--json"],
            stdout=subprocess.PIPE,
            stderr=far,
            text=True,
            cwd=REPO,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
            timeout=60,
        )
        drawn = os.read(near, 100_000).decode()
    finally:
        os.close(near)
        os.close(far)
    assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [True, False, True]
    assert done.returncode == 1
    assert "a" in drawn and "1/3" in drawn and "3/3" in drawn and "of 8 s" in drawn
    assert "bad.csv is empty" in drawn and "Traceback" not in drawn


# --- real recordings -------------------------------------------------------------------------

# All of them, and whole: four and a half hours of signal.
DATASETS = (
    "alsementsov_max30102",
    "bidmc_single",
    "emotibit_max30101",
    "heartpy_samples",
    "luong_max30102_ecg",
    "misc_max30102",
    "ubicomp_phone_camera",
)


def test_no_dataset_is_forgotten(recordings):
    assert {entry["dataset"] for entry in rows_of(recordings / "INDEX.csv")} == set(DATASETS)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_real_recording_replays_with_its_rows(recordings, tmp_path, dataset):
    index = rows_of(recordings / "INDEX.csv")
    entries = [entry for entry in index if entry["dataset"] == dataset]
    files = [recordings / entry["file"] for entry in entries]
    done = xueyang("replay", *files, "--csv", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(entries)
    for entry, file, one in zip(entries, files, said, strict=True):
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
        times = [Decimal(line.split(",", 1)[0]) for line in text.splitlines()[1:]]
        csv_path = (tmp_path / "out" if len(files) > 1 else tmp_path) / f"{entry['recording']}.csv"
        rows = rows_of(csv_path if len(files) > 1 else tmp_path / "out")
        wanted = [times[0] + k for k in range(1, int(times[-1] - times[0]) + 1)]
        assert [Decimal(row["t_s"]) for row in rows] == wanted
        assert one["rows"] == len(rows)
        assert one["seconds_ok"] == sum(row["status"] == "ok" for row in rows)
        two = entry["has_red"] == entry["has_ir"]
        for row in rows:
            assert row["status"] in field.STATUS_NAMES
            assert set(row["flags"].split()) <= set(field.FLAG_NAMES)
            assert (row["status"] == "ok") == bool(row["spo2_pct" if two else "pulse_bpm"])
            assert two or not row["spo2_pct"]
            for column, form in FORMATS.items():
                assert re.fullmatch(form, row[column]) or not row[column]


@pytest.mark.parametrize("name", ["d2_16-43_ambi", "d2_16-44_whitecoverlay"])
def test_what_is_no_finger_gives_no_number(recordings, name):
    shown = run.run_device(read(recordings / "alsementsov_max30102" / f"{name}.csv"))
    for row in shown.rows:
        cells = dict(zip(run.COLUMNS, row, strict=True))
        assert not cells["spo2_pct"] and not cells["pulse_bpm"] and cells["status"] != "ok"


# Where OUT leads ----------------------------------------------------------------------------


def test_a_link_stays_a_link(tmp_path):
    recording = finger(tmp_path / "a.csv")
    target, link = tmp_path / "there.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    assert xueyang("replay", recording, "--csv", link).returncode == 0
    assert link.is_symlink() and target.read_text().startswith("t_s,spo2_pct")


def test_a_pipe_is_written_through(tmp_path):
    recording, pipe = finger(tmp_path / "a.csv"), tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True)
    assert xueyang("replay", recording, "--csv", pipe).returncode == 0
    assert reader.communicate(timeout=20)[0].startswith("t_s,spo2_pct")
    assert pipe.is_fifo()


def test_what_is_no_table_of_rows_is_not_replaced(tmp_path):
    recording, other = finger(tmp_path / "a.csv"), tmp_path / "out" / "a.csv"
    other.parent.mkdir()
    other.write_text("t_s,red,ir\n0,1,2\n")
    done = xueyang("replay", recording, "--csv", other.parent)
    assert done.returncode == 1
    assert "was not written by a replay" in done.stderr
    assert other.read_text() == "t_s,red,ir\n0,1,2\n"


def test_a_loop_of_links_is_one_failure(tmp_path):
    recording, loop = finger(tmp_path / "a.csv"), tmp_path / "loop.csv"
    loop.symlink_to(loop)
    done = xueyang("replay", recording, loop, "--csv", tmp_path / "out")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert (tmp_path / "out" / "a.csv").exists()
    done = xueyang("replay", recording, "--csv", loop)
    assert done.returncode == 1 and "Traceback" not in done.stderr and str(loop) in done.stderr


def test_out_may_be_a_folder_to_come_but_not_nothing(tmp_path):
    recording = finger(tmp_path / "a.csv")
    assert xueyang("replay", recording, "--csv", f"{tmp_path}/new/").returncode == 0
    assert (tmp_path / "new" / "a.csv").is_file()
    assert xueyang("replay", recording, "--csv", "").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_nobody_takes_the_results(tmp_path):
    first, second = finger(tmp_path / "a.csv"), finger(tmp_path / "b.csv")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "host_tools.cli", "replay", first, second,
             "--csv", tmp_path / "out"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert (tmp_path / "out" / "b.csv").exists()


def test_a_terminal_without_the_letters(tmp_path):
    recording = finger(tmp_path / "手指.csv")
    done = subprocess.run(
        [sys.executable, "-m", "host_tools.cli", "replay", recording],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and b"Traceback" not in done.stderr


def test_rows_stamped_as_a_fifo_was_emptied(tmp_path):
    """Four rows 2 ms apart every 40 ms: a hundred a second, and the pulse of 72 they hold."""
    seen = record(Person(Scene(duration_s=30), 3))
    path = tmp_path / "bursts.csv"
    lines = ["t_s,red,ir"]
    for n, (red, ir) in enumerate(zip(seen.red, seen.ir, strict=True)):
        lines.append(f"{n // 4 * 0.04 + n % 4 * 0.002:.3f},{red},{ir}")
    path.write_text("\n".join(lines) + "\n")
    shown = run.run_device(read(path))
    pulses = [float(row[3]) for row in shown.rows if row[3]]
    assert len(pulses) > 20 and all(abs(pulse - 72) < 4 for pulse in pulses)
