"""The Cramér-Rao bound: how far any unbiased estimate of SpO2 must scatter in a scene's noise.

Each colour's log light is amplitude x pulse wave + noise, the wave known and the amplitude not.
The noise is white (shot noise and rounding) and 1/f; both are independent between the colours. An
amplitude then has variance 1 / I, I being the sum over frequencies of |wave|^2 / noise density,
and the ratio of the two amplitudes

    var(R) / R^2 = var(a_red) / a_red^2 + var(a_ir) / a_ir^2

(Kay 1993, Fundamentals of Statistical Signal Processing I, ch. 3). That neither the wave's shape
is known nor breathing and wander are absent makes the true bound larger: this one is a floor.
"""

import numpy as np

from sim.patient import Scene, ratio_of_spo2
from sim.patient.heart import Heart
from sim.patient.optics import CURVE_A, CURVE_B
from sim.patient.scene import follow

_NOISE_AT_ADC = 100_000.0  # the light at which a scene's noise holds
_FLICKER_HZ = (0.05, 20.0)  # where its 1/f noise lies


def spo2_sd_pct(
    scene: Scene, seed: int, red_adc: float, ir_adc: float, window_s: float, rate_hz: float = 100.0
) -> float:
    """Least standard deviation of SpO2 in points, from a window of a still scene.

    red_adc, ir_adc: mean light. The information is that of the whole scene, shared out evenly.
    """
    t_s = np.arange(0.0, scene.duration_s, 1.0 / rate_hz)
    heart = Heart(scene, np.random.default_rng([seed, 0]))
    # The depth of the pulse in log light is the perfusion index to within half of itself.
    depth = follow(scene.perfusion_pct, t_s) / 100.0
    wave = depth * heart.pulse(t_s)
    ratio = float(ratio_of_spo2(follow(scene.spo2_pct, t_s)).mean())
    share = window_s / scene.duration_s
    relative = sum(
        1.0 / (share * information(amplitude * wave, rate_hz, *densities(scene, adc, rate_hz)))
        for amplitude, adc in ((ratio, red_adc), (1.0, ir_adc))
    )
    slope = abs(2 * CURVE_A * ratio + CURVE_B)
    return slope * ratio * float(np.sqrt(relative))


def densities(scene: Scene, adc: float, rate_hz: float) -> tuple[float, float]:
    """Two-sided noise densities of the log light at this level: white in 1/Hz, and 1/f at 1 Hz."""
    white = (scene.noise_counts**2 * adc / _NOISE_AT_ADC + 1 / 12) / adc**2 / rate_hz
    low_hz, high_hz = _FLICKER_HZ
    rms = scene.flicker_noise_counts / _NOISE_AT_ADC
    return white, rms**2 / (2 * np.log(high_hz / low_hz))


def information(wave: np.ndarray, rate_hz: float, white: float, flicker: float) -> float:
    """Fisher information on the factor in front of a wave (samples,), its mean not used."""
    line = np.fft.rfft(wave)[1:] / rate_hz
    hz = np.fft.rfftfreq(wave.size, 1.0 / rate_hz)[1:]
    low_hz, high_hz = _FLICKER_HZ
    density = white + np.where((hz >= low_hz) & (hz <= high_hz), flicker / hz, 0.0)
    return float(2 * np.sum(np.abs(line) ** 2 / density) * rate_hz / wave.size)
