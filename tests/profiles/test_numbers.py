from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from muster.profiles.comparing import aligned, binned
from muster.profiles.numbers import QUANTILES, Numbers
from muster.profiles.reading import doubles

Floats = npt.NDArray[np.float64]


def numbers(values: Any, most: int = 4_096, weight: Floats | None = None) -> Numbers:
    found = Numbers(most, weighted=weight is not None)
    found.add(np.asarray(values, np.float64), weight)
    return found


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(20)


def test_few_values_are_counted_as_pandas_counts_them(draw: np.random.Generator) -> None:
    values = draw.integers(-5, 9, 5_000) / 4
    found = numbers(values)
    low, high = found.cells()
    expected = pd.Series(values).value_counts().sort_index()
    assert low.tolist() == high.tolist() == expected.index.tolist()
    assert found.values.cells.counts[:, 0].tolist() == expected.tolist()
    assert found.values.distinct().to_json() == {"value": 14, "error": 0.0, "exact": True}


def test_facts_and_moments_are_those_of_numpy(draw: np.random.Generator) -> None:
    values = np.concatenate(
        [draw.lognormal(3, 2, 9_000) * draw.choice([-1, 1], 9_000), np.zeros(50), draw.integers(0, 5, 50)]
    )
    found = Numbers(4_096)
    for part in np.array_split(values, 13):
        found.add(part)
    assert found.facts.tolist() == [
        9_100, 0, 0, 0, (values == 0).sum(), (values < 0).sum(), (values != np.floor(values)).sum(),
    ]  # fmt: skip
    assert (found.least, found.greatest) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.deviation == pytest.approx(values.std(), rel=1e-12)


def test_moments_of_numbers_far_from_zero_keep_their_digits(draw: np.random.Generator) -> None:
    values = 1e9 + draw.normal(size=10_000)
    found = Numbers(64)
    for part in np.array_split(values, 7):
        found.add(part)
    assert found.deviation == pytest.approx(values.std(), rel=1e-8)


def test_what_is_no_finite_number_is_counted_apart() -> None:
    found = numbers([1.0, math.nan, math.inf, -math.inf, -0.0, math.nan])
    assert found.facts.tolist() == [2, 2, 1, 1, 1, 0, 0]
    assert (found.least, found.greatest, found.mean) == (0.0, 1.0, 0.5)
    assert math.copysign(1, found.least) == 1
    assert found.figures()["nan"] == 2


def test_equal_numbers_have_no_deviation_at_all() -> None:
    found = Numbers(64)
    for n in range(1, 8):
        found.add(np.full(n, 0.1))
    assert (found.mean, found.deviation) == (0.1, 0.0)


def test_the_largest_doubles_have_a_mean_and_no_deviation_that_is_none() -> None:
    top = np.finfo(np.float64).max
    found = numbers([top, top, top / 2])
    found.merge(numbers([top]))
    assert found.mean == pytest.approx(top * 0.875)
    assert found.deviation is None
    assert found.figures()["std"] is None
    opposite = numbers([top])
    opposite.merge(numbers([-top]))
    assert opposite.mean is None


def test_no_numbers_have_no_figures() -> None:
    for found in (numbers([]), numbers([math.nan])):
        assert (found.mean, found.deviation, found.quantiles()) == (None, None, [])
        assert not {"min", "mean", "quantiles", "values"} & found.figures().keys()


def test_weights_of_zero_have_no_mean() -> None:
    found = numbers([1.0, 2.0], weight=np.zeros(2))
    assert (found.rows, found.mean, found.deviation, found.quantiles()) == (2, None, None, [])
    found.merge(numbers([4.0, 4.5], weight=np.array([1.0, 3.0])))
    assert found.mean == 4.375


