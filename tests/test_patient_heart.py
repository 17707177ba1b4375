"""Rhythms and pulse waves of the patient model."""

import numpy as np
import pytest
from scipy import signal, stats

from sim.patient import Person, Scene, ramp, record
from sim.patient.heart import pulse_table


def gaps_of(**scene):
    """Intervals between beats of ten minutes, seconds."""
    return np.diff(Person(Scene(duration_s=600.0, **scene), 11).beat_s)


def test_a_sinus_rhythm_varies_a_little():
    gaps = gaps_of()
    assert 60.0 / gaps.mean() == pytest.approx(72.0, rel=0.01)
    assert 0.01 < stats.variation(gaps) < 0.03


def test_each_part_of_the_variability_has_its_size():
    still = {"respiration_rate_pct": 0.0, "pressure_wave_pct": 0.0, "jitter_pct": 0.0}
    assert np.ptp(gaps_of(**still)) < 1e-9
    # A sine of 2 % has an rms of 1.41 %.
    assert stats.variation(gaps_of(**still | {"respiration_rate_pct": 2.0})) == (
        pytest.approx(0.0141, rel=0.05))
    assert stats.variation(gaps_of(**still | {"pressure_wave_pct": 2.0})) == (
        pytest.approx(0.0141, rel=0.05))
    assert stats.variation(gaps_of(**still | {"jitter_pct": 2.0})) == (
        pytest.approx(0.02, rel=0.1))


def test_fibrillation_has_its_coefficient_of_variation_and_no_order():
    gaps = gaps_of(fibrillation=True)
    assert 60.0 / gaps.mean() == pytest.approx(72.0, rel=0.03)
    assert 0.20 < stats.variation(gaps) < 0.28
    assert abs(stats.pearsonr(gaps[:-1], gaps[1:]).statistic) < 0.1
    assert gaps.min() >= 0.24
    fast = gaps_of(fibrillation=True, pulse_bpm=150.0)
    assert 0.20 < stats.variation(fast) < 0.28


def test_a_premature_beat_comes_early_is_weak_and_is_followed_by_a_pause():
    person = Person(Scene(duration_s=600.0, premature_pct=10.0, jitter_pct=0.0,
                          respiration_rate_pct=0.0, pressure_wave_pct=0.0), 11)
    gaps = np.diff(person.beat_s)
    usual = 60.0 / 72.0
    early = np.flatnonzero(gaps < 0.85 * usual)
    early = early[early < gaps.size - 1]
    assert early.size / gaps.size == pytest.approx(0.09, abs=0.03)
    assert 0.59 * usual < gaps[early].min() and gaps[early].max() < 0.81 * usual
    assert gaps[early] + gaps[early + 1] == pytest.approx(2 * usual)
    tops = signal.find_peaks(-record(person).ir, prominence=1200)[0]
    assert tops.size < gaps.size - 0.5 * early.size  # half of them make no pulse to speak of


def test_the_true_rate_is_that_of_the_beats_in_the_window():
    person = Person(Scene(fibrillation=True, pulse_bpm=ramp(60.0, 120.0, 20.0, 80.0)), 3)
    for t in (30.0, 71.3, 110.0):
        inside = person.beat_s[(person.beat_s > t - 8.0) & (person.beat_s <= t)]
        assert float(person.pulse_bpm(t)) == pytest.approx(60.0 * inside.size / 8.0, abs=8.0)
        between = 60.0 * (inside.size - 1) / (inside[-1] - inside[0])
        assert float(person.pulse_bpm(t)) == pytest.approx(between, rel=0.06)
    assert person.pulse_bpm([10.0, 110.0]).shape == (2,)


@pytest.mark.parametrize(("shape", "tops"), [
    ("young", 2), ("adult", 2), ("dicrotic", 2), ("stiff", 1),
    ("arterial", 1),
])
def test_each_pulse_wave_has_its_tops(shape, tops):
    wave = pulse_table(shape)
    assert wave.min() == pytest.approx(0.0, abs=1e-6)
    assert wave.max() == pytest.approx(1.0, abs=1e-4)
    assert wave[0] == pytest.approx(wave[-1], abs=1e-6)
    assert signal.find_peaks(wave, prominence=0.002)[0].size == tops


def test_stiff_vessels_reach_the_top_late_and_a_dicrotic_wave_is_strong():
    assert pulse_table("stiff").argmax() > 1.2 * pulse_table("young").argmax()
    wave = pulse_table("dicrotic")
    first, second = signal.find_peaks(wave, prominence=0.002)[0]
    assert wave[second] > 0.5
    assert wave[first:second].min() < wave[second] - 0.1


def test_the_wave_rises_faster_than_it_falls():
    for shape in ("young", "adult", "dicrotic"):
        assert 0.1 < pulse_table(shape).argmax() / 1024 < 0.25


def test_the_wave_is_one_line_from_beat_to_beat():
    person = Person(Scene(fibrillation=True, premature_pct=0.0), 5)
    t = np.arange(0.0, 60.0, 0.001)
    assert np.abs(np.diff(person._heart.pulse(t))).max() < 0.02
