"""How much of what is measured is the gauge: repeatability and reproducibility by ANOVA.

After AIAG, Measurement Systems Analysis, 4th edition (2010), chapter III, section B: a crossed
study with units and workers as random factors. The interaction of the two is pooled with the
repeatability when its test gives p > 0.25; a component of variance that comes out negative is 0.
"""

import dataclasses
from math import exp, inf, isfinite, lgamma, log, log1p, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from host_tools.sentences import say

POOLED_OVER_P = 0.25
UNITS, WORKERS, REPEATS = 10, 3, 3  # the least that a study is made of
FAIR_PCT = 30.0  # %GRR above it: the measurement tells little of the process (AIAG, II-D)
GOOD_PCT = 10.0


class GaugeError(ValueError):
    """The values make no study; the text says what is missing."""


@dataclasses.dataclass(frozen=True)
class Study:
    """Variances, in the measurement's unit squared, and what follows from them.

    `interaction` is 0 where it was pooled (`is_pooled`, for `interaction_p` > 0.25).
    """

    units: int
    workers: int
    repeats: int
    mean: float
    repeatability: float
    reproducibility: float  # of the workers
    interaction: float  # of workers and units
    unit_variance: float
    interaction_p: float
    is_pooled: bool
    low: float | None = None
    high: float | None = None

    @property
    def grr(self) -> float:
        """Variance of the gauge: repeatability, reproducibility and interaction."""
        return self.repeatability + self.reproducibility + self.interaction

    @property
    def grr_pct(self) -> float:
        """%GRR: the gauge's standard deviation in percent of the study's whole. nan of nothing."""
        whole = self.grr + self.unit_variance
        return 100 * sqrt(self.grr / whole) if whole > 0 else nan

    @property
    def tolerance_pct(self) -> float | None:
        """Six standard deviations of the gauge in percent of the tolerance; of a single limit
        three in percent of the mean's distance to it. None without limits."""
        spread = sqrt(self.grr)
        if self.low is not None and self.high is not None:
            width = self.high - self.low
            return 600 * spread / width if width > 0 else inf
        limit = self.low if self.low is not None else self.high
        if limit is None:
            return None
        off = abs(limit - self.mean)
        return 300 * spread / off if off > 0 else inf

    @property
    def ndc(self) -> int | None:
        """Number of distinct categories, cut to a whole number. None where the repeats never
        differ: then the gauge's resolution hides its spread, and no number can be told."""
        if self.grr <= 0:
            return None
        return int(1.41 * sqrt(self.unit_variance / self.grr))

    @property
    def verdict(self) -> str:
        """good (up to 10 %), fair (up to 30 %), or poor; unknown where nothing varied at all."""
        if not isfinite(self.grr_pct):
            return "unknown"
        if self.grr_pct <= GOOD_PCT:
            return "good"
        return "fair" if self.grr_pct <= FAIR_PCT else "poor"


def study(values: ArrayLike, low: float | None = None, high: float | None = None) -> Study:
    """The study of values of shape (units, workers, repeats), none of them missing.

    low, high: the limits of the measurement, None where it has none. Raises GaugeError where there
    are not at least two of each, or a value is missing.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 3 or min(x.shape) < 2:
        raise GaugeError("A study needs two units, two workers and two repeats at least.")
    if not np.isfinite(x).all():
        raise GaugeError(say("grr_values", missing=int((~np.isfinite(x)).sum()), of=x.size))
    n, k, r = x.shape
    mean = float(x.mean())
    cells = x.mean(axis=2)
    by_unit, by_worker = x.mean(axis=(1, 2)), x.mean(axis=(0, 2))
    units_ss = k * r * float(((by_unit - mean) ** 2).sum())
    workers_ss = n * r * float(((by_worker - mean) ** 2).sum())
    additive = by_unit[:, None] + by_worker[None, :] - mean
    both_ss = r * float(((cells - additive) ** 2).sum())
    within_ss = float(((x - cells[:, :, None]) ** 2).sum())
    # What is left of values that are all alike is rounding, and no spread.
    rounding = x.size * (np.finfo(float).eps * max(1e-300, float(np.abs(x).max()))) ** 2 * 16
    units_ss, workers_ss, both_ss, within_ss = (
        0.0 if ss <= rounding else ss for ss in (units_ss, workers_ss, both_ss, within_ss)
    )
    both_df, within_df = (n - 1) * (k - 1), n * k * (r - 1)
    both_ms, within_ms = both_ss / both_df, within_ss / within_df
    p = f_beyond(both_ms / within_ms, both_df, within_df) if within_ms > 0 else float(both_ms == 0)
    is_pooled = p > POOLED_OVER_P
    if is_pooled:
        within_ms = both_ms = (both_ss + within_ss) / (both_df + within_df)
    return Study(
        units=n,
        workers=k,
        repeats=r,
        mean=mean,
        repeatability=within_ms,
        reproducibility=max(0.0, (workers_ss / (k - 1) - both_ms) / (n * r)),
        interaction=0.0 if is_pooled else max(0.0, (both_ms - within_ms) / r),
        unit_variance=max(0.0, (units_ss / (n - 1) - both_ms) / (k * r)),
        interaction_p=p,
        is_pooled=is_pooled,
        low=low,
        high=high,
    )


def f_beyond(f: float, top_df: int, under_df: int) -> float:
    """The probability that an F of these degrees of freedom is greater than `f`."""
    if f <= 0:
        return 1.0
    return _beta(under_df / 2, top_df / 2, under_df / (under_df + top_df * f))


def _beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun
    26.5.8, evaluated after Lentz), which is quick below its mean; above it by symmetry."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    tiny = 1e-300
    value, c, d = tiny, tiny, 0.0
    for step in range(400):
        m = step // 2
        if step == 0:
            factor = 1.0
        elif step % 2:
            factor = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            factor = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + factor * d) or tiny)
        c = (1 + factor / c) or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-14 and step:
            break
    return front * value
