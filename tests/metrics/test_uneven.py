"""Intervals of uneven rows, by the formulas as they are printed. How often they cover: test_regression_coverage.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from muster.metrics.figure import Interval
from muster.metrics.uneven import (
    FISHER,
    LOG,
    MEAN,
    PLAIN,
    REST,
    Influence,
    Scale,
    interval_on,
    of_folds,
    of_rows,
    uneven,
)


def test_rows_give_the_moments_of_a_mean() -> None:
    terms = np.random.default_rng(0).gamma(0.5, size=400)
    each = (terms - terms.mean()) / 400
    found = of_rows(each, np.ones(400, np.int64))
    assert found.error == pytest.approx(terms.std() / 20)
    assert found.skew == pytest.approx(stats.skew(terms) / 20)
    # The variance of a variance is (kurtosis - 1) / n of its square, and 2 / freedom that of a chi-square.
    assert found.freedom == pytest.approx(2 * 400 / (stats.kurtosis(terms, fisher=False) - 1))


def test_rows_that_occur_several_times_are_as_many_rows() -> None:
    each, times = np.array([1.0, -2.0, 0.5, 0.1]), np.array([3, 2, 1, 5])
    found, wanted = of_rows(each, times), of_rows(np.repeat(each, times), np.ones(11, np.int64))
    assert (found.error, found.skew, found.freedom) == pytest.approx((wanted.error, wanted.skew, wanted.freedom))


def test_folds_give_the_moments_of_the_jackknife() -> None:
    without, sizes = np.random.default_rng(1).normal(5, 1, 64), np.ones(64)
    without[7], sizes[7] = np.nan, 0.0
    some = np.delete(without, 7)
    found = of_folds(without, sizes)
    assert isinstance(found, Influence)
    assert found.error == pytest.approx(np.sqrt(62 / 63 * ((some - some.mean()) ** 2).sum()))
    assert found.skew == pytest.approx(-stats.skew(some) / np.sqrt(63))
    assert 20 < found.freedom <= 62


def test_even_rows_have_all_their_freedom_and_one_that_stands_out_leaves_little() -> None:
    assert of_rows(np.tile([1.0, -1.0], 50), np.ones(100, np.int64)).freedom == pytest.approx(99)
    found = of_rows(np.append(np.full(99, -1 / 99), 1.0), np.ones(100, np.int64))
    assert 1 <= found.freedom < 3


def test_hall_turns_the_ends_to_those_of_student() -> None:
    found = Influence(0.3, 0.8, 20.0)
    low, high = uneven(5.0, found, skewed=True)
    for end, wanted in ((low, stats.t.ppf(0.975, 20)), (high, stats.t.ppf(0.025, 20))):
        t = (5.0 - end) / 0.3
        assert t + 0.8 / 3 * t**2 + 0.8**2 / 27 * t**3 + 0.8 / 6 == pytest.approx(wanted)
    assert high - 5 > 5 - low  # where terms are skewed to the right, the mean of few is more often too small
    assert uneven(5.0, found, skewed=False) == pytest.approx(
        (5 - 0.3 * stats.t.ppf(0.975, 20), 5 + 0.3 * stats.t.ppf(0.975, 20))
    )
    for skew in (0.0, 1e-14):
        assert uneven(5.0, Influence(0.3, skew, 20.0), skewed=True) == pytest.approx(
            uneven(5.0, found, skewed=False), rel=1e-12
        )


@pytest.mark.parametrize(
    ("without", "sizes", "reason"),
    [
        ([1.0], [3.0], "too few rows"),
        ([1.0, 2.0], [3.0, 0.0], "too few rows"),
        ([1.0, np.inf, 2.0], [1.0, 1.0, 1.0], "without some of the rows"),
    ],
)
def test_folds_that_tell_nothing_say_why(without: list[float], sizes: list[float], reason: str) -> None:
    found = of_folds(np.array(without), np.array(sizes))
    assert isinstance(found, str)
    assert reason in found
    assert interval_on(PLAIN, 1.0, found, (0.0, 1.0), "jackknife") == Interval.none(found)


@pytest.mark.parametrize(
    ("scale", "value"), [(PLAIN, -3.0), (LOG, 0.2), (MEAN, 4.0), (REST, -0.7), (REST, 0.9), (FISHER, 0.95)]
)
def test_scales_go_there_and_back(scale: Scale, value: float) -> None:
    assert scale.back(float(scale.there(value))) == pytest.approx(value)
    found = interval_on(scale, value, Influence(0.2, 0.1, 30.0), (-5.0, 5.0), "jackknife")
    assert found.low is not None
    assert found.high is not None
    assert -5 <= found.low < value < found.high <= 5
    assert found.method == "jackknife" + scale.name


def test_ends_stay_within_what_the_figure_can_be() -> None:
    found = interval_on(PLAIN, 0.9, Influence(1.0, 0.0, 30.0), (0.0, 1.0), "jackknife")
    assert (found.low, found.high) == (0.0, 1.0)


def test_rows_that_all_say_the_same_give_no_interval() -> None:
    assert interval_on(PLAIN, 0.9, of_rows(np.zeros(5), np.ones(5, np.int64)), (0.0, 1.0), "delta").reason
