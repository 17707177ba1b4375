"""Beats and the pulse wave."""

import numpy as np

from sim.patient.optics import Floats
from sim.patient.scene import Scene, Shape, follow

_SHORTEST_S = 0.24  # refractory period: no ventricle follows faster than 250 a minute
_TABLE = 1024
SYSTOLE = 0.35  # share of systole in the pulse of the templates, at the interval below
SYSTOLE_AT_S = 0.85

# One beat as a fast log-normal rise and two Gaussians, as Solosenko et al. 2017 (Comput Biol Med
# 81:130) model the pulse of sinus rhythm and fibrillation: (height, place, width) each, place and
# width in parts of the beat, of the log for the first. The parameters are set by eye: a rise in a
# sixth of the beat and a slow run-off, as fingers on a MAX30102 show; young with the clear notch
# of class 1 of Dawber et al. 1973 (Angiology 24:244), adult with a faint one, dicrotic with a
# second wave of over half the first, at which peak counters double the rate; stiff without a notch
# and with a late, broad top (class 4; the reflected wave comes early: Millasseau et al. 2002,
# Clin Sci 103:371); arterial with both waves broad and run into one, over with systole: at a slow
# rate a long fall and then nothing, which a filter against drift answers with a second rise.
_SHAPES: dict[Shape, tuple[tuple[float, float, float], ...]] = {
    "young": ((1.00, 0.15, 0.42), (0.42, 0.44, 0.075), (0.30, 0.60, 0.20)),
    "adult": ((1.00, 0.16, 0.45), (0.34, 0.42, 0.090), (0.42, 0.55, 0.22)),
    "dicrotic": ((1.00, 0.14, 0.38), (0.60, 0.48, 0.070), (0.20, 0.65, 0.20)),
    "stiff": ((0.62, 0.17, 0.45), (0.80, 0.34, 0.120), (0.35, 0.58, 0.20)),
    "arterial": ((1.00, 0.24, 0.36), (0.75, 0.36, 0.060)),
}


def pulse_table(shape: Shape, second: Shape = "adult", share: float = 0.0) -> Floats:
    """One beat from foot to foot, 0 to 1, at `_TABLE` + 1 even phases; `share` of a second class
    is mixed in."""
    if share:
        wave = (1.0 - share) * pulse_table(shape) + share * pulse_table(second)
        return wave / wave.max()
    phase = np.linspace(0.0, 1.0, _TABLE + 1)
    (height, place, width), *lobes = _SHAPES[shape]
    wave = height * np.exp(-0.5 * (np.log(np.maximum(phase, 1e-6) / place) / width) ** 2)
    for height, place, width in lobes:
        wave += height * np.exp(-0.5 * ((phase - place) / width) ** 2)
    wave -= wave[0] + (wave[-1] - wave[0]) * phase  # foot to foot
    return np.maximum(wave, 0.0) / wave.max()


class Heart:
    """Beat times of a whole scene, fixed by the seed, and the pulse they make.

    `beat_s` are the feet of the beats, in seconds, from before 0 to past the end.
    """

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        beat, strength = _beats(scene, rng)
        self.beat_s = beat
        self._interval_s = np.append(np.diff(beat), 1.0)
        self._strength = strength
        self.table = pulse_table(scene.shape, scene.second_shape, scene.second_share)
        self._phases = np.linspace(0.0, 1.0, self.table.size)

    def pulse(self, t_s: Floats) -> Floats:
        """Pulse wave at these times: 0 at the foot, 1 at the top of a full beat."""
        at = np.searchsorted(self.beat_s, t_s, side="right") - 1
        interval = self._interval_s[at]
        phase = (t_s - self.beat_s[at]) / interval
        # Systole shortens with the root of the interval, diastole takes the rest (Weissler et
        # al. 1968, Circulation 37:149, linearised).
        share = np.clip(SYSTOLE * np.sqrt(SYSTOLE_AT_S / interval), 0.15, 0.60)
        systole = phase < share
        warped = np.where(systole, phase / share * SYSTOLE,
                          SYSTOLE + (phase - share) * ((1 - SYSTOLE) / (1 - share)))
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