@pytest.mark.parametrize("most", [4_096, 64])
@pytest.mark.parametrize("weighted", [False, True])
def test_quantiles_are_those_of_numpy_or_have_them_within(
    draw: np.random.Generator, most: int, *, weighted: bool
) -> None:
    for values in (draw.normal(size=2_000), draw.integers(0, 30, 777) / 10, draw.exponential(size=1_001) - 2):
        weight = draw.integers(0, 4, len(values)).astype(np.float64) if weighted else None
        expected = np.quantile(values, QUANTILES, method="inverted_cdf", weights=weight)
        found = numbers(values, most, weight)
        for quantile, value in zip(found.quantiles(), expected, strict=True):
            assert quantile.low <= value <= quantile.high
            assert found.values.cells.shift or quantile.low == quantile.high


def test_a_share_that_is_met_but_for_rounding_is_met() -> None:
    assert 0.07 * 100 > 7
    assert numbers(range(1, 101)).quantiles((0.07, 0.071)) == [(7, 7), (8, 8)]


def test_weighted_moments_are_those_of_repeated_rows(draw: np.random.Generator) -> None:
    values, times = draw.normal(size=500), draw.integers(0, 5, 500)
    weighted, repeated = numbers(values, weight=times.astype(np.float64)), numbers(np.repeat(values, times))
    counted = Numbers(4_096)
    counted.add(values, counts=times)
    for found in (weighted, counted):
        assert found.mean == pytest.approx(repeated.mean)
        assert found.deviation == pytest.approx(repeated.deviation)
    assert weighted.rows == 500
    assert counted.facts.tolist() == repeated.facts.tolist()
    occurs = counted.values.cells.counts[:, 0] > 0
    assert counted.values.cells.counts[occurs].tolist() == repeated.values.cells.counts.tolist()


def test_many_distinct_numbers_are_estimated_within_the_error(draw: np.random.Generator) -> None:
    for distinct in (5_000, 60_000):
        values = draw.integers(0, 1 << 50, distinct).astype(np.float64)
        found = Numbers(4_096)
        for part in np.array_split(np.tile(values, 3), 9):
            found.add(part)
        told = found.values.distinct()
        assert 0.03 < told.error < 0.032
        assert abs(told.value - len(np.unique(values))) < 4 * told.error * distinct


def test_decimals_are_the_nearest_doubles() -> None:
    texts = [f"{n / 10:.1f}" for n in range(-500, 500)]
    array = pa.array([Decimal(text) for text in texts], pa.decimal128(15, 1))
    assert doubles(array).tolist() == [float(text) for text in texts]


def test_integers_past_the_doubles_are_the_nearest_ones() -> None:
    assert doubles(pa.array([(1 << 53) + 1, (1 << 64) - 1], pa.uint64())).tolist() == [2.0**53, 2.0**64]
    for values, told in (([2.0**53 + 2], True), ([-(2.0**60)], True), ([2.0**53], False), ([1e300, 0.5], False)):
        assert ("note" in numbers(values).figures()) == told


def test_profiles_are_compared_in_the_wider_cells_of_both(draw: np.random.Generator) -> None:
    x, y = draw.normal(size=30_000), draw.integers(-2, 3, 4_000).astype(np.float64)
    a, b = numbers(x), numbers(y)
    for one, other, in_one, in_other in ((a, b, x, y), (b, a, y, x)):
        both = aligned(one, other)
        assert (both.a.sum(), both.b.sum()) == (len(in_one), len(in_other))
        assert (both.low[1:] > both.high[:-1]).all()
        for values, counts in ((in_one, both.a), (in_other, both.b)):
            place = np.searchsorted(both.low, values, side="right") - 1
            assert (values <= both.high[place]).all()
            assert np.bincount(place, minlength=len(counts)).tolist() == counts.tolist()


