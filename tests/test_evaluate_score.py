"""Figures of one case, against readings whose errors are known because they were made up."""

from typing import Any

import numpy as np
import pytest

from host_tools.evaluate.case import Case
from host_tools.evaluate.measure import measure, true_s
from host_tools.evaluate.score import Seen, score
from sim.door import field
from sim.patient import Person, Scene, ramp, step

RATES: Any = {"respiration_rate_pct": 0.0, "pressure_wave_pct": 0.0, "jitter_pct": 0.0}


def case_of(scene, row="still_pi1", **more):
    return Case(row, "a cell", 0, 7, scene, **more)


def readings(t_s, spo2_pct, pulse_bpm, sd_pct=0.2, flags=0, status=field.OK):
    """Rows as the core would write them; NaN is a number that is not shown."""
    rows = np.full((len(t_s), field.LENGTH), field.NONE, dtype=np.int32)
    rows[:, field.FLAGS] = flags
    rows[:, field.STATUS] = status
    columns = ((field.SPO2_CENTIPCT, spo2_pct, 100), (field.PULSE_DECIBPM, pulse_bpm, 10),
               (field.SPO2_SD_CENTIPCT, sd_pct, 100))  # fmt: skip
    for at, values, units in columns:
        values = np.broadcast_to(np.asarray(values, dtype=float), len(t_s))
        there = ~np.isnan(values)
        rows[there, at] = np.rint(values[there] * units)
    return Seen(np.asarray(t_s, dtype=float), rows)


def scored(scene, seen, **more):
    case = case_of(scene, **more)
    return score(case, Person(scene, case.seed), seen)


STILL = Scene(duration_s=40.0, spo2_pct=90.0, pulse_bpm=60.0, **RATES)
EVERY_S = np.arange(1.0, 41.0)


def test_sums_are_those_of_the_rows_from_ten_seconds_on():
    spo2 = np.full(40, 90.5)
    spo2[:9] = 20.0  # before the tenth second: nobody looks
    spo2[20] = np.nan
    spo2[30] = 95.0  # 5 too high
    found = scored(STILL, readings(EVERY_S, spo2, 60.0, sd_pct=0.3))
    assert found["seconds"] == 31
    assert found["shown"] == 30
    assert found["spo2_err_sum"] == pytest.approx(29 * 0.5 + 5.0)
    assert found["spo2_err_sq"] == pytest.approx(29 * 0.25 + 25.0)
    assert found["spo2_err_max"] == pytest.approx(5.0)
    assert (found["within_3"], found["over_4"]) == (29, 1)
    assert (found["covered"], found["shown_sd_010"], found["covered_sd_010"]) == (29, 30, 29)


def test_pulse_sums_and_octaves():
    pulse = np.full(40, 61.0)
    pulse[15], pulse[16], pulse[17] = 120.0, 30.0, 64.5
    found = scored(STILL, readings(EVERY_S, 90.0, pulse))
    assert found["pulse_shown"] == 31
    assert found["pulse_doubled"] == 2
    assert (found["pulse_over_3"], found["pulse_over_5"]) == (3, 2)
    assert found["pulse_within_5"] == 29
    assert found["pulse_err_sq"] == pytest.approx(28 + 60**2 + 30**2 + 4.5**2, rel=1e-3)


def test_truth_is_the_mean_over_the_window_declared():
    """On a ramp of 0.2 points a second a window of 8 s lags 0.8 behind, one of 15 s 1.5."""
    scene = Scene(duration_s=60.0, spo2_pct=ramp(98.0, 86.0, 0.0, 60.0), **RATES)
    t_s = np.arange(1.0, 61.0)
    now = 98.0 - 0.2 * t_s
    plain = scored(scene, readings(t_s, now + 0.8, 72.0))
    irregular = scored(scene, readings(t_s, now + 1.5, 72.0, flags=field.FLAG_IRREGULAR))
    assert plain["spo2_err_max"] < 0.02
    # Before the fifteenth second the window reaches back to before the ramp.
    assert irregular["spo2_err_sq"] / irregular["shown"] < 0.05**2
    assert irregular["irregular"] == irregular["seconds"]


def test_minutes_are_whole_and_flagged_by_halves():
    scene = Scene(duration_s=135.0, **RATES)
    t_s = np.arange(1.0, 136.0)
    flags = np.where((t_s >= 10) & (t_s < 41), field.FLAG_IRREGULAR, 0)  # 31 s of the first
    found = scored(scene, readings(t_s, 97.0, 72.0, flags=flags))
    assert (found["minutes"], found["irregular_minutes"]) == (2, 1)


