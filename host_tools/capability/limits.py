"""Limits out of pilot units: until then those of a phase are provisional, a designer's guess.

What is proposed is a tolerance interval: with a stated confidence it holds at least a stated share
of all units, if these are like the pilot ones. It is median ± k robust sigma, robust so that the
few bad units which every pilot lot has do not widen the limits that are to find them.
"""

import dataclasses
from math import pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from host_tools.evaluate.statistics import chi_square
from host_tools.sentences import say
from host_tools.station import declared

LEAST = 50
COVERAGE = 0.9973  # what three sigma hold
CONFIDENCE = 0.95
TO_SIGMA = 1.4826  # median absolute deviation of a normal population to its sigma
_EFFICIENCY = 0.3675  # of that sigma beside the usual one (Rousseeuw & Croux 1993, JASA 88:1273)
_OUTSIDE = 5.0  # sigma beyond which a pilot unit is no ordinary one


class LimitsError(ValueError):
    """No limits can be proposed; the text is a sentence that says why."""


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Proposed limits, None on a side that had none, and what they rest on."""

    low: float | None
    high: float | None
    n: int
    median: float
    sigma: float
    k: float
    outside: int  # pilot units over five sigma off: look at them before these limits are set
    basis: str  # the same in words


def is_provisional(
    stage: str, phase: str, name: str, low: float | None, high: float | None
) -> bool:
    """Whether these limits stand in phases.yaml as not yet set from pilot units."""
    return any(
        one.provisional and (one.name, one.low, one.high) == (name, low, high)
        for declared_phase in declared.stages().get(stage, ())
        if declared_phase.name == phase
        for one in declared_phase.measurements
    )


def factor(n: int, coverage: float = COVERAGE, confidence: float = CONFIDENCE) -> float:
    """k of median ± k robust sigma, from n normal values.

    Howe's (1969, JASA 64:610), with what the median and the median absolute deviation are worth
    beside mean and standard deviation: variances of pi / 2 and 1 / 0.3675 times theirs.
    """
    free = _EFFICIENCY * (n - 1)
    z = NormalDist().inv_cdf((1 + coverage) / 2)
    return z * sqrt(free * (1 + pi / 2 / n) / chi_square(1 - confidence, free))


def propose(values: ArrayLike, low: float | None, high: float | None) -> Proposal:
    """Limits from the values of pilot units, (n,), one a unit; sides without a limit stay so.

    A single limit is set as if there were two, which holds more than is stated. Raises
    LimitsError: fewer than 50 units, or most of them alike to the last digit.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if len(x) < LEAST:
        raise LimitsError(say("limits_few", n=len(x), least=LEAST))
    median = float(np.median(x))
    sigma = TO_SIGMA * float(np.median(np.abs(x - median)))
    if sigma <= 0:
        raise LimitsError(say("limits_flat"))
    k = factor(len(x))
    return Proposal(
        low=None if low is None and high is not None else median - k * sigma,
        high=None if high is None and low is not None else median + k * sigma,
        n=len(x),
        median=median,
        sigma=sigma,
        k=k,
        outside=int(np.sum(np.abs(x - median) > _OUTSIDE * sigma)),
        basis=f"median ± {k:.2f} x 1.4826 x median absolute deviation of {len(x)} pilot units: "
        f"holds {100 * COVERAGE:g} % of such units with {100 * CONFIDENCE:g} % confidence, if "
        "they are normal",
    )
