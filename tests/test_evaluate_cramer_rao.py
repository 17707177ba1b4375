"""The floor of the noise: against closed forms, and against estimates on simulated noise."""

import numpy as np
import pytest

from host_tools.evaluate.cramer_rao import densities, information, spo2_sd_pct
from sim.patient import Scene
from sim.patient.noise import Process

RATE_HZ = 100.0


def test_amplitude_of_a_sine_in_white_noise():
    """Kay 1993, example 3.14: var of a known sine's amplitude is 2 sigma^2 / n."""
    n, sigma = 4000, 0.3
    wave = np.sin(2 * np.pi * 1.3 * np.arange(n) / RATE_HZ)
    told = information(wave, RATE_HZ, sigma**2 / RATE_HZ, 0.0)
    assert 1 / told == pytest.approx(2 * sigma**2 / n, rel=1e-3)


def test_white_density_is_that_of_the_counts():
    """Shot noise and rounding; a relative rms of sigma a sample is sigma^2 / rate."""
    white, _ = densities(Scene(noise_counts=8.0), 100_000.0, RATE_HZ)
    assert white * RATE_HZ == pytest.approx((64 + 1 / 12) / 1e10)
    dim, _ = densities(Scene(noise_counts=8.0), 25_000.0, RATE_HZ)
    assert dim / white == pytest.approx(4.0, rel=0.01)  # power grows with light, light squared


def test_flicker_density_is_that_of_the_patient_model():
    """The model's own process, unit rms: its power between 1 and 2 Hz by its periodogram."""
    _, at_1_hz = densities(Scene(flicker_noise_counts=100_000.0), 100_000.0, RATE_HZ)
    t_s = np.arange(40_000) / RATE_HZ
    power = []
    for seed in range(8):
        noise = Process(np.random.default_rng(seed), 400.0, 0.05, 20.0, slope=1.0)(t_s)
        lines = np.abs(np.fft.rfft(noise)) ** 2 / noise.size**2 * 2
        hz = np.fft.rfftfreq(noise.size, 1 / RATE_HZ)
        power.append(lines[(hz >= 1) & (hz < 2)].sum())
    assert np.mean(power) == pytest.approx(2 * at_1_hz * np.log(2), rel=0.15)


def test_the_best_estimate_reaches_it_and_none_goes_below():
    """Least squares on the known wave is efficient in white noise: its scatter is the bound."""
    rng = np.random.default_rng(5)
    t_s = np.arange(800) / RATE_HZ
    wave = 0.001 * (np.sin(2 * np.pi * 1.2 * t_s) + 0.4 * np.sin(2 * np.pi * 2.4 * t_s))
    sigma = 1e-4
    noisy = wave + sigma * rng.standard_normal((4000, t_s.size))
    factor = noisy @ wave / (wave @ wave)
    told = information(wave, RATE_HZ, sigma**2 / RATE_HZ, 0.0)
    assert factor.std() == pytest.approx(told**-0.5, rel=0.05)


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        ({"noise_counts": 16.0, "flicker_noise_counts": 6.0}, 2.0),
        ({"perfusion_pct": 0.05}, 2.0),
        ({"perfusion_pct": 0.2}, 0.5),
    ],
)
def test_it_goes_with_noise_and_against_the_pulse(change, factor):
    before = {"perfusion_pct": 0.1, "noise_counts": 8.0, "flicker_noise_counts": 3.0}
    told = [
        spo2_sd_pct(Scene(duration_s=60.0, **scene), 3, 100_000.0, 120_000.0, 8.0)
        for scene in (before, before | change)
    ]
    assert told[1] / told[0] == pytest.approx(factor, rel=0.02)


def test_a_window_four_times_as_long_halves_it():
    scene = Scene(duration_s=60.0, perfusion_pct=0.1)
    short, long = (spo2_sd_pct(scene, 3, 1e5, 1.2e5, window_s) for window_s in (4.0, 16.0))
    assert short / long == pytest.approx(2.0)
