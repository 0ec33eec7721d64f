"""Spearman's correlation in squares of pairs: within its bound of that of the rows, which is small where ranks hardly bend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from muster.metrics.ranks import rank_correlation
from muster.metrics.regression import measure
from muster.metrics.strips import strips
from muster.profiles.keys import ordered, unordered
from muster.profiles.regression import WHOLE, Reach, Regression
from tests.metrics.numbers import Floats, Rows

SEEDS = st.integers(0, 1 << 30)
SHAPES = ["plain", "close", "far", "ties", "against", "lumps", "grid", "ends", "sides", "clumps", "brink"]


def _without_places(profile: Regression) -> Regression:
    """As an earlier release stored it."""
    arrays = {
        name: array[:, :0] if name == "together.squares.sums" else array
        for name, array in profile.arrays().items()
        if name != "together.places"
    }
    older = Regression(profile.reach)
    older.restore(arrays)
    return older


def _shapes(random: np.random.Generator, n: int, shape: str) -> tuple[Floats, Floats]:
    x = random.normal(size=n)
    match shape:
        case "close":
            return 1e7 + x, 1e7 + x + random.normal(size=n)
        case "far":
            return np.exp(8 * x) * random.choice([-1, 1], n), np.exp(8 * (x + random.normal(size=n)))
        case "ties":
            return np.round(x, 1), np.round(x + random.normal(size=n), 1)
        case "against":
            return x, -x + 0.01 * random.normal(size=n)
        case "lumps":
            return np.where(x > 0, 1.0 + 1e-9 * x, x), np.where(random.random(n) < 0.5, 3.0, x**3)
        case "ends" | "sides":  # most rows of a wide cell, or of all cells of a strip, are at one of its ends
            cell = random.integers(0, 32, n)
            high = random.integers(0, 2, 32)[cell if shape == "ends" else cell // 4 * 4]
            end = np.where(random.random(n) < 0.9, high, 1 - high)
            return 1 + (cell + 0.98 * end + 0.01 * random.random(n)) / 32, end.astype(np.float64)
        case "clumps":  # of doubles next to each other, between which a line rises by as much as anywhere
            return 1e7 + np.round(x, 1) + 2e-9 * random.normal(size=n), 1e7 + x + random.normal(size=n)
        case "brink":  # two keys on both sides of where larger squares are parted
            clump, at = random.integers(0, 10, n), random.integers(0, 2, n)
            bits = int(random.integers(12, 31))
            pair = [(clump + 1000 << bits) + (1 << bits - 1) - step for step in (at, at ^ (random.random(n) < 0.1))]
            key = int(ordered(np.array([1e7]))[0]) >> 40 << 40
            return unordered(key + pair[0]), unordered(key + pair[1])
        case "grid":  # within each square y falls with x, though it rises from square to square
            return np.floor(8 * x) + random.random(n), np.floor(8 * x) + 1 - random.random(n)
    return x, x + random.normal(size=n)


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=30)
@given(SEEDS, st.integers(2, 800), st.sampled_from([8, 40, 200]), st.sampled_from([6, 50, 1_000]))
def test_the_rows_own_is_within_the_bound(shape: str, seed: int, n: int, squares: int, cells: int) -> None:
    predicted, actual = _shapes(np.random.default_rng(seed), n, shape)
    profile = Rows(actual, predicted).profile(Reach(cells, squares, folds=True))
    for one in (profile, _without_places(profile)):
        found = rank_correlation(one)
        if min(np.ptp(predicted), np.ptp(actual)) == 0 or np.isnan(found.value):
            assert np.isnan(found.value)
            continue
        assert abs(found.value - float(spearmanr(predicted, actual)[0])) <= found.bound + 1e-12
        assert found.bound <= 1 + abs(found.value)
    if not profile.together.exact:
        level = _without_places(profile)
        assert not rank_correlation(level).bound < rank_correlation(profile).bound


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=30)
@given(SEEDS, st.sampled_from([6, 50, 1_000]), st.sampled_from([8, 40]))
def test_lines_are_as_far_from_ranks_as_is_said(shape: str, seed: int, cells: int, squares: int) -> None:
    predicted, actual = _shapes(np.random.default_rng(seed), 600, shape)
    profile = Rows(actual, predicted).profile(Reach(cells, squares, folds=True))
    pairs, places = profile.together, profile.together.places()
    assert places is not None
    (of_x, of_y), side = pairs.corners()
    square = {corner: n for n, corner in enumerate(zip(of_x.tolist(), of_y.tolist(), strict=True))}
    keys = [ordered(values) for values in (predicted, actual)]
    of = np.array([square[a, b] for a, b in zip(*((k >> side << side).tolist() for k in keys), strict=True)])
    rows, lines = pairs.squares()[4], []
    for key, within, values, found in zip(
        keys, (places.x, places.y), (predicted, actual), strips(profile, places), strict=True
    ):
        at = ((key & ((1 << side) - 1)) >> places.grain << places.grain) / 2.0**side
        at += 2.0 ** (places.grain - 1 - side) if places.grain else 0.0
        line = found.means[of] + found.slopes[of] * (at - (within / rows)[of])
        off = rankdata(values) - (len(values) + 1) / 2 - line
        assert np.sqrt((off * off).sum()) <= found.missed + found.rounding + 1e-9
        assert np.abs(np.bincount(found.place[of], off)).max() <= 1e-6 + 30 * found.rounding
        assert np.sqrt(((line - found.means[of]) ** 2).sum()) <= np.sqrt(found.inside) + 30 * found.rounding + 1e-6
        lines.append(line)
    x, y = strips(profile, places)
    spread = [(np.sqrt(x.squares + hid * x.hidden) * np.sqrt(y.squares + hid * y.hidden)) for hid in (0, 1)]
    if spread[0] > 0 and not pairs.exact:
        level = rank_correlation(_without_places(profile)).value
        sloped = np.clip(2 * (lines[0] @ lines[1]) / sum(spread), -1, 1)
        told = rank_correlation(profile)
        assert told.value == level or told.value == pytest.approx(sloped, abs=min(1e-9 + told.bound, 1e-3))


def test_a_covariance_that_rounding_loses_is_in_the_bound() -> None:
    """Many rows on four pairs of neighbouring doubles, of which a square holds the covariance alone: doubles lose it."""
    lost = 0
    for bits in (24, 26, 28, 31):
        clump = np.repeat(np.arange(91 * 91), 4)
        x, y = clump % 91, clump // 91
        at_x, at_y = np.tile([0, 0, 1, 1], 91 * 91), np.tile([0, 1, 0, 1], 91 * 91)
        heavy = np.tile([0, 1], 1 << 17)
        key = int(ordered(np.array([1e7]))[0]) >> 40 << 40
        middle = key + (1 << bits - 1)
        predicted, actual = (
            unordered(np.concatenate([(c << bits) + middle - at, (45 << bits) + middle - heavy]))
            for c, at in ((x, at_x), (y, at_y))
        )
        found = rank_correlation(Rows(actual, predicted).profile())
        off = abs(found.value - float(spearmanr(predicted, actual)[0]))
        assert off <= found.bound + 1e-12 <= 1 + abs(found.value) + 1e-12
        lost += off > 0.1
    assert lost


AT = np.tile((np.arange(100) + 0.5) / 100, 16)
STRIP = np.repeat(np.arange(16), 100)
BENT = 1 + (STRIP + AT**3) / 16
ABOVE = (AT > 0.15) & (AT < 0.8)
"""In each of 16 strips ranks are a bent line of the key, in the middle above the straight one and below at the ends."""


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    "other", [1.0 * ABOVE, -1.0 * ABOVE, 1 + (STRIP + 0.05 + 0.9 * ABOVE) / 16], ids=["up", "down", "within"]
)
def test_what_a_side_knows_of_where_the_other_leaves_its_line_is_in_the_bound(other: Floats, swap: bool) -> None:
    pair = (other, BENT) if swap else (BENT, other)
    profile = Rows(pair[1], pair[0]).profile(Reach(5_000, 8 if other[-1] > 1 else 16, folds=True))
    found, wanted = rank_correlation(profile), float(spearmanr(*pair)[0])
    assert found.bound / 3 < abs(found.value - wanted) <= found.bound


@pytest.mark.parametrize("offset", [10.0, 1e7])
def test_many_rows_have_a_small_bound(offset: float) -> None:
    random = np.random.default_rng(5)
    predicted = offset + random.normal(size=60_000)
    actual = predicted + 0.5 * random.normal(size=60_000)
    profile = Rows(actual, predicted).profile()
    assert not profile.together.exact
    found, older, wanted = (
        rank_correlation(profile),
        rank_correlation(_without_places(profile)),
        spearmanr(predicted, actual)[0],
    )
    assert abs(found.value - wanted) < 1e-5
    assert found.bound < 0.0005
    assert older.bound > 4 * found.bound


def test_what_is_merged_with_an_older_one_is_as_that() -> None:
    random = np.random.default_rng(6)
    predicted, reach = random.normal(size=3_000), Reach(5_000, 40, folds=True)
    one, other = (
        Rows(actual, predicted).profile(reach, file=n)
        for n, actual in enumerate((predicted + random.normal(size=3_000), -predicted))
    )
    older = _without_places(one)
    older.merge(other)
    other.merge(_without_places(one))
    assert older.together.places() is None is other.together.places()
    assert rank_correlation(older).value == pytest.approx(rank_correlation(other).value, abs=1e-12)
    assert rank_correlation(older).bound > 0


def test_clumps_of_neighbouring_doubles_have_a_small_bound_too() -> None:
    random = np.random.default_rng(5)
    z = random.normal(size=60_000)
    predicted = 1e7 + np.round(z, 1) + 2e-9 * random.normal(size=60_000)
    found = measure(Rows(1e7 + z + 0.5 * random.normal(size=60_000), predicted).profile(), names=["spearman"])[
        "spearman"
    ]
    assert found.bound < 0.01
    assert found.low is not None


def test_pairs_that_are_known_each_have_the_interval_of_single_rows() -> None:
    """More pairs are kept than cells of one side."""
    random = np.random.default_rng(11)
    few = random.random(20_000) < 0.15
    predicted = np.where(few, 0.3 + 1e-12 * random.normal(size=20_000), 10 * random.normal(size=20_000))
    actual = predicted + np.where(few, 1e-12, 5.0) * random.normal(size=20_000)
    rows = Rows(actual, predicted)
    one, wide = (
        measure(rows.profile(reach), names=["spearman", "gini_norm"])
        for reach in (WHOLE, Reach(32_768, 16_384, folds=True))
    )
    assert one["spearman"].exact
    assert one["spearman"] == wide["spearman"]
