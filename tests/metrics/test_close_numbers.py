"""Numbers that lie close together for their size: what takes their order, and what errors do along them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from muster.charts.screens import regression_charts
from muster.metrics.regression import measure
from muster.metrics.residuals import bands
from muster.metrics.small_samples import discordant, less_than_of_many
from muster.profiles.regression import Reach, Regression
from tests.metrics.numbers import Rows

_FEW = Reach(4_096, 8_192, folds=True)


def _rows(offset: float, spread: float, noise: float, n: int = 20_000, seed: int = 5) -> Rows:
    random = np.random.default_rng(seed)
    actual = offset + spread * random.normal(size=n)
    return Rows(actual, actual + noise * random.normal(size=n))


@pytest.mark.parametrize(("offset", "spread"), [(1e7, 1.0), (1e5, 0.1), (1e9, 1.0)])
def test_spearman_is_that_of_the_rows(offset: float, spread: float) -> None:
    d = _rows(offset, spread, spread)
    found = measure(d.profile(_FEW), names=["spearman"])["spearman"]
    wanted = float(spearmanr(d.predicted, d.actual)[0])
    assert found.value == pytest.approx(wanted, abs=0.01)
    assert 0 < found.bound < 0.05
    assert found.low is not None
    assert found.high is not None
    assert found.low < wanted - found.bound / 2 < wanted + found.bound / 2 < found.high
    exact = measure(d.profile(), names=["spearman"])["spearman"]
    assert exact.low is not None
    assert exact.high is not None
    assert found.low <= exact.low
    assert exact.high <= found.high


def test_where_squares_hide_the_order_there_is_no_interval() -> None:
    found = measure(_rows(0, 1, 1).profile(Reach(1_024, 16, folds=True)), names=["spearman"])["spearman"]
    assert found.bound > 0.05
    assert found.low is None
    assert "share cells" in found.reason


@pytest.mark.parametrize(("offset", "spread"), [(1e7, 1.0), (0.0, 1.0)])
def test_what_is_explained_has_the_interval_of_single_rows(offset: float, spread: float) -> None:
    d = _rows(offset, spread, spread)
    found, exact = (
        measure(d.profile(*kind), names=["d2_absolute_error"])["d2_absolute_error"] for kind in ((_FEW,), ())
    )
    assert found.low is not None
    assert found.high is not None
    assert exact.low is not None
    assert exact.high is not None
    assert found.high - found.low == pytest.approx(exact.high - exact.low, rel=0.1)


def test_errors_along_predictions_are_those_of_the_rows() -> None:
    d = _rows(1e7, 1.0, 1.0)
    for band in bands(d.profile(_FEW), (0.5,)):
        if band.rows > 200:
            inside = (d.predicted >= band.low) & (d.predicted < band.high)
            assert band.errors[0] == pytest.approx(float(np.median((d.predicted - d.actual)[inside])), abs=0.3)


def test_errors_that_squares_do_not_tell_apart_are_not_drawn() -> None:
    profile = _rows(1e9, 1.0, 0.01).profile(Reach(4_096, 1_024, folds=True))
    assert bands(profile) == ()
    charts = regression_charts(profile)
    assert "not told apart" in charts["errors_along"].reading
    found = measure(profile, names=["d2_absolute_error"])["d2_absolute_error"]
    assert (found.low, found.value is None) == (None, False)
    assert "not told apart" in found.reason


def test_charts_tell_large_numbers_apart() -> None:
    charts = regression_charts(_rows(1e9, 1.0, 1.0).profile(_FEW))
    assert "come within about 0.250 of the actual value" in charts["predicted"].reading
    one, other = charts["tenths"].reading.removesuffix(".").split("on average ")[1].split(" the actual ")
    assert one.split(",")[0] != other
    assert len({row["predicted from"] for row in charts["predicted"].table}) > 20


def test_a_chart_does_not_say_what_squares_hide() -> None:
    charts = regression_charts(_rows(0.0, 1.0, 1.0).profile(Reach(1_024, 16, folds=True)))
    assert "not known" in charts["predicted"].reading


def test_discordant_pairs_are_those_of_kendall() -> None:
    random = np.random.default_rng(2)
    for size in (2, 3, 50, 301):
        x, y = random.permutation(size), random.permutation(size)
        wanted = float(kendalltau(x, y)[0])
        assert 1 - 4 * discordant(x, y) / (size * (size - 1)) == pytest.approx(wanted, abs=1e-12)
    assert discordant(np.array([1, 1, 2]), np.array([2, 1, 1])) == 1


def test_few_rows_that_are_nearly_in_order_correlate_less_than_many() -> None:
    """Of all samples of so many rows, on average that of the population."""
    random = np.random.default_rng(3)
    actual = random.normal(size=400_000)
    truth = float(spearmanr(actual, actual + 0.02 * random.normal(size=400_000))[0])
    plain, mended = [], []
    for _ in range(200):
        profile = _rows(0.0, 1.0, 0.02, 200, int(random.integers(1 << 40))).profile()
        value = measure(profile, names=["spearman"])["spearman"].value
        assert value is not None
        plain.append(value)
        mended.append(value + less_than_of_many(profile, value))
    error = float(np.std(mended)) / 200**0.5
    assert abs(np.mean(mended) - truth) < 3 * error < truth - np.mean(plain)


def test_so_few_rows_so_nearly_in_order_have_no_interval() -> None:
    found = measure(_rows(0.0, 1.0, 0.001, 200).profile(), names=["spearman"])["spearman"]
    assert found.low is None
    assert found.reason
    assert less_than_of_many(Regression(), 0.5) == 0.0


def test_intervals_of_nearly_perfect_models_cover() -> None:
    random = np.random.default_rng(4)
    actual = random.normal(size=400_000)
    truth = float(spearmanr(actual, actual + 0.02 * random.normal(size=400_000))[0])
    covered = 0
    for _ in range(150):
        profile = _rows(0.0, 1.0, 0.02, 1_000, int(random.integers(1 << 40))).profile()
        found = measure(profile, names=["spearman"])["spearman"]
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 136
