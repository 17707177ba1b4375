"""Beats and the pulse wave."""

import numpy as np

from sim.patient.optics import Floats
from sim.patient.scene import Scene, Shape, follow

_SHORTEST_S = 0.24  # refractory period: no ventricle follows faster than 250 a minute
_TABLE = 1024
_SYSTOLE = 0.35  # share of systole in the pulse of the templates, at the interval below
_SYSTOLE_AT_S = 0.85

# A wave round the clock of one beat, -pi to pi: (height, centre, width) of two Gaussians.
# young and adult are "excellent" and "acceptable" of Tang et al. 2020 (Sci Rep 10:13883, table 1);
# dicrotic has the narrow second wave at which peak counters double the rate; stiff
# has one late, broad top (reflected wave merged with the first: Allen and Murray 2003, Physiol
# Meas 24:297; Millasseau et al. 2002, Clin Sci 103:371).
_SHAPES: dict[Shape, tuple[tuple[float, float, float], ...]] = {
    "young": ((1.0, -1.5161, 0.6303), (0.1999, 0.8186, 1.0225)),
    "adult": ((0.7303, -1.5510, 0.7283), (0.5291, -0.2553, 1.2271)),
    "dicrotic": ((1.0, -1.7, 0.55), (0.6, 0.75, 0.5)),
    "stiff": ((0.75, -1.35, 0.70), (0.75, -0.35, 0.80)),
}


def pulse_table(shape: Shape) -> Floats:
    """One beat from foot to foot, 0 to 1, at `_TABLE` + 1 even phases."""
    angle = np.linspace(-np.pi, np.pi, 4 * _TABLE, endpoint=False)
    wave = np.zeros_like(angle)
    for height, centre, width in _SHAPES[shape]:
        off = (angle - centre + np.pi) % (2 * np.pi) - np.pi
        wave += height * np.exp(-0.5 * (off / width) ** 2)
    wave = np.roll(wave, -int(np.argmin(wave)))
    wave = (wave - wave.min()) / np.ptp(wave)
    phase = np.linspace(0.0, 1.0, _TABLE + 1)
    return np.interp(phase, np.linspace(0.0, 1.0, angle.size + 1), np.append(wave, wave[0]))


class Heart:
    """Beat times of a whole scene, fixed by the seed, and the pulse they make.

    `beat_s` are the feet of the beats, in seconds, from before 0 to past the end.
    """

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        beat, strength = _beats(scene, rng)
        self.beat_s = beat
        self._interval_s = np.append(np.diff(beat), 1.0)
        self._strength = strength
        self.table = pulse_table(scene.shape)
        self._phases = np.linspace(0.0, 1.0, self.table.size)

    def pulse(self, t_s: Floats) -> Floats:
        """Pulse wave at these times: 0 at the foot, 1 at the top of a full beat."""
        at = np.searchsorted(self.beat_s, t_s, side="right") - 1
        interval = self._interval_s[at]
        phase = (t_s - self.beat_s[at]) / interval
        # Systole shortens with the root of the interval, diastole takes the rest (Weissler et
        # al. 1968, Circulation 37:149, linearised).
        share = np.clip(_SYSTOLE * np.sqrt(_SYSTOLE_AT_S / interval), 0.15, 0.60)
        systole = phase < share
        warped = np.where(systole, phase / share * _SYSTOLE,
                          _SYSTOLE + (phase - share) * ((1 - _SYSTOLE) / (1 - share)))
        return self._strength[at] * np.interp(warped, self._phases, self.table)

    def beats_before(self, t_s: Floats) -> Floats:
        """Beats since the first one, with fractions."""
        return np.interp(t_s, self.beat_s, np.arange(self.beat_s.size, dtype=np.float64))


def _beats(scene: Scene, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Feet of the beats and the strength of each, 1 for a regular beat."""
    beat = [-4.0 + float(rng.uniform(0.0, 0.5))]
    strength: list[float] = []
    mayer_phase = float(rng.uniform(0.0, 2 * np.pi))
    breath_phase = 0.0
    pause_s = 0.0  # owed after a premature beat
    filled_s = 60.0 / float(follow(scene.pulse_bpm, 0.0))
    while beat[-1] < scene.duration_s + 4.0:
        t = beat[-1]
        mean_s = 60.0 / float(follow(scene.pulse_bpm, t))
        jitter, wild = (float(x) for x in rng.standard_normal(2))
        chance, early, weak = (float(x) for x in rng.random(3))
        force = 1.0
        if scene.fibrillation:
            # Log-normal, bounded by the refractory period; the strength of a beat follows the
            # time the ventricle had to fill.
            spread = float(np.sqrt(np.log1p(scene.fibrillation_cv**2)))
            interval = mean_s * float(np.exp(spread * wild - spread * spread / 2))
            force = (1.0 - float(np.exp(-filled_s / (0.45 * mean_s)))) / 0.89
        else:
            swing = scene.respiration_rate_pct * float(np.sin(breath_phase))
            swing += scene.pressure_wave_pct * float(np.sin(2 * np.pi * 0.1 * t + mayer_phase))
            swing += scene.jitter_pct * jitter
            interval = mean_s * (1.0 + swing / 100.0)
            if pause_s:  # this is the premature beat: hardly filled, then the pause
                force = 0.6 * weak
                interval += pause_s
                pause_s = 0.0
            elif chance < scene.premature_pct / 100.0:
                pause_s = (0.20 + 0.20 * early) * mean_s
                interval -= pause_s
        interval = max(interval, _SHORTEST_S)
        breath_phase += 2 * np.pi * float(follow(scene.respiration_per_min, t)) / 60 * interval
        strength.append(force)
        beat.append(t + interval)
        filled_s = interval
    strength.append(1.0)
    return np.array(beat), np.array(strength)
