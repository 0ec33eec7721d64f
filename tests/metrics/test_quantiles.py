"""Quantiles against numpy's and scikit-learn's, and within their bound where numbers are counted in cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.utils.stats import _weighted_percentile

from muster.metrics.quantiles import magnitudes, order_statistics, quantile, steps
from muster.profiles.cells import CellCounts
from muster.profiles.keys import Floats, ordered

finite = st.floats(allow_nan=False, allow_infinity=False)
PARTS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.99, 1.0)


def _cells(values: Floats, most: int = 1_000, weight: Floats | None = None) -> CellCounts:
    counts = CellCounts(most, sums=0 if weight is None else 1)
    counts.add(ordered(values), sums=None if weight is None else weight[:, None])
    return counts


@settings(max_examples=100)
@given(st.lists(finite, min_size=1, max_size=80), st.sampled_from(PARTS))
def test_it_is_numpys(values: list[float], part: float) -> None:
    numbers = np.array(values) / 4  # of which numpy can take the middle
    value, bound = quantile(steps(_cells(numbers)), part)
    assert bound == 0
    wanted = np.quantile(numbers, part, method="averaged_inverted_cdf")
    assert abs(value - wanted) <= 1e-15 * np.abs(numbers).max()  # the middle of two is rounded


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 80), st.sampled_from(PARTS[1:]), st.booleans())
def test_with_weights_it_is_scikit_learns(seed: int, n: int, part: float, whole: bool) -> None:
    r = np.random.default_rng(seed)
    numbers = r.integers(-4, 5, n).astype(np.float64)
    weight = r.integers(0, 3, n).astype(np.float64) if whole else r.random(n)
    value, _ = quantile(steps(_cells(numbers, weight=weight)), part)
    if not weight.sum():
        assert np.isnan(value)
        return
    assert value == float(_weighted_percentile(numbers, weight, part * 100, average=True))


@settings(max_examples=100)
@given(st.lists(finite, min_size=1, max_size=80), st.sampled_from(PARTS), st.integers(4, 20))
def test_in_cells_the_bound_covers(values: list[float], part: float, most: int) -> None:
    numbers = np.array(values) / 4
    for found, true in ((steps(_cells(numbers, most)), numbers), (magnitudes(_cells(numbers, most)), np.abs(numbers))):
        value, bound = quantile(found, part)
        wanted = np.quantile(true, part, method="averaged_inverted_cdf")
        assert abs(value - wanted) <= bound + 1e-15 * np.abs(true).max()  # the middle of two is rounded


@settings(max_examples=100)
@given(st.lists(finite, min_size=1, max_size=80))
def test_sizes_are_folded_from_numbers(values: list[float]) -> None:
    numbers = np.array(values)
    folded, direct = magnitudes(_cells(numbers)), steps(_cells(np.abs(numbers)))
    for name in ("low", "high", "rows", "mass"):
        np.testing.assert_array_equal(getattr(folded, name), getattr(direct, name))


@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [6, 30, 200, 5_000])
def test_ends_by_order_statistics_cover_what_the_binomial_says(part: float, n: int) -> None:
    found = order_statistics(steps(_cells(np.arange(1.0, n + 1), 10_000)), part)
    if found.low is None or found.high is None:
        assert found.reason
        assert min(stats.binom.cdf(0, n, part), 1 - stats.binom.cdf(n - 1, n, part)) < 1
        assert stats.binom.cdf(0, n, part) > 0.025 or stats.binom.cdf(n - 1, n, part) < 0.975
        return
    low, high = int(found.low), int(found.high)
    assert stats.binom.cdf(high - 1, n, part) - stats.binom.cdf(low - 1, n, part) >= 0.95
    assert stats.binom.cdf(low - 1, n, part) <= 0.025 < stats.binom.cdf(low, n, part)
    assert 1 - stats.binom.cdf(high - 1, n, part) <= 0.025 < 1 - stats.binom.cdf(high - 2, n, part)


def test_nothing_has_no_quantile() -> None:
    value, _ = quantile(steps(CellCounts(5)), 0.5)
    assert np.isnan(value)
    assert order_statistics(steps(CellCounts(5)), 0.5).low is None


def test_weights_too_large_for_a_sum_have_no_quantile() -> None:
    """Their sum would be infinite, and any number below a half of it."""
    heavy = steps(_cells(np.array([1.0, 2.0, 3.0]), weight=np.full(3, 1e308)))
    assert np.isnan(quantile(heavy, 0.5)[0])
    assert quantile(steps(_cells(np.array([1.0, 2.0, 3.0]), weight=np.full(3, 1e100))), 0.5)[0] == 2.0