def test_exact_profiles_give_the_distances_of_scipy(draw: np.random.Generator) -> None:
    x, y = draw.normal(size=3_000), draw.normal(0.2, 1.1, 2_000)
    both = aligned(numbers(x, 8_192), numbers(y, 8_192))
    assert both.low.tolist() == both.high.tolist()
    upto_a, upto_b = np.cumsum(both.a) / len(x), np.cumsum(both.b) / len(y)
    assert np.abs(upto_a - upto_b).max() == pytest.approx(stats.ks_2samp(x, y).statistic, abs=1e-12)
    work = (np.abs(upto_a - upto_b)[:-1] * np.diff(both.low)).sum()
    assert work == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-9)
    # In wide cells they are off by no more than the largest share of a cell, and the width of the cells.
    wide = aligned(numbers(x, 256), numbers(y, 256))
    upto_a, upto_b = np.cumsum(wide.a) / len(x), np.cumsum(wide.b) / len(y)
    bound = max(wide.a.max() / len(x), wide.b.max() / len(y))
    assert abs(np.abs(upto_a - upto_b).max() - stats.ks_2samp(x, y).statistic) <= bound


def test_bins_have_equal_shares_of_the_reference_and_stay(draw: np.random.Generator) -> None:
    reference = numbers(draw.normal(size=50_000))
    first = binned(reference, numbers(draw.normal(1, 1, 5_000)), 10)
    assert len(first.edges) == 11
    assert first.reference[[0, -1]].tolist() == [0, 0]
    assert np.abs(first.reference[1:-1] / 5_000 - 1).max() < 0.05
    for values in (draw.normal(-3, 0.1, 700), np.array([0.5]), np.array([])):
        again = binned(reference, numbers(values), 10)
        assert again.edges.tolist() == first.edges.tolist()
        assert again.reference.tolist() == first.reference.tolist()
        expected = np.histogram(values, np.concatenate([[-np.inf], first.edges, [np.inf]]))[0]
        assert again.current.tolist() == expected.tolist()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60),
    st.integers(1, 12),
    st.sampled_from([4, 16, 4_096]),
)
@example([-5e-324], [0.0], 1, 4)
def test_any_bins_count_all_rows_where_their_edges_say(x: list[float], y: list[float], bins: int, most: int) -> None:
    found = binned(numbers(x, most), numbers(y, most), bins)
    edges = found.edges
    assert 2 <= len(edges) <= bins + 1
    assert (edges[1:] > edges[:-1]).all()
    assert found.reference[[0, -1]].tolist() == [0, 0]
    assert (found.reference[1:-1] > 0).all()
    for values, counts in ((x, found.reference), (y, found.current)):
        place = np.searchsorted(edges, np.array(values) + 0.0, side="right")
        assert np.bincount(place, minlength=len(edges) + 1).tolist() == counts.tolist()


def test_a_number_with_a_large_share_has_a_bin_of_its_own(draw: np.random.Generator) -> None:
    reference = numbers(np.concatenate([np.zeros(600), np.ones(300), np.full(100, 2.0)]))
    found = binned(reference, numbers([0.0, 0.5, 1.0, 2.0, 2.5, -1.0]), 10)
    assert found.edges[:3].tolist() == [0.0, 1.0, 2.0]
    assert found.reference.tolist() == [0, 600, 300, 100, 0]
    assert found.current.tolist() == [1, 2, 1, 1, 1]
    # The other side's wide cells do not move a number out of its bin.
    wide = numbers(draw.normal(size=20_000))
    assert binned(reference, wide, 10).reference.tolist() == [0, 600, 300, 100, 0]


def test_nothing_as_a_reference_has_no_bins() -> None:
    found = binned(numbers([]), numbers([1.0, 2.0]), 10)
    assert (found.edges.tolist(), found.reference.tolist(), found.current.tolist()) == ([], [0], [2])


def test_few_whole_numbers_are_shown_by_value() -> None:
    figures = numbers([3, 1, 3]).figures()
    assert figures["values"] == [{"value": 1.0, "rows": 1}, {"value": 3.0, "rows": 2}]
    assert "values" not in numbers([0.5, 1]).figures()
    assert "values" not in numbers(range(21)).figures()
