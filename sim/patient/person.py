"""A simulated person on the sensor: light that answers the LED currents.

Not modelled: the exposure itself (a sample is the light at one instant, not the mean over
411 us), the 1.1 ms between the red and the infrared slot except for flicker, the shift of an
LED's wavelength with its current, the dark count. Averaging and the resolution of short pulses
are the chip's.
"""

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.patient import optics
from sim.patient.heart import Heart
from sim.patient.motion import Artefact
from sim.patient.noise import Process
from sim.patient.optics import Floats
from sim.patient.scene import Scene, Span, follow

FULL_SCALE_ADC = (1 << 18) - 1
_NOMINAL_LED_UA = 7000.0
_NOMINAL_RANGE_NA = 4096.0
_NOMINAL_PULSE_US = 411.0
_NOISE_AT_ADC = 100_000.0  # the light at which the scene's noise figures hold
_SLOT_S = 0.001107  # red edge to infrared edge at 411 us, datasheet
_EDGE_S = 0.25  # a finger comes and goes within this: a guess
_BLOCK = 2048
_RATE_WINDOW_S = 8.0  # what oximeters average by default (Masimo SET: 8 s of 2 to 16)

class Chip(Protocol):
    """What a sensor chip tells of itself (sim.chips.max30102)."""

    rate_hz: float
    pulse_us: int
    range_na: int
    led_red_ua: int
    led_ir_ua: int
    sampling: bool
    die_c: float


