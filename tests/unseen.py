"""People of another make than sim/patient's, so that nothing is fitted to that model alone.

Pulses are laid one over the other in time, not stretched from foot to foot: each beat is a sum of
Gaussians, as in the analysis of the digital pulse (Baruch et al. 2011, Nonlinear Biomed Phys 5:1),
and the next one rides on what it leaves. Rhythm is an autoregressive drift with breathing, a
sequence of independent gamma intervals, or a change of rate from one beat to the next. What else
is in the light is breathing and slow volume with the ratio of venous blood, and hands of several
ways. The ratio at a saturation is the inverse of the default curve (reference.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from reference import ratio_of
from scipy import signal

Floats = NDArray[np.float64]
Random = np.random.Generator

_BEFORE_S = 6.0  # beats and saturation begin this long before the light
_SYSTOLE_AT_S = 0.8  # the interval at which the waves below have their width
# Ejection takes 413 ms less 1.7 for each beat a minute (Weissler et al. 1968, Circulation 37:149):
# it grows by a quarter from 75 to 30 a minute, and no more than that grow the waves.
_LONGEST_SYSTOLE_AT_S = 1.25

# Height, place and width (s) of each wave in a beat; the four classes of Dawber et al. 1973
# (Angiology 24:244) in order, from a clear notch to none, and one all but a sine.
WAVES = {
    "young": ((1.0, 0.15, 0.058), (0.42, 0.305, 0.08), (0.38, 0.46, 0.11)),
    "normal": ((1.0, 0.17, 0.068), (0.60, 0.310, 0.09), (0.28, 0.50, 0.12)),
    "anacrotic": ((0.5, 0.11, 0.040), (1.00, 0.260, 0.08), (0.25, 0.47, 0.10)),
    "old": ((1.0, 0.22, 0.092), (0.75, 0.370, 0.12)),
    "damped": ((1.0, 0.28, 0.150),),
}


@dataclass(frozen=True)
class Person:
    """Who is to be seen. Times in seconds, `beat_s` from before the light begins."""

    beat_s: Floats
    duration_s: float = 90.0
    spo2_pct: Callable[[Floats], Floats] | float = 95.0
    perfusion_pct: float = 2.0
    wave: str = "normal"
    strength: Floats | None = None  # of each beat; None: all are 1
    breaths_hz: float = 0.25
    breathing_pct: float = 0.1  # of the light, to either side
    wander_pct: float = 0.05  # root mean square of 1/f^2 up to 0.5 Hz, of the light
    venous_ratio: float = 1.1  # of breathing and wander
    rate_hz: float = 100.0  # of the sensor
    ir_adc: float = 130_000.0
    red_adc: float = 105_000.0
    noise_adc: float = 8.0
    hand: tuple["Hand", ...] = ()

    def spo2_at(self, t_s: Floats) -> Floats:
        if callable(self.spo2_pct):
            return self.spo2_pct(t_s)
        return np.full(np.shape(t_s), float(self.spo2_pct))

    def spo2_mean(self, t_s: Floats, window_s: float) -> Floats:
        """Mean over the window that ends at each time."""
        at_s = np.arange(-20.0, self.duration_s + 1.0, 0.05)
        total = np.cumsum(self.spo2_at(at_s)) * 0.05
        return (np.interp(t_s, at_s, total) - np.interp(t_s - window_s, at_s, total)) / window_s

    def pulse_bpm(self, t_s: Floats, window_s: float) -> Floats:
        """Beats in the window that ends at each time, as a rate."""
        count = np.arange(self.beat_s.size)
        before, now = (np.interp(at, self.beat_s, count) for at in (t_s - window_s, t_s))
        return 60.0 * (now - before) / window_s


@dataclass(frozen=True)
class Hand:
    """One way in which a hand moves the light, from `from_s` on."""

    hertz: float
    size_pct: float  # peak to peak, of the light
    ratio: float  # red to infrared
    lag_s: float = 0.0  # of red
    from_s: float = 0.0

    def moves(self, t_s: Floats, own_s: Floats) -> Floats:
        """Share of the light that it takes at `t_s`, by the hand's own uneven time `own_s`."""
        turn = 2 * np.pi * self.hertz * own_s
        wave = np.sin(turn) + 0.4 * np.sin(2 * turn) + 0.2 * np.sin(3 * turn)
        return self.size_pct / 100 * wave / 2.4 * (t_s >= self.from_s)


