"""The study of a gauge, against a published example and a second way to the same variances."""

import numpy as np
import pytest
from scipy import stats

from host_tools.capability import gauge

# AIAG, Measurement Systems Analysis, 4th edition, chapter III: ten parts, three appraisers, three
# trials each; a line a part, the trials of an appraiser side by side.
AIAG = np.array(
    [
        [0.29, 0.41, 0.64, 0.08, 0.25, 0.07, 0.04, -0.11, -0.15],
        [-0.56, -0.68, -0.58, -0.47, -1.22, -0.68, -1.38, -1.13, -0.96],
        [1.34, 1.17, 1.27, 1.19, 0.94, 1.34, 0.88, 1.09, 0.67],
        [0.47, 0.50, 0.64, 0.01, 1.03, 0.20, 0.14, 0.20, 0.11],
        [-0.80, -0.92, -0.84, -0.56, -1.20, -1.28, -1.46, -1.07, -1.45],
        [0.02, -0.11, -0.21, -0.20, 0.22, 0.06, -0.29, -0.67, -0.49],
        [0.59, 0.75, 0.66, 0.47, 0.55, 0.83, 0.02, 0.01, 0.21],
        [-0.31, -0.20, -0.17, -0.63, 0.08, -0.34, -0.46, -0.56, -0.49],
        [2.26, 1.99, 2.01, 1.80, 2.12, 2.19, 1.77, 1.45, 1.87],
        [-1.36, -1.25, -1.31, -1.68, -1.62, -1.50, -1.49, -1.77, -2.16],
    ]
).reshape(10, 3, 3)


def test_the_published_example() -> None:
    """The figures that Minitab prints for these values, with a tolerance of 8."""
    study = gauge.study(AIAG, -4, 4)
    assert study.is_pooled and study.interaction == 0
    assert study.interaction_p == pytest.approx(0.974, abs=5e-4)
    assert study.repeatability == pytest.approx(0.03997, abs=5e-6)
    assert study.reproducibility == pytest.approx(0.05146, abs=5e-6)
    assert study.grr == pytest.approx(0.09143, abs=5e-6)
    assert study.unit_variance == pytest.approx(1.08645, abs=5e-6)
    assert study.grr_pct == pytest.approx(27.86, abs=5e-3)
    assert study.tolerance_pct == pytest.approx(22.68, abs=5e-3)
    assert study.ndc == 4
    assert study.verdict == "fair"


def by_least_squares(x: np.ndarray) -> tuple[float, float, float, float]:
    """(repeatability, workers, interaction, units): the residuals of nested linear models, and
    the components solved from the expected mean squares."""
    n, k, r = x.shape
    unit, worker, _ = (axis.ravel() for axis in np.indices(x.shape))
    y = x.ravel()

    def left(*columns: np.ndarray) -> float:
        design = np.concatenate([np.ones((y.size, 1)), *columns], axis=1)
        return float(((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).sum())

    units, workers = np.eye(n)[unit], np.eye(k)[worker]
    both = np.eye(n * k)[unit * k + worker]
    squares = [
        left(workers) - left(units, workers),
        left(units) - left(units, workers),
        left(units, workers) - left(both),
        left(both),
    ]
    df = [n - 1, k - 1, (n - 1) * (k - 1), n * k * (r - 1)]
    p = stats.f.sf((squares[2] / df[2]) / (squares[3] / df[3]), df[2], df[3])
    if p > 0.25:
        pooled = (squares[2] + squares[3]) / (df[2] + df[3])
        expected = [[1, 0, k * r], [1, n * r, 0], [1, 0, 0]]
        found = np.linalg.solve(expected, [squares[0] / df[0], squares[1] / df[1], pooled])
        within, worker_part, unit_part, interaction = found[0], found[1], found[2], 0.0
    else:
        expected = [[1, 0, r, k * r], [1, n * r, r, 0], [1, 0, r, 0], [1, 0, 0, 0]]
        means = [s / d for s, d in zip(squares, df, strict=True)]
        within, worker_part, interaction, unit_part = np.linalg.solve(expected, means)
    return within, max(0, worker_part), max(0, interaction), max(0, unit_part)


@pytest.mark.parametrize("interaction_sd", [0.0, 0.5])
@pytest.mark.parametrize("shape", [(10, 3, 3), (7, 2, 4), (5, 4, 2)])
def test_another_way_to_the_same(shape: tuple[int, int, int], interaction_sd: float) -> None:
    noise = np.random.default_rng(7)
    pooled = 0
    for _ in range(20):
        x = drawn(noise, shape, 1.0, 0.4, interaction_sd, 0.3)
        study = gauge.study(x)
        pooled += study.is_pooled
        found = (
            study.repeatability,
            study.reproducibility,
            study.interaction,
            study.unit_variance,
        )
        assert found == pytest.approx(by_least_squares(x), rel=1e-8, abs=1e-12)
    assert pooled > 10 if interaction_sd == 0 else pooled < 10, "both ways were gone"


def drawn(noise, shape, unit_sd, worker_sd, interaction_sd, sd) -> np.ndarray:
    """Values whose components of variance are known."""
    n, k, _ = shape
    return (
        5
        + unit_sd * noise.standard_normal((n, 1, 1))
        + worker_sd * noise.standard_normal((1, k, 1))
        + interaction_sd * noise.standard_normal((n, k, 1))
        + sd * noise.standard_normal(shape)
    )


def test_the_components_that_were_put_in_come_out() -> None:
    """On the mean over many studies; a component held at 0 leans upwards, so these are large."""
    noise = np.random.default_rng(11)
    found = [gauge.study(drawn(noise, (10, 3, 3), 2.0, 1.0, 0.8, 0.5)) for _ in range(1500)]
    for name, sd in (
        ("repeatability", 0.5),
        ("reproducibility", 1.0),
        ("interaction", 0.8),
        ("unit_variance", 2.0),
    ):
        values = np.array([getattr(study, name) for study in found])
        error = values.std() / np.sqrt(len(values))
        assert values.mean() == pytest.approx(sd**2, abs=4 * error + 0.02 * sd**2), name


def test_the_tolerance_may_have_one_end() -> None:
    wide = gauge.study(AIAG + 10, low=4)
    assert wide.tolerance_pct == pytest.approx(300 * np.sqrt(wide.grr) / (wide.mean - 4))
    assert gauge.study(AIAG).tolerance_pct is None


def test_what_never_varies_is_not_called_good() -> None:
    flat = gauge.study(np.full((10, 3, 3), 3.3))
    assert np.isnan(flat.grr_pct) and flat.ndc is None and flat.verdict == "unknown"
    steps = np.broadcast_to(np.arange(10.0)[:, None, None] * 0.1, (10, 3, 3))
    coarse = gauge.study(steps)
    assert coarse.grr == 0 and coarse.ndc is None, "the repeats hide below the resolution"


def test_what_makes_no_study() -> None:
    missing = AIAG.copy()
    missing[3, 1, 2] = np.nan
    with pytest.raises(gauge.GaugeError, match="1 of 90"):
        gauge.study(missing)
    with pytest.raises(gauge.GaugeError, match="two repeats"):
        gauge.study(AIAG[:, :, :1])


@pytest.mark.parametrize("top", [1, 2, 18, 60])
@pytest.mark.parametrize("under", [1, 8, 60, 500])
def test_the_tail_of_f(top: int, under: int) -> None:
    for f in (1e-6, 0.05, 0.434, 1.0, 1.7, 5.0, 492.291):
        assert gauge.f_beyond(f, top, under) == pytest.approx(stats.f.sf(f, top, under), abs=1e-9)