def test_first_and_settled_count_from_the_finger():
    scene = Scene(duration_s=60.0, spo2_pct=91.0, finger=((2.5, 99.0),), **RATES)
    t_s = np.arange(1, 1501) * 0.04
    flags = np.where(t_s >= 36.0, field.FLAG_SETTLED, 0)
    seen = readings(t_s, np.where(t_s < 6.5, np.nan, 91.3), 72.0, flags=flags)
    seen.rows[t_s >= 36.0, field.SETTLED_CENTIPCT] = 9140
    found = scored(scene, seen)
    assert found["first_s"] == pytest.approx(4.0, abs=0.041)
    assert found["settled_after_s"] == pytest.approx(33.5, abs=0.041)
    assert found["settled_pct"] == 91.4
    assert found["settled_truth_pct"] == pytest.approx(91.0)


def test_a_moving_mean_of_8_s_takes_7_2_s_for_a_step():
    scene = Scene(duration_s=80.0, spo2_pct=step(97.0, 85.0, 30.0), **RATES)
    t_s = np.arange(1, 2001) * 0.04
    spo2 = 97 - 12 * np.clip((t_s - 30) / 8, 0, 1)
    found = scored(scene, readings(t_s, spo2, 72.0), row="step", event_s=30.0)
    assert found["t90_s"] == pytest.approx(7.2, abs=0.06)
    assert found["overshoot_pct"] == pytest.approx(0.0, abs=0.01)
    assert found["spo2_err_max"] < 0.05  # it is the truth
    spo2[1000:1100] = 83.5
    found = scored(scene, readings(t_s, spo2, 72.0), row="step", event_s=30.0)
    assert found["overshoot_pct"] == pytest.approx(1.5)


def test_a_number_that_comes_back_is_not_gone():
    scene = Scene(duration_s=40.0, finger=((0.0, 20.0),), **RATES)
    t_s = np.arange(1, 1001) * 0.04
    spo2 = np.where(t_s < 21.0, 97.0, np.nan)
    status = np.where(t_s < 21.0, field.OK, field.NO_FINGER)
    more: Any = {"row": "finger_off", "due": False, "event_s": 20.0, "words": ("no_finger",)}
    found = scored(scene, readings(t_s, spo2, spo2, status=status), **more)
    assert found["gone_after_s"] == pytest.approx(1.0, abs=0.041)
    assert found["word_after_s"] == pytest.approx(1.0, abs=0.041)
    assert found["number_shown"] == 0
    spo2[-30:] = 97.0
    found = scored(scene, readings(t_s, spo2, np.nan, status=status), **more)
    assert found["gone_after_s"] is None
    assert found["number_shown"] == 2  # seconds 39 and 40


def test_a_pulse_beside_a_fault_is_a_number_too():
    t_s = np.arange(1.0, 31.0)
    scene = Scene(duration_s=30.0, **RATES)
    seen = readings(t_s, np.nan, 70.0, status=field.SATURATED)
    found = scored(
        scene, seen, row="fault_saturated", due=False, event_s=0.0, words=("saturated",)
    )
    assert found["number_shown"] == 27  # after the 3 s that are allowed
    assert found["word_after_s"] is None


def test_a_clock_that_gains_is_taken_out_of_the_truth():
    """Five seconds of a clock that ends 10 % fast: 100 ln(1.1) = 9.53 s for 10 at its end."""
    scene = Scene(duration_s=100.0, pulse_bpm=75.0, **RATES)
    case = case_of(scene, row="clock", clock_drift_pct=10.0)
    assert float(true_s(case, 100.0)) == pytest.approx(1000 * np.log(1.1))
    t_s = np.arange(1.0, 95.0)
    gain = 0.1 / 100
    rate = 75.0 * np.exp(gain * t_s)  # sensor seconds a true second, at true time t
    found = score(case, Person(scene, 7), readings(t_s, 97.0, rate))
    assert found["rate_err_pct"] < 0.6  # a rate now against its mean over 8 s: 0.4 %


def test_curve_of_a_person_moves_the_truth():
    scene = Scene(duration_s=40.0, spo2_pct=90.0, **RATES)
    found = scored(scene, readings(EVERY_S, 90.0, 72.0), curve_pct=5.0)
    # A ratio 5 % above the curve's reads low: 0.0328 of 0.688 at about -32.5 points a unit.
    assert found["spo2_err_sum"] / found["shown"] == pytest.approx(-1.06, abs=0.05)


def test_the_core_itself_on_a_still_finger():
    scene = Scene(duration_s=30.0, spo2_pct=88.0, perfusion_pct=2.0, crosstalk_pct=(0.0, 0.0))
    found = measure(case_of(scene))
    assert found["shown"] == found["seconds"] == 21
    assert found["spo2_err_sq"] / 21 < 0.3**2
    assert found["pulse_err_sq"] / 21 < 1.0
    assert 0.005 < found["crb_pct"] < 0.1


def test_the_whole_device_says_what_is_wrong():
    scene = Scene(duration_s=12.0, finger=())
    found = measure(
        case_of(scene, row="fault_no_finger", due=False, words=("no_finger",), device=True)
    )
    assert found["number_shown"] == 0
    assert found["word_after_s"] < 3
