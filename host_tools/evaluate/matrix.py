"""The matrices: which simulated people the algorithm is measured on.

A row is a line of the table in `targets.py`, a cell one combination of conditions in it, a case
one person. What is no condition of a cell (pulse shape, noise, brightness, clock, character of a
movement) is drawn anew for each case from `SCORED`, ranges that nobody tunes with: whoever changes
the algorithm works with `tuning`, the same rows drawn from `TUNING`. The two have no value in
common.

Extraction rows know neither crosstalk nor a shift of wavelength; those are in `system`, which asks
what the hardware adds to the error of extraction.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from host_tools.evaluate.case import Case
from sim.patient import Motion, Scene, ramp, ratio_of_spo2, spo2_of_ratio, step
from sim.patient.scene import Movement, Shape

VERSION = 1
NAMES = ("quick", "full", "tuning", "system")

Range = tuple[tuple[float, float], ...]  # spans, each as likely as it is long

SHAPES: tuple[Shape, ...] = ("young", "adult", "dicrotic", "stiff")
MOVEMENTS: tuple[Movement, ...] = ("tap", "rub", "tremor", "random", "bursts", "crossing")
# Bands of the movements' tempo, Hz; their sources stand with scene.Motion. `crossing` has its own.
_BANDS = {
    "tap": (1.5, 3.5), "rub": (1.0, 2.2), "tremor": (4.0, 7.0), "random": (1.5, 3.5),
    "bursts": (1.5, 3.5),
}  # fmt: skip


@dataclass(frozen=True)
class Draws:
    """Ranges of what no cell fixes.

    `light_return`: the device brings its light to 40 to 70 % of full scale, so brightness differs
    by little. `hz_place`: where in its band a movement lies.
    """

    second_share: Range  # of a second class in the pulse shape
    noise_counts: Range  # nominal 8: see scene.noise_counts
    light_return: Range
    clock_error_pct: Range
    hz_place: Range
    ratio_drift: Range
    drift_hz: Range
    damping: Range


TUNING = Draws(
    second_share=((0.0, 0.1),),
    noise_counts=((7.5, 8.5),),
    light_return=((0.95, 1.25),),
    clock_error_pct=((-1.5, 1.5),),
    hz_place=((0.3, 0.7),),
    ratio_drift=((0.2, 0.4),),
    drift_hz=((0.25, 0.35),),
    damping=((0.45, 0.55),),
)
SCORED = Draws(
    second_share=((0.15, 0.5),),
    noise_counts=((6.5, 7.4), (8.6, 9.5)),
    light_return=((0.8, 0.94), (1.26, 1.6)),
    clock_error_pct=((-4.0, -1.6), (1.6, 4.0)),
    hz_place=((0.0, 0.28), (0.72, 1.0)),
    ratio_drift=((0.10, 0.19), (0.41, 0.5)),
    drift_hz=((0.1, 0.24), (0.36, 0.6)),
    damping=((0.2, 0.43), (0.57, 0.8)),
)

Make = Callable[[np.random.Generator], dict[str, Any]]


def matrix(name: str) -> list[Case]:
    """The cases of a matrix, always the same ones. `name` is one of NAMES."""
    if name == "system":
        return list(_system(_Maker(SCORED, name, 4)))
    draws = TUNING if name == "tuning" else SCORED
    return list(_extraction(_Maker(draws, name, 6 if name == "full" else 1)))


def matrix_hash(cases: Sequence[Case]) -> str:
    """SHA-256 over the version and every case."""
    text = repr([VERSION, [case.sha256 for case in cases]])
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class _Maker:
    """Makes cases: `times` is how many times more of each than the quick matrix has."""

    draws: Draws
    name: str
    times: int

    def cases(self, row: str, cell: str, count: int, make: Make, **of_case: Any) -> Iterator[Case]:
        """`count` cases a cell (times `times`), each scene from its own generator."""
        of_tuning = 1 if self.draws is TUNING else 0
        for number in range(count * self.times):
            rng = np.random.default_rng([VERSION, of_tuning, *f"{row}/{cell}".encode(), number])
            made = self._person(rng) | make(rng)
            curve_pct = made.pop("curve_pct", 0.0)
            if curve_pct:
                # The light of a person whose saturation, by their own curve, is the one asked for.
                ratio = ratio_of_spo2(made["spo2_pct"]) * (1 + curve_pct / 100)
                made["spo2_pct"] = min(float(spo2_of_ratio(ratio)), 100.0)
            seed = int(rng.integers(1 << 31))
            yield Case(row, cell, number, seed, Scene(**made), **of_case, curve_pct=curve_pct)

    def _person(self, rng: np.random.Generator) -> dict[str, Any]:
        first, second = rng.choice(len(SHAPES), 2, replace=False)
        return {
            "duration_s": 60.0,
            "shape": SHAPES[first],
            "second_shape": SHAPES[second],
            "second_share": drawn(rng, self.draws.second_share),
            "noise_counts": drawn(rng, self.draws.noise_counts),
            "light_return": drawn(rng, self.draws.light_return),
            "clock_error_pct": drawn(rng, self.draws.clock_error_pct),
            "crosstalk_pct": (0.0, 0.0),
        }

    def motion(
        self,
        rng: np.random.Generator,
        movement: Movement,
        start_s: float,
        end_s: float,
        **more: Any,
    ) -> Motion:
        """One stretch of movement, its character drawn."""
        drift = drawn(rng, self.draws.ratio_drift)
        low, high = _BANDS.get(movement, (0.0, 0.0))
        place = drawn(rng, self.draws.hz_place)
        return Motion(
            movement,
            start_s,
            end_s,
            hz=low + (high - low) * place if high else None,
            ratio_drift=(drift, drift),
            drift_hz=drawn(rng, self.draws.drift_hz),
            damping=drawn(rng, self.draws.damping),
            **more,
        )


def drawn(rng: np.random.Generator, spans: Range) -> float:
    """A value from a range, evenly."""
    lengths = np.array([high - low for low, high in spans])
    at = float(rng.uniform(0, lengths.sum()))
    for (low, _), length in zip(spans, lengths, strict=True):
        if at <= length:
            return low + at
        at -= length
    return spans[-1][1]


def from_log(x: float) -> float:
    """e^x to six places: the last bits are not the same on every processor, and the matrix is."""
    return round(math.exp(x), 6)


def _extraction(m: _Maker) -> Iterator[Case]:
    yield from _still(m)
    yield from _weak(m)
    yield from _wander(m)
    yield from _hearts(m)
    yield from _moving(m)
    yield from _faults(m)
    yield from _changes(m)
    yield from _verdicts(m)


def _still(m: _Maker) -> Iterator[Case]:
    rates = (30, 40, 60, 75, 100, 150, 200, 250)
    for spo2 in (100, 97, 95, 94, 93, 90, 85, 80, 75, 70):
        for bpm in rates:
            for perfusion in (1.0, 5.0):
                yield from _steady(m, "still_pi1", spo2, bpm, perfusion, 3)
            yield from _steady(m, "still_pi03", spo2, bpm, 0.3, 4)
    for spo2 in (69, 65, 60, 55, 50):
        for bpm in (45, 75, 120):
            for perfusion in (0.5, 2.0):
                yield from _steady(m, "below_range", spo2, bpm, perfusion, 5)


def _steady(
    m: _Maker, row: str, spo2: float, bpm: float, perfusion: float, count: int, **more: Any
) -> Iterator[Case]:
    # Where noise sets the error, cells differ in it by design, so it is part of the cell's name.
    times = more.pop("noise_times", None)
    cell = f"SpO2 {spo2:g}, {bpm:g} bpm, PI {perfusion:g}"

    def make(rng: np.random.Generator) -> dict[str, Any]:
        scene = {"spo2_pct": float(spo2), "pulse_bpm": float(bpm), "perfusion_pct": perfusion}
        if times:
            scene["noise_counts"] = times * drawn(rng, m.draws.noise_counts)
            scene["flicker_noise_counts"] = times * 3.0
        return scene | more

    yield from m.cases(row, f"{cell}, noise x {times:g}" if times else cell, count, make)


def _weak(m: _Maker) -> Iterator[Case]:
    for row, perfusion in (("weak_02", 0.2), ("weak_01", 0.1), ("weak_005", 0.05)):
        for spo2 in (98, 93, 88, 80):
            for bpm in (50, 75, 120):
                for times in (0.5, 1, 2):
                    yield from _steady(m, row, spo2, bpm, perfusion, 5, noise_times=times)


def _wander(m: _Maker) -> Iterator[Case]:
    cells: list[tuple[str, dict[str, Any]]] = []
    for swing in (0.5, 3.0):
        # Random wander reaches some 2.5 times its rms.
        cells.append((f"wander ±{swing:g} %", {"wander_pct": swing / 2.5}))
        for breaths in (6, 12, 18, 24, 30):
            cells.append(
                (
                    f"breathing ±{swing:g} %, {breaths} a minute",
                    {"respiration_baseline_pct": swing, "respiration_per_min": float(breaths)},
                )
            )
    for counts in (50, 100, 200):  # 0.05 to 0.2 % of the light, up to a fifth of the pulse
        for mains_hz in (50.0, 60.0):
            scene = {"ambient_counts": 10.0 * counts, "flicker_counts": float(counts)}
            cells.append((f"flicker {counts}, {mains_hz:g} Hz", scene | {"mains_hz": mains_hz}))
    for name, more in cells:

        def make(rng: np.random.Generator, more: dict[str, Any] = more) -> dict[str, Any]:
            return {
                "spo2_pct": float(rng.uniform(75, 99)),
                "pulse_bpm": float(rng.uniform(50, 130)),
                "perfusion_pct": 1.0,
            } | more

        yield from m.cases("wander", name, 14, make)


def _hearts(m: _Maker) -> Iterator[Case]:
    def shaped(shape: Shape, **more: Any) -> Make:
        def make(rng: np.random.Generator) -> dict[str, Any]:
            # The class is the condition here; a little of another keeps it from being one curve.
            spans = m.draws.second_share
            scene = {"shape": shape, "second_share": drawn(rng, spans) / 3}
            return scene | {"spo2_pct": float(rng.uniform(75, 99))} | more

        return make

    for bpm in (40, 60, 75, 100, 130, 150):
        for perfusion in (0.5, 2.0):
            more = {"pulse_bpm": float(bpm), "perfusion_pct": perfusion}
            cell = f"{bpm} bpm, PI {perfusion:g}"
            yield from m.cases("dicrotic", cell, 8, shaped("dicrotic", **more))
    for bpm in (45, 60, 75, 100):
        for perfusion in (0.3, 0.6):
            more = {"pulse_bpm": float(bpm), "perfusion_pct": perfusion}
            cell = f"{bpm} bpm, PI {perfusion:g}"
            yield from m.cases("elderly", cell, 10, shaped("stiff", **more))
    for bpm in (55, 75, 95, 120):
        for perfusion in (0.5, 2.0):

            def early(
                rng: np.random.Generator, bpm: float = bpm, perfusion: float = perfusion
            ) -> dict[str, Any]:
                return {
                    "spo2_pct": float(rng.uniform(75, 99)),
                    "pulse_bpm": float(bpm),
                    "perfusion_pct": perfusion,
                    "premature_pct": 12.0,
                }

            yield from m.cases("premature", f"{bpm} bpm, PI {perfusion:g}", 10, early)
    for bpm in (60, 80, 100, 130):
        for perfusion in (0.5, 2.0):

            def fibrillating(
                rng: np.random.Generator, bpm: float = bpm, perfusion: float = perfusion
            ) -> dict[str, Any]:
                return {
                    "duration_s": 132.0,
                    "spo2_pct": float(rng.uniform(75, 99)),
                    "pulse_bpm": float(bpm),
                    "perfusion_pct": perfusion,
                    "fibrillation": True,
                    "fibrillation_cv": 0.22,
                }

            yield from m.cases("fibrillation", f"{bpm} bpm, PI {perfusion:g}", 10, fibrillating)
    for bpm in (55, 75, 95):
        for cell in ("breathing moves the rate by 15 %", "two early beats a minute", "movement"):

            def sinus(
                rng: np.random.Generator, bpm: float = bpm, cell: str = cell
            ) -> dict[str, Any]:
                scene: dict[str, Any] = {
                    "duration_s": 132.0,
                    "spo2_pct": float(rng.uniform(85, 99)),
                    "pulse_bpm": float(bpm),
                    "perfusion_pct": 1.0,
                }
                if cell.startswith("breathing"):
                    # 15 % from the slowest to the fastest beat
                    scene["respiration_rate_pct"] = 7.5
                    scene["respiration_per_min"] = float(rng.uniform(8, 20))
                elif cell.startswith("two"):
                    scene["premature_pct"] = 200.0 / bpm
                else:
                    movement = MOVEMENTS[int(rng.integers(len(MOVEMENTS)))]
                    scene["motion"] = (m.motion(rng, movement, 30.0, 110.0, swing_pct=1.0),)
                return scene

            yield from m.cases("sinus", f"{cell}, {bpm} bpm", 14, sinus)


def _moving(m: _Maker) -> Iterator[Case]:
    rows = (("motion_05", 0.5, "real"), ("motion_1", 1.0, "real"), ("motion_3", 3.0, "real"),
            ("motion_ideal", 1.0, "ideal"))  # fmt: skip
    for row, swing, kind in rows:
        for movement in MOVEMENTS:
            for bpm in (60, 80, 110):

                def make(
                    rng: np.random.Generator,
                    movement: Movement = movement,
                    bpm: float = bpm,
                    swing: float = swing,
                    kind: str = kind,
                ) -> dict[str, Any]:
                    stretch = m.motion(rng, movement, 10.0, 70.0, swing_pct=swing, kind=kind)
                    return {
                        "duration_s": 70.0,
                        "spo2_pct": float(rng.uniform(80, 99)),
                        "pulse_bpm": float(bpm),
                        "perfusion_pct": 1.0,
                        "motion": (stretch,),
                    }

                yield from m.cases(row, f"{movement}, {bpm} bpm", 6, make)


def _faults(m: _Maker) -> Iterator[Case]:
    def scene(**more: Any) -> Make:
        def make(rng: np.random.Generator) -> dict[str, Any]:
            return {
                "duration_s": 30.0,
                "spo2_pct": float(rng.uniform(80, 99)),
                "pulse_bpm": float(rng.uniform(50, 120)),
                "perfusion_pct": from_log(rng.uniform(math.log(0.3), math.log(5))),
            } | more

        return make

    def dark(rng: np.random.Generator) -> dict[str, Any]:
        crosstalk = float(rng.uniform(0.5, 5))  # what window and case send back
        return scene(finger=(), crosstalk_pct=(crosstalk, crosstalk))(rng)

    none_due: dict[str, Any] = {"due": False, "words": ("no_finger",)}
    yield from m.cases("fault_no_finger", "from the start", 20, dark, **none_due)

    def object_(rng: np.random.Generator) -> dict[str, Any]:
        return scene(perfusion_pct=0.0, respiration_baseline_pct=0.0, wander_pct=0.0)(rng)

    yield from m.cases("fault_object", "from the start", 20, object_, **none_due)

    def bright(rng: np.random.Generator) -> dict[str, Any]:
        return scene(light_return=float(rng.uniform(3.5, 6)))(rng)

    none_due = {"due": False, "words": ("saturated",)}
    yield from m.cases("fault_saturated", "from the start", 20, bright, **none_due)
    for when, at_s in (("from the start", 0.0), ("in a reading", 15.0)):
        sun = scene(duration_s=25.0, sun=((at_s, 25.0),))
        of_fault: dict[str, Any] = {"due": False, "event_s": at_s}
        yield from m.cases(
            "fault_sunlight", when, 4, sun, words=("too_bright",), device=True, **of_fault
        )
        for row, fault in (
            ("fault_failed_reads", "nack"),
            ("fault_dead_led", "dead_red"),
            ("fault_dead_led", "dead_ir"),
        ):
            cell = f"{fault.replace('_', ' ')}, {when}"
            of_fault |= {"words": ("sensor_fault",), "faults": (fault,)}
            yield from m.cases(row, cell, 10, scene(), **of_fault)


def _changes(m: _Maker) -> Iterator[Case]:
    for row, spo2s in (("swap", (96, 97, 98, 100)), ("swap_low", (94, 92, 90, 85, 80))):
        for spo2 in spo2s:

            def swapped(rng: np.random.Generator, spo2: float = spo2) -> dict[str, Any]:
                return {
                    "spo2_pct": float(spo2),
                    "pulse_bpm": float(rng.uniform(50, 120)),
                    "perfusion_pct": from_log(rng.uniform(math.log(0.5), math.log(5))),
                }

            yield from m.cases(row, f"SpO2 {spo2}", 8, swapped, swapped=True)
    for bpm in (50, 75, 110):
        for perfusion in (1.0, 3.0):

            def falling(
                rng: np.random.Generator, bpm: float = bpm, perfusion: float = perfusion
            ) -> dict[str, Any]:
                return {
                    "duration_s": 80.0,
                    "spo2_pct": step(97, 85, 30.5),
                    "pulse_bpm": float(bpm),
                    "perfusion_pct": perfusion,
                }

            yield from m.cases("step", f"{bpm} bpm, PI {perfusion:g}", 8, falling, event_s=30.5)
    for error_pct in (-4, 0, 15, 30, 45):
        for drift_pct in (0.0, 2.0):
            for bpm in (50, 75, 130):

                def steady(
                    rng: np.random.Generator, error_pct: float = error_pct, bpm: float = bpm
                ) -> dict[str, Any]:
                    # A heart like a clock: what differs is the sensor's.
                    return {
                        "duration_s": 90.0,
                        "clock_error_pct": float(error_pct),
                        "pulse_bpm": float(bpm),
                        "perfusion_pct": 1.0,
                        "respiration_rate_pct": 0.0,
                        "pressure_wave_pct": 0.0,
                        "jitter_pct": 0.0,
                    }

                cell = f"{error_pct:+d} %, drifting {drift_pct:g} %, {bpm} bpm"
                yield from m.cases("clock", cell, 4, steady, clock_drift_pct=drift_pct)
    for bpm in (50, 75, 120):
        for perfusion in (0.5, 2.0):

            def leaving(
                rng: np.random.Generator, bpm: float = bpm, perfusion: float = perfusion
            ) -> dict[str, Any]:
                return {
                    "duration_s": 45.0,
                    "pulse_bpm": float(bpm),
                    "perfusion_pct": perfusion,
                    "finger": ((0.0, 26.0),),
                }

            yield from m.cases(
                "finger_off", f"{bpm} bpm, PI {perfusion:g}", 8, leaving, due=False, event_s=26.0,
                words=("no_finger",),
            )


def _verdicts(m: _Maker) -> Iterator[Case]:
    """People measured once, for 90 s: each gives one settled reading or none."""
    for row, low, high, count in (
        ("verdict_low", 70, 93, 140),
        ("verdict_high", 96, 100, 70),
    ):
        for perfusion in (0.2, 0.5, 1.0, 3.0):

            def still(
                rng: np.random.Generator,
                low: float = low,
                high: float = high,
                perfusion: float = perfusion,
            ) -> dict[str, Any]:
                return {
                    "duration_s": 92.0,
                    "spo2_pct": float(rng.uniform(low, high)),
                    "pulse_bpm": float(rng.uniform(45, 140)),
                    "perfusion_pct": perfusion,
                }

            yield from m.cases(row, f"PI {perfusion:g}", count, still)

    def home(rng: np.random.Generator) -> dict[str, Any]:
        """What comes at home, all of it at once; the shares are assumptions."""
        scene: dict[str, Any] = {
            "duration_s": 92.0,
            "spo2_pct": float(rng.uniform(75, 100)),
            "pulse_bpm": float(rng.triangular(40, 75, 150)),
            "perfusion_pct": min(max(from_log(rng.normal(math.log(1.2), 0.8)), 0.1), 12.0),
            "respiration_per_min": float(rng.uniform(8, 30)),
            "respiration_baseline_pct": float(rng.uniform(0, 1)),
            "wander_pct": from_log(rng.normal(math.log(0.3), 0.8)),
            "ambient_counts": float(rng.uniform(0, 2000)),
            "flicker_counts": float(rng.uniform(0, 150)),
            "force_n": float(rng.uniform(0.1, 0.6)),
        }
        if rng.random() < 0.15:
            scene["fibrillation"] = True
        elif rng.random() < 0.15:
            scene["premature_pct"] = float(rng.uniform(2, 20))
        if rng.random() < 0.4:
            start_s = float(rng.uniform(0, 50))
            movement = MOVEMENTS[int(rng.integers(len(MOVEMENTS)))]
            end_s = start_s + float(rng.uniform(4, 30))
            swing = float(rng.uniform(0.5, 3))
            scene["motion"] = (m.motion(rng, movement, start_s, end_s, swing_pct=swing),)
        if rng.random() < 0.2:
            spo2 = float(scene["spo2_pct"])
            fall = float(rng.uniform(2, 10))
            scene["spo2_pct"] = ramp(spo2, max(spo2 - fall, 70.0), 20, 20 + fall / 0.3)
        return scene

    yield from m.cases("verdict_home", "at home", 300, home)


# How far a person's ratio lies from the curve's at the same saturation, sd in percent of it: an
# assumption, near to one point of SpO2 at 85 %.
_CURVE_SPREAD_PCT = 4.0


def _system(m: _Maker) -> Iterator[Case]:
    """What a curve and a core cannot know: each condition moves one thing of unit or finger, the
    last one all of them. Where the die's temperature is at work the whole device is asked, which
    may read it."""

    def alone(**scene: Any) -> Make:
        return lambda rng: scene

    conditions: list[tuple[str, Make, bool]] = [("nominal", alone(), False)]
    for nm in (-10, -5, 5, 10):
        conditions.append((f"red LED {nm:+d} nm", alone(red_shift_nm=float(nm)), False))
    for share in (2, 5, 10):
        both = (float(share), float(share))
        conditions.append((f"crosstalk {share} %", alone(crosstalk_pct=both), False))
    for share in (5, 10):
        infrared = (0.0, float(share))
        name = f"crosstalk {share} % in infrared alone"
        conditions.append((name, alone(crosstalk_pct=infrared), False))
    for die_c in (5, 15, 25, 40):
        conditions.append((f"LED at {die_c} C", alone(die_c=float(die_c)), True))
    for force_n in (0.1, 0.6, 0.9):
        conditions.append((f"force {force_n:g} N", alone(force_n=force_n), False))
    for tilt in (0.3, 0.7):
        conditions.append((f"half off, {tilt:g}", alone(tilt=tilt), False))

    def spread(rng: np.random.Generator) -> dict[str, Any]:
        return {"curve_pct": float(rng.normal(0, _CURVE_SPREAD_PCT))}

    def everything(rng: np.random.Generator) -> dict[str, Any]:
        crosstalk = rng.uniform(0, 10, 2)
        return spread(rng) | {
            "red_shift_nm": float(rng.uniform(-10, 10)),
            "crosstalk_pct": (float(crosstalk[0]), float(crosstalk[1])),
            "die_c": float(rng.uniform(5, 40)),
            "force_n": float(rng.uniform(0.1, 0.9)),
        }

    conditions.append((f"people's curves, sd {_CURVE_SPREAD_PCT:g} % of R", spread, False))
    conditions.append(("all at once", everything, True))
    for name, condition, device in conditions:
        for spo2 in (97, 93, 90, 85, 75):

            def make(
                rng: np.random.Generator, spo2: float = spo2, condition: Make = condition
            ) -> dict[str, Any]:
                return {
                    "spo2_pct": float(spo2),
                    "pulse_bpm": float(rng.uniform(50, 120)),
                    "perfusion_pct": 1.5,
                } | condition(rng)

            yield from m.cases("system", f"{name}, SpO2 {spo2}", 3, make, device=device)


def part_of(cases: Sequence[Case], rows: Sequence[str]) -> list[Case]:
    """The cases of some rows; a name that ends in * stands for all that begin so."""
    from fnmatch import fnmatchcase

    return [case for case in cases if any(fnmatchcase(case.row, row) for row in rows)]


def fields() -> tuple[str, ...]:
    """Names of what is drawn."""
    return tuple(f.name for f in dataclasses.fields(Draws))
