"""Figures and intervals against closed forms, scipy, and their own promise to hold the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from host_tools.evaluate import statistics as s


def units(n: int, seed: int = 1) -> np.ndarray:
    """(n, 2): sums of squared error and of seconds, from units with errors of different size."""
    random = np.random.default_rng(seed)
    scale = np.exp(0.3 * random.standard_normal(n))
    return np.stack([scale**2 * random.chisquare(50, n), np.full(n, 50.0)], axis=1)


def test_pooled_figures_are_the_plain_ones() -> None:
    random = np.random.default_rng(2)
    errors = [random.normal(0.3, 1, size) for size in (5, 9, 30)]
    together = np.concatenate(errors)
    sums = np.array([[e.sum(), len(e)] for e in errors])
    squares = np.array([[(e**2).sum(), len(e)] for e in errors])
    assert s.bootstrap(sums).value == pytest.approx(together.mean())
    assert s.bootstrap(squares, s.root).value == pytest.approx(np.sqrt((together**2).mean()))


def test_interval_agrees_with_scipys_bca() -> None:
    data = units(40)
    ours = s.bootstrap(data, s.root)
    theirs = stats.bootstrap(
        (data[:, 0], data[:, 1]),
        lambda a, b, axis=-1: np.sqrt(a.sum(axis=axis) / b.sum(axis=axis)),
        paired=True,
        n_resamples=5000,
        method="BCa",
        rng=np.random.default_rng(3),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.08 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.08 * width)


def test_interval_of_a_mean_approaches_the_normal_one() -> None:
    values = np.random.default_rng(4).normal(2, 1, 400)
    ours = s.bootstrap(np.stack([values, np.ones(400)], axis=1))
    half = 1.96 * values.std() / 20
    assert ours.low == pytest.approx(values.mean() - half, abs=0.02)
    assert ours.high == pytest.approx(values.mean() + half, abs=0.02)


def test_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    truth = math.exp(0.3**2)
    held = sum(
        (e := s.bootstrap(units(60, seed), s.root)).low <= truth <= e.high for seed in range(150)
    )
    assert held >= 0.86 * 150  # 92 % expected at 60 units, see the module's table


def test_same_figure_on_every_call() -> None:
    assert s.bootstrap(units(30), s.root) == s.bootstrap(units(30), s.root)


def test_few_units_get_no_interval() -> None:
    few = s.bootstrap(units(s.FEW - 1), s.root)
    assert few.n == s.FEW - 1 and few.value > 0
    assert math.isnan(few.low) and math.isnan(few.high)


def test_nothing_and_units_without_seconds() -> None:
    assert s.bootstrap(np.zeros((0, 2))).n == 0
    padded = np.vstack([units(30), np.zeros((10, 2))])
    assert s.bootstrap(padded, s.root) == s.bootstrap(units(30), s.root)


def test_wild_unit_keeps_the_interval_finite() -> None:
    data = np.array([[0.01, 50.0]] * 5 + [[5000.0, 50.0]])
    wild = s.bootstrap(data, s.root)
    assert 0 <= wild.low <= wild.value <= wild.high < 11


def test_rule_of_three_is_the_exact_limit() -> None:
    for n in (30, 300, 3000):
        exact = 1 - 0.05 ** (1 / n)
        assert s.rule_of_three(n) == pytest.approx(exact, rel=0.06)
    assert s.rule_of_three(0) == s.rule_of_three(2) == 1.0


def test_percentile_interval_is_the_binomial_one() -> None:
    values = np.random.default_rng(5).exponential(1, 500)
    ours = s.percentile(values, 0.95)
    ordered = np.sort(values)
    assert ours.value == pytest.approx(np.quantile(values, 0.95))
    low, high = stats.binom.ppf([0.025, 0.975], 500, 0.95).astype(int)
    assert ours.low == ordered[low - 1] and ours.high == ordered[high]
    theirs = stats.quantile_test(values, p=0.95).confidence_interval(0.95)
    assert ours.low == pytest.approx(theirs.low, abs=0.15)
    assert ours.high == pytest.approx(theirs.high, abs=0.3)


def test_percentile_of_too_few_has_no_upper_end() -> None:
    assert math.isinf(s.percentile(np.arange(71.0), 0.95).high)
    assert s.percentile(np.arange(73.0), 0.95).high == 72.0


def test_percentile_counts_what_never_came() -> None:
    values = np.array([4.0] * 90 + [math.inf] * 10)
    assert math.isinf(s.percentile(values, 0.95).value)
    assert s.percentile(values, 0.80).value == 4.0


def test_correlation_from_sums() -> None:
    random = np.random.default_rng(6)
    x = random.normal(97, 2, 200)
    y = x + random.normal(0, 1, 200)
    rows = np.stack([np.ones(200), x, y, x * x, y * y, x * y], axis=1)
    sums = rows.reshape(10, 20, 6).sum(axis=1)
    assert s.bootstrap(sums, s.correlation).value == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_best_constant() -> None:
    random = np.random.default_rng(7)
    y = random.normal(95, 3, 300)
    rows = np.stack([np.ones(300), (y - 96) ** 2, y, y * y], axis=1)
    stopped = s.bootstrap(rows.reshape(10, 30, 4).sum(axis=1), s.over_constant)
    assert stopped.value >= 1  # a stopped clock at 96 does not beat the best one
    rows[:, 1] = random.normal(0, 1, 300) ** 2
    real = s.bootstrap(rows.reshape(10, 30, 4).sum(axis=1), s.over_constant)
    assert real.value == pytest.approx(np.sqrt(rows[:, 1].mean()) / y.std())


def test_agreement_is_the_balanced_analysis_of_variance() -> None:
    random = np.random.default_rng(8)
    groups = [random.normal(random.normal(0.6, 1), 0.5, 12) for _ in range(10)]
    found = s.agreement(groups)
    means = np.array([g.mean() for g in groups])
    f = stats.f_oneway(*groups).statistic
    within = np.mean([g.var(ddof=1) for g in groups])
    assert found.sd_within**2 == pytest.approx(within)
    assert found.sd_between**2 == pytest.approx((f - 1) * within / 12)
    total = math.sqrt(found.sd_within**2 + found.sd_between**2)
    assert found.bias.value == pytest.approx(means.mean())
    assert found.upper.value == pytest.approx(means.mean() + 1.96 * total, abs=1e-3)
    assert found.lower.low < found.lower.value < found.lower.high < found.bias.low


def test_agreement_without_a_subject_effect_is_the_plain_one() -> None:
    random = np.random.default_rng(9)
    groups = [random.normal(0, 1, 50) for _ in range(40)]
    found = s.agreement(groups)
    plain = np.concatenate(groups)
    assert found.upper.value == pytest.approx(plain.mean() + 1.96 * plain.std(), rel=0.02)


def test_agreement_intervals_hold_the_truth() -> None:
    truth = 1.96 * math.sqrt(1 + 0.5**2)
    held = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        sizes = random.integers(3, 20, 10)
        upper = s.agreement([random.normal(random.normal(), 0.5, m) for m in sizes]).upper
        held += upper.low <= truth <= upper.high
    assert 0.91 * 300 <= held <= 0.99 * 300


def test_agreement_of_too_little_says_so() -> None:
    with pytest.raises(ValueError, match="two subjects"):
        s.agreement([np.array([1.0, 2.0])])
    few = s.agreement([np.array([1.0, 2.0]), np.array([0.5, 1.5, 1.0])])
    assert math.isnan(few.upper.low) and not math.isnan(few.upper.value)


@pytest.mark.parametrize("free", [4, 5, 10, 50, 500])
def test_quantiles_are_near_scipys(free: int) -> None:
    assert s._student(free) == pytest.approx(stats.t.ppf(0.975, free), rel=0.02)
    assert s.chi_square(0.975, free) == pytest.approx(stats.chi2.ppf(0.975, free), rel=0.01)
    low = stats.chi2.ppf(0.025, free)
    assert 0.92 * low <= s.chi_square(0.025, free) <= 1.01 * low


@pytest.mark.parametrize(("part", "n"), [(0, 20), (20, 20), (1, 50), (4990, 5000), (13, 29)])
def test_wilson(part: int, n: int) -> None:
    theirs = stats.binomtest(part, n).proportion_ci(method="wilson")
    mine = s.wilson(part, n)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert mine.value == part / n


def test_the_share_of_nothing() -> None:
    assert np.isnan(s.wilson(0, 0).value)
