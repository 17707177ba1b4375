"""Movement in the patient model: bands, drifting ratios, lags, damping."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from sim.patient import Motion, Person, Scene, record

# A finger whose light changes by movement alone.
LIMP = Scene(
    duration_s=90.0, perfusion_pct=0.0, respiration_baseline_pct=0.0, wander_pct=0.0,
    noise_counts=0.0, flicker_noise_counts=0.0, crosstalk_pct=(0.0, 0.0),
)  # fmt: skip


def moved(movement, seed=1, **how):
    """Log light of red and infrared over 80 s of one movement, 100/s, and the person."""
    person = Person(replace(LIMP, motion=(Motion(movement, 0.0, 80.0, **how),)), seed)
    taken = record(person, 80.0)
    return np.log(taken.red / 100_000), np.log(taken.ir / 120_000), person


def windowed_slopes(red, ir):
    """Slope of red on infrared in windows of 1 s."""
    return np.array([np.polyfit(ir[k:k + 100], red[k:k + 100], 1)[0]
                     for k in range(100, 7900, 100)])


@pytest.mark.parametrize(("movement", "low_hz", "high_hz"), [
    ("tap", 1.0, 4.0), ("rub", 1.0, 4.0), ("tremor", 4.0, 8.0),
    ("random", 0.9, 5.1), ("bursts", 0.5, 5.5),
])
def test_each_movement_stays_in_its_band(movement, low_hz, high_hz):
    _, ir, _ = moved(movement)
    hz, power = signal.welch(ir, 100.0, nperseg=1024)
    assert low_hz < hz[power.argmax()] < high_hz
    harmonics = 2.0 if movement in ("tap", "rub", "tremor") else 1.0
    inside = (hz > 0.4 * low_hz) & (hz < harmonics * high_hz * 1.2)
    assert power[inside].sum() > 0.85 * power.sum()
    assert np.ptp(np.percentile(ir, (0.5, 99.5))) == pytest.approx(0.015, rel=0.1)


def test_tapping_can_cross_the_pulse_rate():
    _, ir, _ = moved("crossing")
    hz, _, power = signal.spectrogram(ir, 100.0, nperseg=2000)
    low = hz < 3.0
    tops = hz[low][power[low].argmax(axis=0)]
    assert tops[0] < 1.2 < tops[-1]


@pytest.mark.parametrize("seed", range(5))
def test_the_ratios_of_both_sources_drift_by_a_fifth_to_two_fifths(seed):
    red, ir, person = moved("rub", seed)
    for ratio in person.artefacts[0].ratio:
        middle = np.median(ratio)
        drift = np.abs(ratio / middle - 1.0).max()
        assert 0.17 < drift < 0.48
    # The mix of both moves as well: no single ratio explains it.
    assert np.ptp(np.percentile(windowed_slopes(red, ir), (10, 90))) > 0.1


def test_the_drift_seen_in_the_light_is_the_one_drawn():
    # Venous and contact source alike in drift: silence one by making the other ideal.
    motion = Motion("tremor", 0.0, 80.0, lag_ms=(0.0, 0.0), ratio_drift=(0.3, 0.3))
    person = Person(replace(LIMP, motion=(motion,)), 2)
    artefact = person.artefacts[0]
    venous, contact = artefact.sources
    red, ir = artefact.log_light(artefact.t_s)
    assert ir == pytest.approx(venous + contact)
    assert red == pytest.approx(artefact.ratio[0] * venous + artefact.ratio[1] * contact)
    assert np.abs(artefact.ratio[1] - 1.0).max() == pytest.approx(0.3, abs=0.001)
    assert artefact.ratio[0].mean() > 1.05  # blood at 75 % is past R = 1


def test_the_ideal_artefact_has_one_ratio_and_no_lag():
    red, ir, _ = moved("tap", kind="ideal", ideal_ratio=0.8)
    slopes = windowed_slopes(red, ir)
    assert slopes == pytest.approx(0.8, abs=0.02)
    assert np.corrcoef(red, ir)[0, 1] > 0.9999


def test_red_lags_infrared_by_what_was_drawn():
    def best_lag_ms(lag_ms):
        red, ir, _ = moved("random", ratio_drift=(0.0, 0.0), lag_ms=(lag_ms, lag_ms))
        fine = signal.resample(np.stack([red, ir]), 80_000, axis=1)  # 1 ms
        return max(range(-60, 61), key=lambda lag: np.dot(fine[0, 1000:-1000],
                                                          fine[1, 1000 - lag:79_000 - lag]))

    # Venous blood, the later source, weighs more in red: the mix lags a little without any.
    assert best_lag_ms(30.0) - best_lag_ms(0.0) == pytest.approx(30, abs=1)
    lags = set()
    for seed in range(4):
        red, ir, _ = moved("random", seed, ratio_drift=(0.0, 0.0))
        lags.add(round(np.corrcoef(red, ir)[0, 1], 3))
    assert len(lags) > 1  # drawn anew for each seed


def test_force_damps_the_pulse_while_it_lasts():
    scene = replace(LIMP, perfusion_pct=2.0, respiration_amplitude_pct=0.0,
                    motion=(Motion("tap", 30.0, 60.0, swing_pct=0.0001),))
    taken = record(Person(scene, 1))
    swing = np.ptp(taken.ir[:9000].reshape(-1, 300), axis=1)  # by 3 s
    before, during, after = swing[1:9].mean(), swing[11:19].mean(), swing[22:29].mean()
    assert 0.45 < during / before < 0.85
    assert after == pytest.approx(before, rel=0.02)


def test_bursts_leave_calm_between_them():
    _, ir, _ = moved("bursts")
    calm = np.ptp(ir.reshape(-1, 50), axis=1) < 1e-4
    assert 0.3 < calm.mean() < 0.9


def test_a_movement_too_short_is_refused():
    with pytest.raises(ValueError, match="longer"):
        Person(Scene(motion=(Motion("tap", 5.0, 5.2),)), 1)
