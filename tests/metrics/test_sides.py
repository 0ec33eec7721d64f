"""Rows predicted too low and too high, and what predicted intervals hold, against counts of the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from muster.errors import InvalidInput
from muster.metrics.coverage import coverage
from muster.metrics.sides import SIDES, sides, usual_band
from muster.profiles.regression import SEGMENT, Regression
from tests.metrics.numbers import BINNED, KINDS, Rows, rows


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("band", [None, 0.0, 0.3])
def test_shares_and_errors_are_those_of_the_rows(kind: str, weighted: bool, band: float | None) -> None:
    d = rows(kind, 3, 800, weighted=weighted)
    found = sides(d.profile(cuts=3), band)
    assert found is not None
    error = d.predicted - d.actual
    deviation = float(np.sqrt(np.cov(d.actual, aweights=d.mass, ddof=0)))
    assert found.band == pytest.approx(0.1 * deviation, rel=0.5) if band is None else found.band == band
    masks = {"too low": error < -found.band, "too high": error > found.band}
    masks["within"] = ~(masks["too low"] | masks["too high"])
    assert found.exact
    for name in SIDES:
        mine, side = masks[name], found[name]
        assert side.rows == mine.sum()
        assert side.share.value == pytest.approx(d.mass[mine].sum() / d.mass.sum(), abs=1e-12)
        if not d.mass[mine].sum():
            assert side.median.value is None
            assert side.median.reason
            continue
        size = np.abs(error[mine])
        assert side.mean.value == pytest.approx(np.average(size, weights=d.mass[mine]), rel=1e-9)
        assert side.part == pytest.approx((size * d.mass[mine]).sum() / (np.abs(error) * d.mass).sum(), rel=1e-9)
        if weighted:
            assert side.share.low is None
            assert "weights" in side.share.reason
        else:
            assert side.median.value == pytest.approx(np.quantile(size, 0.5, method="averaged_inverted_cdf"))
            wanted = binomtest(int(mine.sum()), len(d)).proportion_ci(0.95, "wilson")
            assert (side.share.low, side.share.high) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


@pytest.mark.parametrize("kind", ["positive", "scales", "negative"])
def test_in_cells_shares_are_within_their_bound(kind: str) -> None:
    d = rows(kind, 5, 900)
    for band in (0.1, 1.0, 5.0):
        found = sides(d.profile(BINNED), band)
        assert found is not None
        assert not found.exact
        error = d.predicted - d.actual
        for name, mask in (("too low", error < -band), ("too high", error > band)):
            share = found[name].share.value
            assert share is not None
            assert abs(share - mask.mean()) <= found.bound + 1e-12
            size = np.abs(error[mask])
            for figure, true in ((found[name].mean, size.mean()), (found[name].median, np.median(size))):
                assert figure.value is not None
                assert abs(figure.value - true) <= figure.bound + 1e-9


def test_the_interval_of_a_median_error_covers_the_true_one() -> None:
    random, hits = np.random.default_rng(4), 0
    for _ in range(400):
        actual = np.zeros(400)
        found = sides(Rows(actual, random.exponential(1.0, 400)).profile(), 0.0)
        assert found is not None
        median = found["too high"].median
        assert median.low is not None
        assert median.high is not None
        hits += median.low <= np.log(2) <= median.high
    assert hits >= 0.92 * 400


def test_a_band_that_is_no_size_is_refused() -> None:
    profile = rows("plain", 1, 50).profile()
    for band in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="no size of an error"):
            sides(profile, band)


def test_of_nothing_there_are_no_sides() -> None:
    assert sides(Regression()) is None
    assert usual_band(Regression()) == 0.0
    same = sides(Rows(np.full(5, 2.0), np.full(5, 2.0)).profile())
    assert same is not None
    assert same.band == 0.0
    assert same["within"].share.value == 1.0
    assert same["too low"].mean.reason == "there is no such row"
    huge = Rows(np.array([-1.7e308, 1.0]), np.array([1.7e308, 1.0]))
    assert sides(huge.profile()) is None


@pytest.mark.parametrize("weighted", [False, True])
def test_coverage_is_that_of_the_rows_in_all_and_by_tenth(weighted: bool) -> None:
    d = rows("plain", 2, 1_000, weighted=weighted, ranges=True)
    found = coverage(d.profile(cuts=4), 0.6)
    assert found is not None
    assert d.low is not None
    assert d.high is not None
    inside = (d.low <= d.actual) & (d.actual <= d.high)

    def share(mask: NDArray[np.bool_]) -> float:
        return float(np.average(mask, weights=d.mass))

    assert found.inside.value == pytest.approx(share(inside))
    assert found.below.value == pytest.approx(share(d.actual < d.low))
    assert found.above.value == pytest.approx(share(d.actual > d.high))
    assert found.width.value == pytest.approx(np.average(d.high - d.low, weights=d.mass))
    assert len(found.tenths) == 10
    assert not found.spread
    for name, value in (("mass", d.mass.sum()), ("inside", (inside * d.mass).sum())):
        told = sum(t.mass * (1.0 if name == "mass" else t.inside.value or 0.0) for t in found.tenths)
        assert told == pytest.approx(value)
    if weighted:
        return
    order = np.argsort(d.predicted)
    for n, tenth in enumerate(found.tenths):
        some = order[100 * n : 100 * (n + 1)]
        assert tenth.inside.value == pytest.approx(inside[some].mean())
        assert tenth.below == pytest.approx((d.actual < d.low)[some].mean())
        assert tenth.width == pytest.approx((d.high - d.low)[some].mean())
        wanted = binomtest(int(inside[some].sum()), 100).proportion_ci(0.95, "wilson")
        assert (tenth.inside.low, tenth.inside.high) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_the_verdict_is_only_beyond_chance() -> None:
    d = rows("plain", 2, 1_000, ranges=True)
    profile = d.profile()
    share = coverage(profile).inside.value  # type: ignore[union-attr]
    assert share is not None
    for level, verdict in ((None, ""), (share, "as promised"), (share + 0.1, "too few"), (share - 0.1, "too many")):
        found = coverage(profile, level)
        assert found is not None
        assert found.verdict == verdict


def test_without_intervals_or_tenths_it_says_less() -> None:
    assert coverage(rows("plain", 1, 100).profile()) is None
    part = coverage(rows("plain", 1, 100, ranges=True).profile(SEGMENT))
    assert part is not None
    assert part.tenths == ()
    many = rows("plain", 1, 3_000, ranges=True)
    found = coverage(many.profile())
    assert found is not None
    assert found.spread
    assert sum(t.mass for t in found.tenths) == pytest.approx(3_000)


def test_profiles_of_before_tenths_were_kept_open() -> None:
    profile = rows("plain", 1, 200, ranges=True).profile()
    arrays = profile.arrays()
    older = Regression()
    older.restore({name: a for name, a in arrays.items() if not name.startswith("covered.")})
    again = Regression()
    again.restore(arrays)
    for restored, tenths in ((older, 0), (again, 10)):
        found = coverage(restored)
        assert found is not None
        assert len(found.tenths) == tenths
        assert found.inside == coverage(profile).inside  # type: ignore[union-attr]
    older.merge(again)
    assert coverage(older).tenths == ()  # type: ignore[union-attr]
