"""Recordings of simulated people, and the one the first command plays."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from sim.patient import Person, Scene, Settings, demo, record


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.csv"
    demo.write(path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_csv_has_the_columns_of_the_contract(rows):
    assert list(rows[0]) == ["t_s", "red", "ir", "ref_spo2", "ref_hr"]
    t = np.array([float(row["t_s"]) for row in rows])
    assert np.all(np.diff(t) > 0) and t[-1] == pytest.approx(240.0, abs=0.02)
    counts = np.array([(int(row["red"]), int(row["ir"])) for row in rows])
    assert counts.min() >= 0 and counts.max() < 1 << 18


def test_the_demonstration_tells_its_story(rows):
    refs = {int(float(row["t_s"])): float(row["ref_spo2"]) for row in rows if row["ref_spo2"]}
    assert min(refs) in (3, 4) and 228 <= max(refs) <= 236
    assert len(refs) == max(refs) - min(refs) + 1  # one a second
    assert refs[40] == 97.0 and min(refs.values()) == 84.0 and refs[220] == 97.0
    ir = np.array([int(row["ir"]) for row in rows])
    assert ir[:250].max() < 10_000 and ir[-400:].max() < 10_000
    pulse, moving = np.ptp(ir[2000:5000]), np.ptp(ir[17500:18800])
    assert moving > 1.2 * pulse


def test_the_references_are_the_truth():
    person = Person(Scene(duration_s=20.0, spo2_pct=91.0), 1)
    taken = record(person)
    given = ~np.isnan(taken.ref_spo2)
    assert given.sum() == 20 or given.sum() == 21
    assert taken.ref_spo2[given] == pytest.approx(91.0)
    assert taken.ref_hr[given] == pytest.approx(person.pulse_bpm(taken.t_s[given]))


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    scene = Scene(duration_s=10.0)
    record(Person(scene, 5)).write_csv(tmp_path / "a.csv")
    record(Person(scene, 5)).write_csv(tmp_path / "b.csv")
    record(Person(scene, 6)).write_csv(tmp_path / "c.csv")
    a, b, c = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    assert a.read_bytes() == b.read_bytes() != c.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv", "c.csv"]


def test_a_recording_keeps_the_chip_settings_given():
    taken = record(Person(Scene(), 1), 5.0, Settings(rate_hz=50.0, led_ir_ua=3500))
    assert taken.t_s.size == 250
    assert taken.ir.mean() == pytest.approx(60_000, rel=0.03)


def test_the_module_writes_where_it_is_told(tmp_path):
    out = tmp_path / "out.csv"
    done = subprocess.run([sys.executable, "-m", "sim.patient.demo", str(out)], check=False)
    assert done.returncode == 0 and out.stat().st_size > 400_000
    told = subprocess.run([sys.executable, "-m", "sim.patient.demo"], check=False,
                          capture_output=True, text=True)
    assert told.returncode == 1 and "OUT.csv" in told.stderr