def sinus(rng: Random, rate_bpm: Callable[[float], float] | float, duration_s: float) -> Floats:
    """Beats whose interval drifts by some 2 % and breathes by 3 %."""
    beat, drift = [-_BEFORE_S], 0.0
    while beat[-1] < duration_s + 3.0:
        drift = 0.9 * drift + 0.009 * float(rng.standard_normal())
        rate = rate_bpm(beat[-1]) if callable(rate_bpm) else rate_bpm
        breath = 0.03 * float(np.sin(2 * np.pi * 0.25 * beat[-1]))
        beat.append(beat[-1] + 60.0 / rate * (1.0 + drift + breath))
    return np.array(beat)


def fibrillating(rng: Random, rate_bpm: float, duration_s: float) -> Floats:
    """Independent intervals, coefficient of variation 22 %, none under 0.28 s."""
    shape = 1 / 0.22**2
    count = int((duration_s + 10.0) * rate_bpm / 60.0 * 1.5)
    interval = np.maximum(rng.gamma(shape, 60.0 / rate_bpm / shape, count), 0.28)
    return -_BEFORE_S + np.cumsum(interval)


def filled(beat_s: Floats, constant_s: float) -> Floats:
    """Strength of beats by the time the ventricle had to fill."""
    interval = np.diff(beat_s, prepend=2 * beat_s[0] - beat_s[1])
    strength = 1.0 - np.exp(-(interval - 0.12) / constant_s)
    return np.clip(strength / np.median(strength), 0.05, 1.6)


def light(person: Person, rng: Random) -> tuple[Floats, NDArray[np.int32], NDArray[np.int32]]:
    """Times (s), red and infrared counts."""
    t_s = np.arange(1, int(person.duration_s * person.rate_hz)) / person.rate_hz
    pulse = _pulse(person, t_s) * person.perfusion_pct / 100
    slow = person.breathing_pct * np.sin(2 * np.pi * person.breaths_hz * t_s)
    slow = (slow + person.wander_pct * _wander(rng, t_s.size, person.rate_hz)) / 100
    ir = pulse + slow
    red = np.interp(person.spo2_at(t_s), *_CURVE) * pulse + person.venous_ratio * slow
    for hand in person.hand:
        sway_s = 0.03 * np.cumsum(_wander(rng, t_s.size, person.rate_hz)) / person.rate_hz
        start_s = float(rng.uniform(0, 1))
        ir = ir + hand.moves(t_s, t_s + sway_s + start_s)
        red = red + hand.ratio * hand.moves(t_s, t_s + sway_s + start_s - hand.lag_s)
    ir = person.ir_adc * np.exp(-ir) + person.noise_adc * rng.standard_normal(t_s.size)
    red = person.red_adc * np.exp(-red) + person.noise_adc * rng.standard_normal(t_s.size)
    red_adc, ir_adc = (np.clip(np.rint(x), 0, 262143).astype(np.int32) for x in (red, ir))
    return t_s, red_adc, ir_adc


_SPO2 = np.arange(50.0, 101.0, 0.5)
_CURVE = _SPO2, np.array([ratio_of(spo2) for spo2 in _SPO2])


def _pulse(person: Person, t_s: Floats) -> Floats:
    """Blood in the finger, 1 from foot to top of the usual beat."""
    beat_s = person.beat_s
    strength = np.ones(beat_s.size) if person.strength is None else person.strength
    interval = np.diff(beat_s, append=2 * beat_s[-1] - beat_s[-2])
    pulse = np.zeros(t_s.size)
    for start, length, height in zip(beat_s, interval, strength, strict=True):
        width = np.sqrt(np.clip(length, 0.25, _LONGEST_SYSTOLE_AT_S) / _SYSTOLE_AT_S)
        first, last = np.searchsorted(t_s, (start - 0.4, start + 1.8))
        at = (t_s[first:last] - start) / width
        for top, place, spread in WAVES[person.wave]:
            pulse[first:last] += height * top * np.exp(-0.5 * ((at - place) / spread) ** 2)
    edges = np.searchsorted(t_s, beat_s[(beat_s > 0) & (beat_s < t_s[-1])])
    heights = [np.ptp(pulse[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    pulse /= np.median(heights)
    return pulse - pulse.mean()


def _wander(rng: Random, count: int, rate_hz: float) -> Floats:
    """1/f^2 between a minute and two seconds, of unit root mean square."""
    low, high = 1 / 60, 0.5
    a = np.exp(-2 * np.pi * low / rate_hz)
    slow = signal.lfilter([1 - a], [1, -a], rng.standard_normal(count + 20_000))[20_000:]
    sos = signal.butter(2, high, fs=rate_hz, output="sos")
    slow = signal.sosfiltfilt(sos, slow)
    return (slow - slow.mean()) / slow.std()
