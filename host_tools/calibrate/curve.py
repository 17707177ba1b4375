"""The calibration curve SpO2 = a R² + b R + c, as the units keep it, and as they compute it."""

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.door import core, settings

Floats = NDArray[np.float64]

LOWEST_PCT, HIGHEST_PCT = 70.0, 100.0  # what a curve is for
_E7 = 10_000_000
# What a unit's integers may add: its ratio is in steps of 1/4096 (0.01 points), its readings in
# steps of 0.01.
_INTEGERS_PCT = 0.05
_STEEPEST = 80.0  # points a unit of ratio: 800 times that at a ratio of 4 stays below 2^30


class CurveError(ValueError):
    """No unit may have this curve; the text is a sentence that says why."""


class Curve(NamedTuple):
    """Coefficients in percent; R is the ratio of ratios at 25 °C of the die."""

    a: float
    b: float
    c: float

    @property
    def e7(self) -> tuple[int, int, int]:
        """As settings.py keeps them."""
        a, b, c = (round(value * _E7) for value in self)
        return a, b, c

    def spo2_pct(self, ratio: ArrayLike) -> Floats:
        """Percent, of the shape given."""
        r = np.asarray(ratio, dtype=np.float64)
        return (self.a * r + self.b) * r + self.c

    def ratio(self, spo2_pct: float) -> float:
        """The ratio on the falling branch. Raises CurveError where there is none."""
        if abs(self.a) < 1e-9:
            if self.b >= 0:
                raise CurveError("The curve does not fall: more red absorbed must be less oxygen.")
            return (spo2_pct - self.c) / self.b
        inside = self.b * self.b - 4 * self.a * (self.c - spo2_pct)
        if inside <= 0:
            raise CurveError(f"The curve does not reach {spo2_pct:g} % while it falls.")
        return (-self.b - sqrt(inside)) / (2 * self.a)


def of_e7(e7: tuple[int, int, int]) -> Curve:
    return Curve(*(value / _E7 for value in e7))


def checked(curve: Curve) -> Curve:
    """The same, rounded to what a unit keeps. Raises CurveError when it does not fall from 100 to
    70 %, or a unit may not have it or would compute it otherwise."""
    curve = of_e7(curve.e7)
    low, high = curve.ratio(HIGHEST_PCT), curve.ratio(LOWEST_PCT)
    slopes = [2 * curve.a * ratio + curve.b for ratio in (low, high)]
    if not 0 < low < high or max(slopes) >= 0:
        raise CurveError(
            f"The curve does not fall all the way from {HIGHEST_PCT:g} to {LOWEST_PCT:g} %: these "
            "data cannot tell what a ratio means."
        )
    kept = settings.Settings()
    kept.curve_e7 = curve.e7
    try:
        settings.check(kept)
    except ValueError:
        raise CurveError(
            f"No unit takes the curve {curve.a:.4f} R² {curve.b:+.4f} R {curve.c:+.4f}: an "
            "oximeter's must fall from a ratio of 0.4 to one of 2."
        ) from None
    ratios = np.linspace(low, high, 101)
    off = np.abs(_as_computed(kept, ratios) - curve.spo2_pct(ratios)).max()
    steepest = max(abs(curve.a), abs(curve.b), abs(4 * curve.a + curve.b))
    if off > _INTEGERS_PCT or steepest > _STEEPEST:
        raise CurveError("The curve is too steep for a unit's integers.")
    return curve


def _as_computed(kept: Any, ratios: Floats) -> Floats:
    """What the firmware makes of these ratios, percent."""
    layout = core.layout
    state = core.new()
    core.set_curve(state, *kept.curve_q20())
    a, b, c = (
        state[layout.S][at] for at in (layout.CURVE_A, layout.CURVE_B, layout.CURVE_C)
    )
    steps = [round(ratio * 4096) for ratio in ratios]
    return np.array([core.curve.spo2_centipct(step, a, b, c) / 100 for step in steps])
