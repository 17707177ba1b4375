"""Whether a process is stable, and what it is capable of when it is.

The chart is that of individual values in the order in which they were measured (Shewhart 1931):
centre at the mean, limits at three sigma, sigma from the mean moving range of two, over 1.128.

Two rules say that something other than chance is at work: a value beyond three sigma (the Western
Electric handbook's first test of 1956, Nelson's first of 1984), and nine in a row on one side of
the centre (Nelson's second), which finds what the first cannot: a small step or a slow drift. The
others are left out on purpose. Each adds false alarms: with all four Western Electric tests a
process that never changes is called unstable every 92 values, with the first alone every 370
(Champ & Woodall 1987, Technometrics 29:393), and nobody looks for a cause the tenth time.

Even these two alarm by chance, in a fifth of all charts of 50 values and nearly all of 1000.
So a chart is unstable when it alarms more often than chance would in 95 % of charts of its
length. That is no sharp eye: of simulated processes that step by one sigma half way, 17 % were
called unstable from 50 values, 43 % from 200 and 99 % from 1000; of those that step by two, 74 %
from 50. Ppk stands beside Cpk for what slips through.
"""

import dataclasses
from math import exp, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from host_tools.capability.gauge import FAIR_PCT
from host_tools.capability.limits import TO_SIGMA
from host_tools.sentences import say

LEAST = 50  # values under which a capability says nothing
IN_A_ROW = 9
_D2 = 1.128  # mean range of two normal values, in sigma
_BEYOND_P = 2 * NormalDist().cdf(-3)
_FALSE_P = 0.05
_WILD_SIGMA = 6.0
_MOST_WILD = 0.01
_Z = NormalDist().inv_cdf(0.975)
_FREE = 0.605  # degrees of freedom a value that a sigma from moving ranges has (Cryer & Ryan 1990)


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart of `n` values: its centre, sigma, and how often each rule alarmed.

    `allowed`: alarms, of both rules together, that chance alone keeps to in 95 % of such charts.
    """

    n: int
    center: float
    sigma: float
    beyond: int
    runs: int
    allowed: int

    @property
    def is_stable(self) -> bool:
        return self.beyond + self.runs <= self.allowed


def individuals(values: ArrayLike) -> Chart:
    """The chart of values in the order of measurement, shape (n,), at least two."""
    x = np.asarray(values, dtype=np.float64)
    center = float(x.mean())
    sigma = float(np.abs(np.diff(x)).mean()) / _D2
    side = np.sign(x - center)
    starts = np.flatnonzero(np.diff(side, prepend=np.nan))
    lengths = np.diff(np.append(starts, len(x)))
    # Eighteen in a row are two alarms, for a step that never ends is more than one.
    runs = int(np.sum(lengths[side[starts] != 0] // IN_A_ROW))
    # A run that is long enough begins with a change of side and eight values that keep to it.
    by_chance = len(x) * _BEYOND_P + max(0, len(x) - IN_A_ROW + 1) * 0.5**IN_A_ROW
    return Chart(
        n=len(x),
        center=center,
        sigma=sigma,
        beyond=int(np.sum(np.abs(x - center) > 3 * sigma)) if sigma > 0 else 0,
        runs=runs,
        allowed=_poisson_most(by_chance),
    )


def _poisson_most(mean: float) -> int:
    """The least count that a Poisson of this mean exceeds with at most 5 %."""
    count, term = 0, exp(-mean)
    total = term
    while 1 - total > _FALSE_P:
        count += 1
        term *= mean / count
        total += term
    return count


@dataclasses.dataclass(frozen=True)
class Capability:
    """Cp (None with a single limit), Cpk with its 95 % interval, Ppk, or the reasons why not.

    wild: values that were set apart, see `capability`.

    Cp and Cpk are of the chart's sigma, Ppk is Cpk with the standard deviation of all values: well
    under Cpk it says that the process wanders all the same.
    `reasons`: sentences in Chinese and English; where there is one, there is no number.
    """

    chart: Chart | None
    cp: float | None = None
    cpk: float | None = None
    cpk_low: float | None = None
    cpk_high: float | None = None
    ppk: float | None = None
    wild: int = 0
    reasons: tuple[str, ...] = ()


def capability(
    values: ArrayLike, low: float | None, high: float | None, grr_pct: float | None
) -> Capability:
    """What a process is capable of, from values (n,) in the order of measurement.

    grr_pct: %GRR of the station that measured them, None where it was never studied. The interval
    is Bissell's (1990, Applied Statistics 39:331) with the degrees of freedom of a moving range;
    like the index itself it takes the values for normal.

    A dead part's value says nothing of how the others spread: what lies outside the limits (so it
    failed, and its cause is recorded) and over six robust sigma off the median is set apart and
    counted, unless it is over 1 % of the values.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    is_wild = _wild(x, low, high)
    wild, every = int(is_wild.sum()), len(x)
    x = x[~is_wild]
    n = len(x)
    chart = individuals(x) if n > 1 else None
    reasons = []
    if low is None and high is None:
        reasons.append(say("cpk_no_limits"))
    if grr_pct is None:
        reasons.append(say("cpk_no_study"))
    elif not grr_pct <= FAIR_PCT:
        reasons.append(say("cpk_gauge", grr=f"{grr_pct:.0f}", most=f"{FAIR_PCT:g}"))
    if wild > _MOST_WILD * every:
        reasons.append(say("cpk_wild", wild=wild, n=every))
    if n < LEAST:
        reasons.append(say("cpk_few", n=n, least=LEAST))
    elif chart is not None and chart.sigma <= 0:
        reasons.append(say("cpk_flat"))
    elif chart is not None and not chart.is_stable:
        told = {"beyond": chart.beyond, "runs": chart.runs, "n": n, "allowed": chart.allowed}
        reasons.append(say("cpk_unstable", **told))
    if reasons or chart is None:
        return Capability(chart, wild=wild, reasons=tuple(reasons))
    sides = []
    if low is not None:
        sides.append(chart.center - low)
    if high is not None:
        sides.append(high - chart.center)
    cpk = min(sides) / (3 * chart.sigma)
    off = _Z * sqrt(1 / (9 * n) + cpk**2 / (2 * _FREE * (n - 1)))
    return Capability(
        chart,
        cp=sum(sides) / (6 * chart.sigma) if len(sides) == 2 else None,
        cpk=cpk,
        cpk_low=cpk - off,
        cpk_high=cpk + off,
        ppk=min(sides) / (3 * float(x.std(ddof=1))),
        wild=wild,
    )


def _wild(x: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    if not len(x):
        return np.zeros(0, bool)
    off = np.abs(x - np.median(x))
    outside = np.zeros(len(x), bool)
    if low is not None:
        outside |= x < low
    if high is not None:
        outside |= x > high
    return outside & (off > _WILD_SIGMA * TO_SIGMA * np.median(off))
