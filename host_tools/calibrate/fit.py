"""The fit: robust against single pairs and single people, each person weighing the same.

It begins with the line of Theil and Sen (the median of all slopes; a tenth of the pairs, and more,
may be anywhere), bends it by the quadratic term, and goes on by weighted least squares with the
biweight of Beaton and Tukey (1974, Technometrics 16:147), whose weights fall to nothing at 4.685
times the spread by the median: 95 % as good as least squares where all is normal.

Pairs somewhat below the curve's range take part. To cut them off at 70 % by their reference would
leave, of those at its edge, the ones whose reference is too high, and lift the curve there.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from host_tools.calibrate.curve import HIGHEST_PCT, Curve, CurveError
from host_tools.calibrate.pairs import Pairs

Floats = NDArray[np.float64]

_TUKEY = 4.685
_NORMAL = 1.4826  # standard deviations in a median deviation of a normal distribution
_FLOOR_PCT = 0.02  # no reference is better than this
_TURNS = 200
_DONE_PCT = 1e-7
_FROM_PCT = 60.0  # down to here the parabola is taken to hold
_MOST_SLOPES = 1500  # of so many pairs all slopes are taken, of more each n-th pair's


def usable(pairs: Pairs) -> Pairs:
    """Those that a curve is fitted to."""
    return pairs.where((pairs.reference >= _FROM_PCT) & (pairs.reference <= HIGHEST_PCT))


def fit(pairs: Pairs) -> tuple[Curve, Floats]:
    """The curve of these pairs, and the weight that each pair had in the end (0 to 1).

    Raises CurveError where the pairs have fewer than three ratios.
    """
    x, y = pairs.ratio, pairs.reference
    if len(np.unique(x)) < 3:
        raise CurveError("Three different ratios are needed for a curve.")
    middle, half = float(np.mean(x)), float(np.ptp(x)) / 2
    z = (x - middle) / half  # -1 to 1 or so: powers that do not resemble each other
    powers = np.stack([z**2, z, np.ones_like(z)], axis=1)
    equal = _equal(pairs)
    slope, level = theil_sen(z, y)
    bent = np.array([0.0, slope, level])
    tukey = np.ones_like(y)
    for _ in range(_TURNS):
        off = y - powers @ bent
        spread = max(_NORMAL * float(np.median(np.abs(off - np.median(off)))), _FLOOR_PCT)
        tukey = np.clip(1 - (off / (_TUKEY * spread)) ** 2, 0, None) ** 2
        root = np.sqrt(tukey * equal)
        before = bent
        bent = np.linalg.lstsq(powers * root[:, None], y * root, rcond=None)[0]
        if np.abs(bent - before).max() < _DONE_PCT:
            break
    a, b, c = bent[0] / half**2, bent[1] / half, bent[2]
    return Curve(a, b - 2 * a * middle, c - b * middle + a * middle**2), tukey


def _equal(pairs: Pairs) -> Floats:
    """Weights of one sum a person."""
    _, at, counts = np.unique(pairs.subject, return_inverse=True, return_counts=True)
    return 1.0 / counts[at]


def theil_sen(x: Floats, y: Floats) -> tuple[float, float]:
    """(slope, y at 0) of the line whose slope is the median of those of all two points
    (Sen 1968, J Am Stat Assoc 63:1379)."""
    step = -(-len(x) // _MOST_SLOPES)
    few_x, few_y = x[::step], y[::step]
    first, second = np.triu_indices(len(few_x), 1)
    run = few_x[second] - few_x[first]
    told = run != 0
    slope = float(np.median((few_y[second] - few_y[first])[told] / run[told]))
    return slope, float(np.median(y - slope * x))


def without_each(pairs: Pairs) -> Iterator[tuple[str, Floats]]:
    """Each subject with the differences, curve minus reference in points, of a curve that was
    fitted without him."""
    for subject in pairs.subjects:
        his = pairs.subject == subject
        curve, _ = fit(pairs.where(~his))
        yield subject, curve.spo2_pct(pairs.ratio[his]) - pairs.reference[his]
