"""Stability, Cp, Cpk and limits from pilot units, against textbook figures and by simulation."""

import dataclasses
from math import erf, sqrt

import numpy as np
import pytest
from scipy import stats

from host_tools.capability import chart, gauge, limits
from host_tools.station import declared

# Montgomery, Introduction to Statistical Quality Control, 6th edition, example 6.5: costs of loans
# in dollars; mean 300.5 and mean moving range 7.79, hence limits at 279.78 and 321.22.
LOANS = [310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306,
         301, 304]  # fmt: skip


def test_the_chart_of_a_textbook() -> None:
    found = chart.individuals(LOANS)
    assert found.center == pytest.approx(300.5)
    assert 3 * found.sigma == pytest.approx(321.22 - 300.5, abs=0.05)
    assert (found.beyond, found.runs) == (0, 0) and found.is_stable


def test_each_rule_sees_what_it_is_for() -> None:
    flat = np.tile([1.0, -1.0], 40)
    assert chart.individuals(flat).is_stable
    far = flat.copy()
    far[[10, 30, 50]] = 12
    found = chart.individuals(far)
    assert (found.beyond, found.runs) == (3, 0) and not found.is_stable
    step = flat + np.repeat([0.0, 2.5], 40)
    found = chart.individuals(step)
    assert found.beyond == 0 and found.runs == 8 and not found.is_stable
    short = np.concatenate([np.tile([1.0, -1.0], 20), np.full(8, 0.5), np.tile([-1.0, 1.0], 20)])
    assert chart.individuals(short - short.mean()).runs == 0, "eight are not nine"


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_chance_alone_seldom_makes_a_chart_unstable(n: int) -> None:
    """About 5 % at most by design; sigma is estimated, which the textbooks' rates leave out."""
    noise = np.random.default_rng(n)
    unstable = sum(not chart.individuals(noise.standard_normal(n)).is_stable for _ in range(1000))
    assert unstable < 85, f"{unstable} of 1000 charts"