class Person:
    """Closed-loop light of one scene, the same for the same seed however it is asked.

    Truth: `spo2_pct(t_s)`, `pulse_bpm(t_s)`, `finger_in(t_s)`, `beat_s` (feet of the pulse
    wave). Times are seconds of the controller's clock.
    """

    fixed = False
    channels = 3

    def __init__(self, scene: Scene, seed: int = 1) -> None:
        self.scene = scene
        self.seed = seed
        self.duration_s = scene.duration_s
        heart, breath, wander, red, ir, motion = (
            np.random.default_rng([seed, stream]) for stream in range(6))
        self._heart = Heart(scene, heart)
        self.beat_s = self._heart.beat_s
        self._breath_at = float(breath.uniform(0.0, 2 * np.pi))
        grid = np.arange(0.0, scene.duration_s + 8.0, 0.25)
        turns = 2 * np.pi * np.cumsum(follow(scene.respiration_per_min, grid)) / 60.0 * 0.25
        self._breath = (grid, turns)
        self._wander, self._wander_red, self._wander_ir = (
            Process(wander, scene.duration_s, 0.01, 0.15, slope=1.0) for _ in range(3))
        self._flicker_red = Process(red, scene.duration_s, 0.05, 20.0, slope=1.0)
        self._flicker_ir = Process(ir, scene.duration_s, 0.05, 20.0, slope=1.0)
        self.artefacts = [Artefact(m, scene, motion) for m in scene.motion]
        self._depths = _depth_of_perfusion(self._heart.table.tobytes())

        self._clock = 1.0 + scene.clock_error_pct / 100.0
        self._asked_us = 0
        self._settings: tuple[float, int] | None = None  # rate and pulse width; None asleep
        self._run = 0  # counts runs of samples at one rate
        self._start_us = 0  # where this run began
        self._given = 0  # conversions of this run given out
        self._light_of: tuple[int, int] | None = None  # run and block of what follows
        self._light: tuple[Floats, Floats, Floats, Floats, NDArray[np.bool_]]
        self._noise: Floats
        self._counts_of: tuple[int, int, int] | None = None  # currents and range of the counts
        self._counts: list[tuple[int, ...]] = []

    # --- truth ---

    def spo2_pct(self, t_s: ArrayLike) -> Floats:
        """True arterial saturation at the finger, percent."""
        return follow(self.scene.spo2_pct, t_s)

    def pulse_bpm(self, t_s: ArrayLike, window_s: float = _RATE_WINDOW_S) -> Floats:
        """True mean pulse rate over the window that ends at these times, beats a minute.

        Every beat of the heart counts, those too early to fill it as well.
        """
        t = np.asarray(t_s, dtype=np.float64)
        start = np.maximum(t - window_s, self.beat_s[0])
        beats = self._heart.beats_before(t) - self._heart.beats_before(start)
        return 60.0 * beats / (t - start)

    def finger_in(self, t_s: ArrayLike) -> NDArray[np.bool_]:
        """Whether a finger is on the window."""
        t = np.asarray(t_s, dtype=np.float64)
        return _within(t, self.scene.finger) & (t < self.duration_s)

    # --- light ---

    def until(self, now_us: int, chip: Chip) -> list[tuple[int, ...]]:
        """Conversions completed since the last call, one for each of the chip's at its rate:
        (red_adc, ir_adc), or (red_adc, ir_adc, ambient) in a scene with sunlight.

        Currents and range are taken as they stand now: a chip asks before it changes them. A new
        rate or pulse width, and the end of a sleep, start a new run at the last call.
        """
        settings = (float(chip.rate_hz), int(chip.pulse_us)) if chip.sampling else None
        if settings != self._settings:
            self._settings = settings
            self._run += 1
            self._start_us = self._asked_us
            self._given = 0
            chip.die_c = float(follow(self.scene.die_c, now_us / 1e6))
        elif isinstance(self.scene.die_c, tuple):
            chip.die_c = float(follow(self.scene.die_c, now_us / 1e6))
        self._asked_us = now_us
        if settings is None:
            return []
        rate_hz = settings[0] * self._clock
        end = int((now_us - self._start_us) * rate_hz / 1e6 + 1e-6)
        out: list[tuple[int, ...]] = []
        while self._given < end:
            block, first = divmod(self._given, _BLOCK)
            past = min(end - block * _BLOCK, _BLOCK)
            out += self._converted(block, rate_hz, chip)[first:past]
            self._given = block * _BLOCK + past
        return out

    def _converted(self, block: int, rate_hz: float, chip: Chip) -> list[tuple[int, ...]]:
        """One block of this run as the converter gives it at the chip's present settings."""
        if (self._run, block) != self._light_of:
            self._light_of = (self._run, block)
            at = np.arange(block * _BLOCK + 1, (block + 1) * _BLOCK + 1) / rate_hz
            self._light = self._returned(self._start_us / 1e6 + at)
            rng = np.random.default_rng([self.seed, 6, self._run, block])
            self._noise = rng.standard_normal((2, _BLOCK))
            self._counts_of = None
        settings = (chip.led_red_ua, chip.led_ir_ua, chip.range_na)
        if settings == self._counts_of:
            return self._counts
        self._counts_of = settings

        gain = _NOMINAL_RANGE_NA / chip.range_na
        white = self.scene.noise_counts * np.sqrt(
            gain * _NOMINAL_PULSE_US / chip.pulse_us / _NOISE_AT_ADC)
        lit_red, lit_ir, lamp_red, lamp_ir, sun = self._light
        columns = []
        for lit, lamp, led_ua, noise in ((lit_red, lamp_red, chip.led_red_ua, self._noise[0]),
                                         (lit_ir, lamp_ir, chip.led_ir_ua, self._noise[1])):
            adc = (lit * (led_ua / _NOMINAL_LED_UA) + lamp) * gain
            adc += white * np.sqrt(np.maximum(adc, 0.0)) * noise
            adc[sun] = FULL_SCALE_ADC
            columns.append(np.clip(np.rint(adc), 0, FULL_SCALE_ADC).astype(np.int64).tolist())
        if self.scene.sun:
            columns.append(sun.tolist())
        self._counts = list(zip(*columns, strict=True))
        return self._counts

    def _returned(self, t: Floats) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.bool_]]:
        """Light at these times in counts at 7 mA and 4096 nA: of the LEDs (red, infrared), of
        the surroundings (red, infrared), and whether the sun blinds the diode."""
        scene = self.scene
        touch, settle = self._touch(t)
        tilt = follow(scene.tilt, t)
        spo2 = follow(scene.spo2_pct, t)

        force = follow(scene.force_n, t) - 0.3
        width = np.where(force > 0, 0.6, 0.35)  # Teng and Zhang 2004: half gone at 0.8 N
        depth = np.interp(follow(scene.perfusion_pct, t), *self._depths)
        depth = depth * np.exp(-((force / width) ** 2))
        press = np.clip(force / 1.2, -0.25, 1.5)

        breath = np.interp(t, *self._breath) + self._breath_at
        swing = np.sin(breath)
        depth = depth * (1.0 + scene.respiration_amplitude_pct / 100.0 * np.sin(breath - 0.6))

        shared = settle + scene.wander_pct / 100.0 * np.sqrt(
            1.0 - scene.wander_apart) * self._wander(t)
        own = scene.wander_pct / 100.0 * np.sqrt(scene.wander_apart)
        red_log = shared + own * self._wander_red(t) + 0.02 * press
        ir_log = shared + own * self._wander_ir(t) + 0.05 * press
        # Breathing moves venous blood, darker in red.
        venous = optics.ratio_of_spo2(np.maximum(spo2 - optics.VENOUS_FALL_PCT, 20.0))
        red_log += venous * (scene.respiration_baseline_pct / 100.0) * swing
        ir_log += scene.respiration_baseline_pct / 100.0 * swing
        for artefact in self.artefacts:
            if artefact.t_s[0] <= t[-1] and artefact.t_s[-1] >= t[0]:
                red_more, ir_more = artefact.log_light(t)
                red_log += red_more
                ir_log += ir_more
                depth = depth * artefact.pulse_gain(t)

        pulse = depth * self._heart.pulse(t)
        red_log -= self._ratio(t, spo2) * pulse
        ir_log -= pulse
        red_log += optics.tissue_log_light(optics.RED_NM, spo2)
        ir_log += optics.tissue_log_light(optics.IR_NM, spo2)

        placed = touch * scene.light_return * (1.0 - 0.4 * tilt)
        lit = []
        for dc, pedestal_pct, log, mirror, flicker in (
            (scene.red_dc_counts, scene.crosstalk_pct[0], red_log, 0.06, self._flicker_red),
            (scene.ir_dc_counts, scene.crosstalk_pct[1], ir_log, 0.04, self._flicker_ir),
        ):
            pedestal = pedestal_pct / 100.0
            share = pedestal + (1.0 - pedestal) * placed * np.exp(log)
            # Skin that does not lie on the window mirrors 4 to 7 % (Anderson and Parrish 1981,
            # J Invest Dermatol 77:13), without a pulse.
            share = share + mirror * tilt * touch
            drift = scene.flicker_noise_counts / _NOISE_AT_ADC * flicker(t)
            lit.append(dc * share * (1.0 + drift))

        open_to = 1.0 - 0.9 * touch * (1.0 - 0.5 * tilt)
        lamp = follow(scene.ambient_counts, t)
        swing = follow(scene.flicker_counts, t)
        turn = 2 * np.pi * 2 * scene.mains_hz
        lamp_red = open_to * lamp + swing * np.sin(turn * t)
        lamp_ir = open_to * lamp + swing * np.sin(turn * (t + _SLOT_S))
        return lit[0], lit[1], lamp_red, lamp_ir, _within(t, scene.sun)

    def _ratio(self, t: Floats, spo2: Floats) -> Floats:
        """Ratio of ratios of the pulse."""
        shift = self.scene.red_shift_nm + optics.RED_NM_PER_C * (
            follow(self.scene.die_c, t) - 25.0)
        ratio = optics.ratio_of_spo2(spo2)
        if not shift.any():
            return ratio
        if np.ptp(shift) == 0:
            return ratio * optics.ratio_factor(shift[0], spo2)
        return ratio * optics.ratio_factor(shift, spo2)

    def _touch(self, t: Floats) -> tuple[Floats, Floats]:
        """How far the finger is on, 0 to 1, and the log light that is still settling."""
        touch = np.zeros_like(t)
        settle = np.zeros_like(t)
        for on_s, off_s in self.scene.finger:
            off_s = min(off_s, self.duration_s)
            on = np.ones_like(t)
            if on_s > 0:  # a finger there at 0 has been there for long
                on = _smooth((t - on_s) / _EDGE_S)
                since = np.clip(t - on_s, 0.0, None)
                decay = self.scene.settle_pct / 100.0 * np.exp(-since / self.scene.settle_s)
                settle += np.where((t >= on_s) & (t < off_s), decay, 0.0)
            touch = np.maximum(touch, on * (1.0 - _smooth((t - off_s) / _EDGE_S)))
        return touch, settle


def _smooth(x: Floats) -> Floats:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _within(t: Floats, spans: tuple[Span, ...]) -> NDArray[np.bool_]:
    inside = np.zeros(t.shape, np.bool_)
    for start_s, end_s in spans:
        inside |= (t >= start_s) & (t < end_s)
    return inside


@lru_cache(16)
def _depth_of_perfusion(pulse: bytes) -> tuple[Floats, Floats]:
    """Perfusion index in percent, (max - min) / mean, against the depth of the pulse in log
    light that makes it. pulse: the table of one beat, the same for everybody of a class."""
    depth = np.linspace(0.0, 0.6, 241)
    light = np.exp(-depth[:, None] * np.frombuffer(pulse))
    return 100.0 * (1.0 - light.min(1)) / light.mean(1), depth
