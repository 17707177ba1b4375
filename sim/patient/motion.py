"""What movement does to the light: artefacts of two sources, or of one ideal source."""

import numpy as np

from sim.patient.noise import Process
from sim.patient.optics import VENOUS_FALL_PCT, Floats, ratio_of_spo2
from sim.patient.scene import Motion, Movement, Scene, follow

_GRID_HZ = 200.0
_EDGE_S = 0.3

# The middle of each movement's band, Hz (bands and their sources: scene.Motion).
_HZ: dict[Movement, float] = {
    "tap": 2.2, "rub": 1.6, "tremor": 5.5, "random": 2.5, "bursts": 2.5, "crossing": 1.2,
}  # fmt: skip
# People do not tap like metronomes: the interval varies by 3 to 6 % (Repp 2005, Psychon Bull Rev
# 12:969).
_TEMPO_SPREAD = 0.04


class Artefact:
    """One stretch of movement as functions of time, drawn once.

    `ratio` holds, on the grid `t_s`, the red/infrared ratio of each source.
    """

    def __init__(self, motion: Motion, scene: Scene, rng: np.random.Generator) -> None:
        length_s = motion.end_s - motion.start_s
        if length_s <= 2 * _EDGE_S:
            raise ValueError("A movement must last longer than 0.6 s; move its end.")
        count = int(length_s * _GRID_HZ) + 1
        since = np.arange(count) / _GRID_HZ
        self.t_s = t = motion.start_s + since
        edge = np.clip(np.minimum(since, since[-1] - since) / _EDGE_S, 0.0, 1.0)
        edge = edge * edge * (3 - 2 * edge)

        venous, contact, edge = _waves(motion, scene, t, edge, rng)
        if motion.kind == "ideal":
            venous = np.zeros_like(contact)
        total = (venous + contact) * edge
        low, high = np.percentile(total, (0.5, 99.5))
        scale = motion.swing_pct / 100.0 / max(high - low, 1e-9)
        self.sources = [venous * edge * scale, contact * edge * scale]

        spo2 = follow(scene.spo2_pct, t)
        if motion.kind == "ideal":
            self.ratio = [np.ones(count), np.full(count, motion.ideal_ratio)]
            lags_s = [0.0, 0.0]
            self._gain = np.ones(count)
        else:
            # Venous blood has the ratio of its own saturation; a change of path takes the same
            # share of both colours.
            means = [ratio_of_spo2(np.maximum(spo2 - VENOUS_FALL_PCT, 20.0)), np.ones(count)]
            self.ratio = [mean * (1.0 + _drift(motion, since, rng)) for mean in means]
            lags_s = [float(rng.uniform(*motion.lag_ms)) / 1000.0 for _ in means]
            press = np.clip((contact - np.percentile(contact, 5))
                            / max(float(np.ptp(contact)), 1e-9) * 1.3, 0.0, 1.0)
            self._gain = 1.0 - motion.damping * edge * (0.4 + 0.6 * press)
        self._ir = self.sources[0] + self.sources[1]
        self._red = np.zeros(count)
        for source, ratio, lag_s in zip(self.sources, self.ratio, lags_s, strict=True):
            self._red += ratio * np.interp(t - lag_s, t, source, left=0.0)

    def log_light(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Change of the log of red and of infrared light."""
        return (np.interp(t_s, self.t_s, self._red, left=0.0, right=0.0),
                np.interp(t_s, self.t_s, self._ir, left=0.0, right=0.0))

    def pulse_gain(self, t_s: Floats) -> Floats:
        """What the force leaves of the pulse."""
        return np.interp(t_s, self.t_s, self._gain, left=1.0, right=1.0)


def _drift(motion: Motion, since_s: Floats, rng: np.random.Generator) -> Floats:
    """A slow wave whose largest departure from 0 is drawn from the motion's range."""
    depth = float(rng.uniform(*motion.ratio_drift))
    phase, other = rng.uniform(0.0, 2 * np.pi, 2)
    turn = 2 * np.pi * motion.drift_hz * since_s
    wave = np.sin(turn + phase) + 0.5 * np.sin(0.37 * turn + other)
    return depth * wave / float(np.abs(wave).max())


def _waves(motion: Motion, scene: Scene, t: Floats, edge: Floats,
           rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Waveforms of the venous and the contact source on the grid, and when they act."""
    length_s = float(t[-1] - t[0])
    hz = motion.hz or _HZ[motion.movement]
    slow = Process(rng, length_s, 0.05, 0.5)
    other = Process(rng, length_s, 0.05, 0.5)
    since = t - t[0]
    if motion.movement in ("random", "bursts"):
        low, high = 0.4 * hz, 2.0 * hz
        contact = Process(rng, length_s, low, high)(since)
        # Half of the blood's movement follows the skin's, later; half is its own.
        venous = 0.7 * np.interp(t - 0.08, t, contact) + 0.7 * Process(
            rng, length_s, low, 1.2 * hz)(since)
        if motion.movement == "bursts":
            edge = edge * _bursts(since, rng)
        return venous, contact, edge

    tempo = np.full(t.size, hz)
    if motion.movement == "crossing":  # from slower than the pulse to faster
        pulse_hz = follow(scene.pulse_bpm, t) / 60.0
        tempo = pulse_hz * np.linspace(0.65, 1.5, t.size)
    tempo = tempo * (1.0 + _TEMPO_SPREAD * slow(since))
    turn = 2 * np.pi * np.cumsum(tempo) / _GRID_HZ
    if motion.movement in ("tap", "crossing"):
        part = turn / (2 * np.pi) % 1.0
        contact = (1 - np.exp(-part / 0.06)) * np.exp(-part / 0.22)
        contact = contact - contact.mean()
        venous = 0.5 * np.sin(turn - 1.2) + 0.2 * np.sin(2 * turn - 0.5)
    else:
        contact = np.sin(turn) + 0.25 * np.sin(2 * turn + 0.7)
        venous = np.sin(turn - 0.9)
    venous = venous * np.maximum(1.0 + 0.35 * other(since), 0.1)
    contact = contact * np.maximum(1.0 + 0.25 * slow(since[::-1]), 0.1)
    return venous, contact, edge


def _bursts(since: Floats, rng: np.random.Generator) -> Floats:
    """1 within bursts of 0.7 to 2.5 s that stand 2 to 6 s apart, 0 between, soft edges."""
    gate = np.zeros_like(since)
    at = float(rng.uniform(0.0, 1.0))
    while at < since[-1]:
        length = float(rng.uniform(0.7, 2.5))
        gate[(since >= at) & (since < at + length)] = 1.0
        at += length + float(rng.uniform(2.0, 6.0))
    soft = int(0.1 * _GRID_HZ)
    return np.convolve(gate, np.hanning(soft + 2)[1:-1] / np.hanning(soft + 2).sum(), "same")