@pytest.mark.parametrize(("n", "step"), [(50, 2.0), (200, 1.5), (1000, 1.0)])
def test_a_step_in_the_middle_is_mostly_seen(n: int, step: float) -> None:
    noise = np.random.default_rng(n)
    moved = np.repeat([0.0, step], n // 2)
    seen = sum(
        not chart.individuals(noise.standard_normal(n) + moved).is_stable for _ in range(300)
    )
    assert seen > 200, f"seen in {seen} of 300"


GOOD = 12.0


def normal(n: int = 100, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n)


def test_cp_and_cpk() -> None:
    x = normal(400)
    found = chart.capability(x, -3.0, 6.0, GOOD)
    assert found.reasons == () and found.chart is not None and found.cp and found.cpk
    sigma = np.abs(np.diff(x)).mean() / (2 / sqrt(np.pi))
    assert found.cp == pytest.approx(9 / (6 * sigma), rel=1e-3)
    assert found.cpk == pytest.approx((x.mean() + 3) / (3 * sigma), rel=1e-3)
    assert found.ppk == pytest.approx((x.mean() + 3) / (3 * x.std(ddof=1)))
    one = chart.capability(x, None, 6.0, GOOD)
    assert one.cp is None and one.cpk == pytest.approx((6 - x.mean()) / (3 * sigma), rel=1e-3)


def test_dead_parts_are_set_apart_and_counted() -> None:
    """Four of a thousand read 0 and failed; what is told is the spread of the others."""
    x = normal(996, seed=8) + 20
    dead = np.insert(x, [100, 350, 600, 850], 0.0)
    found, clean = (chart.capability(some, 15.0, 24.0, GOOD) for some in (dead, x))
    assert clean.cpk and found == dataclasses.replace(clean, wild=4)
    passing = np.insert(x, 500, 60.0)
    assert chart.capability(passing, 15.0, 99.0, GOOD).wild == 0, "it passed: nobody knows why"
    many = np.where(np.arange(996) % 50 == 0, 0.0, x)
    (reason,) = chart.capability(many, 15.0, 24.0, GOOD).reasons
    assert "20 of 996" in reason
    wide = normal(500) + 20
    assert chart.capability(wide, 19.0, 21.0, GOOD).wild == 0, "a spread too wide is no wild value"


def test_the_interval_of_cpk_holds_the_truth() -> None:
    noise = np.random.default_rng(5)
    held = told = 0
    for _ in range(2000):
        found = chart.capability(noise.standard_normal(60), -4.0, 5.0, GOOD)
        if found.cpk_low is not None and found.cpk_high is not None:
            told += 1
            held += found.cpk_low <= 4 / 3 <= found.cpk_high
    assert told > 1800
    assert 0.93 < held / told < 0.97


@pytest.mark.parametrize(
    ("x", "low", "high", "grr", "said"),
    [
        (normal(49), -3, 3, GOOD, "49 values, and at least 50"),
        (normal(100), -3, 3, None, "never studied"),
        (normal(100), -3, 3, 30.6, "%GRR is 31, over 30"),
        (normal(100), -3, 3, float("nan"), "over 30"),
        (normal(100), None, None, GOOD, "no limits"),
        (normal(100) + np.linspace(0, 6, 100), -3, 9, GOOD, "Not stable"),
        (np.full(100, 3.3), 3, 4, GOOD, "resolution"),
        ([], -3, 3, GOOD, "0 values"),
    ],
)
def test_the_reason_stands_instead_of_a_number(x, low, high, grr, said: str) -> None:
    found = chart.capability(x, low, high, grr)
    assert (found.cp, found.cpk, found.cpk_low, found.ppk) == (None,) * 4
    assert any(said in reason for reason in found.reasons)


def test_thirty_percent_is_just_enough() -> None:
    assert chart.capability(normal(100), -3, 3, gauge.FAIR_PCT).cpk


# ------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize("n", [50, 100, 400])
def test_limits_hold_what_they_promise(n: int) -> None:
    """Of many pilot lots, the share whose limits hold 99.73 % of all units is 95 % and little
    more; a tenth of wild units hardly moves them."""
    noise = np.random.default_rng(n)
    held = 0
    for _ in range(1500):
        found = limits.propose(noise.standard_normal(n), 0, 1)
        assert found.low is not None and found.high is not None
        inside = (erf(found.high / sqrt(2)) - erf(found.low / sqrt(2))) / 2
        held += inside >= limits.COVERAGE
    assert 0.93 < held / 1500 < 0.985, held / 1500


def test_wild_units_hardly_move_the_limits() -> None:
    x = normal(200)
    clean = limits.propose(x, 0, 1)
    wild = limits.propose(np.where(np.arange(200) % 20 == 0, 500.0, x), 0, 1)
    assert clean.high and wild.high and wild.high < 1.15 * clean.high
    assert (clean.outside, wild.outside) == (0, 10)


def test_the_usual_factor_is_that_of_the_handbook() -> None:
    """With full efficiency it is Howe's: NIST's example gives 2.217 for 43, 0.90 and 0.99."""
    howe = stats.norm.ppf(0.95) * sqrt(42 * (1 + 1 / 43) / stats.chi2.ppf(0.01, 42))
    assert howe == pytest.approx(2.217, abs=1e-3)
    assert limits.factor(43, 0.90, 0.99) > howe, "a robust sigma knows less"
    assert limits.factor(100_000) == pytest.approx(3.0, rel=0.01)


def test_limits_are_refused_with_the_reason() -> None:
    with pytest.raises(limits.LimitsError, match="49 pilot units"):
        limits.propose([*normal(49), np.nan], 0, 1)
    with pytest.raises(limits.LimitsError, match="the same"):
        limits.propose(np.where(np.arange(100) < 60, 3.3, 3.4), 0, 1)


def test_what_is_provisional_stands_in_the_phases() -> None:
    told = [
        (stage, phase.name, one.name, one.low, one.high, one.provisional)
        for stage, phases in declared.stages().items()
        for phase in phases
        for one in phase.measurements
    ]
    assert {row[-1] for row in told} == {True, False}
    for stage, phase, name, low, high, provisional in told:
        assert limits.is_provisional(stage, phase, name, low, high) is provisional
    stage, phase, name, low, high, _ = next(row for row in told if row[-1])
    assert not limits.is_provisional(stage, phase, name, low, 4711.0), "other limits than these"
    assert not limits.is_provisional("none", phase, name, low, high)


def test_a_side_without_a_limit_stays_so() -> None:
    assert limits.propose(normal(), None, 5).low is None
    assert limits.propose(normal(), 5, None).high is None
    both = limits.propose(normal(), None, None)
    assert both.low is not None and both.high is not None
