"""Spearman's correlation in squares of pairs: within its bound of that of the rows, which is small where ranks hardly bend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from muster.metrics.ranks import rank_correlation
from muster.metrics.strips import strips
from muster.profiles.keys import ordered
from muster.profiles.regression import Reach, Regression
from tests.metrics.numbers import Floats, Rows

SEEDS = st.integers(0, 1 << 30)
SHAPES = ["plain", "close", "far", "ties", "against", "lumps", "grid", "ends", "sides"]


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
        case "grid":  # within each square y falls with x, though it rises from square to square
            return np.floor(8 * x) + random.random(n), np.floor(8 * x) + 1 - random.random(n)
    return x, x + random.normal(size=n)


@given(
    SEEDS,
    st.integers(2, 800),
    st.sampled_from(SHAPES),
    st.sampled_from([8, 40, 200]),
    st.sampled_from([6, 50, 1_000]),
)
def test_the_rows_own_is_within_the_bound(seed: int, n: int, shape: str, squares: int, cells: int) -> None:
    predicted, actual = _shapes(np.random.default_rng(seed), n, shape)
    profile = Rows(actual, predicted).profile(Reach(cells, squares, folds=True))
    for one in (profile, _without_places(profile)):
        found = rank_correlation(one)
        if min(np.ptp(predicted), np.ptp(actual)) == 0 or np.isnan(found.value):
            assert np.isnan(found.value)
            continue
        assert abs(found.value - float(spearmanr(predicted, actual)[0])) <= found.bound + 1e-12


@given(SEEDS, st.sampled_from(SHAPES), st.sampled_from([6, 50, 1_000]), st.sampled_from([8, 40]))
def test_lines_are_as_far_from_ranks_as_is_said(seed: int, shape: str, cells: int, squares: int) -> None:
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
        keys, (places.x, places.y), (predicted, actual), strips(profile), strict=True
    ):
        at = ((key & ((1 << side) - 1)) >> places.grain << places.grain) / 2.0**side
        at += 2.0 ** (places.grain - 1 - side) if places.grain else 0.0
        line = found.means[of] + found.slopes[of] * (at - (within / rows)[of])
        off = rankdata(values) - (len(values) + 1) / 2 - line
        assert np.sqrt((off * off).sum()) <= found.missed + 1e-9
        assert np.bincount(found.place[of], off) == pytest.approx(0, abs=1e-6)
        assert ((line - found.means[of]) ** 2).sum() <= found.inside + 1e-6
        lines.append(line)
    x, y = strips(profile)
    spread = [(np.sqrt(x.squares + hid * x.hidden) * np.sqrt(y.squares + hid * y.hidden)) for hid in (0, 1)]
    if spread[0] > 0 and not pairs.exact:
        assert rank_correlation(profile).value == pytest.approx(
            np.clip(2 * (lines[0] @ lines[1]) / sum(spread), -1, 1), abs=1e-9
        )


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
