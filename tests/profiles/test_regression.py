"""Regression: profiles merge in any order, are stored to the bit, and damage is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles.cells import CellCounts
from muster.profiles.grid import PairCounts
from muster.profiles.keys import hash_rows, ordered
from muster.profiles.regression import FACTS, MOMENTS, RANGES, SUMS, WHOLE, Predicted, Reach, Regression, Totals
from tests.metrics.numbers import BINNED, KINDS, Floats, Rows, rows

Arrays = dict[str, NDArray[Any]]

COUNTED = (".facts", ".largest", ".cells", ".counts", ".shift", ".x", ".y", "together", "apart")
"""The same to the bit in any order."""

drawn = st.builds(
    rows,
    kind=st.sampled_from(sorted(KINDS)),
    seed=st.integers(0, 2**32),
    n=st.integers(0, 250),
    weighted=st.booleans(),
    ranges=st.booleans(),
)


def _same(found: Regression, wanted: Regression) -> None:
    ours, theirs = found.arrays(), wanted.arrays()
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        if any(part in name for part in COUNTED):
            np.testing.assert_array_equal(ours[name], array, err_msg=name)
        else:
            size = float(np.abs(array).max(initial=0.0))
            np.testing.assert_allclose(ours[name], array, rtol=1e-9, atol=1e-12 * size, err_msg=name)


@settings(max_examples=40)
@given(
    drawn,
    st.sampled_from([1, 2, 7, 100]),
    st.randoms(use_true_random=False),
    st.sampled_from([WHOLE, BINNED, Reach(30, 0, folds=False)]),
)
def test_shards_merge_in_any_order(d: Rows, shards: int, random: Any, reach: Reach) -> None:
    hashes = hash_rows(0, np.arange(len(d)))
    parts = []
    for some in np.array_split(np.arange(len(d)), shards):
        part = Regression(reach, weighted=d.weight is not None)
        columns = (None if a is None else a[some] for a in (d.weight, d.low, d.high))
        part.add(Predicted.of(d.actual[some], d.predicted[some], *columns), hashes[some])
        parts.append(part)
    random.shuffle(parts)
    while len(parts) > 1:  # any tree
        other = parts.pop(random.randrange(len(parts)))
        parts[random.randrange(len(parts))].merge(other)
    _same(parts[0], d.profile(reach))


@settings(max_examples=40)
@given(drawn, st.sampled_from([WHOLE, BINNED]))
def test_arrays_restore_to_the_bit(d: Rows, reach: Reach) -> None:
    profile = d.profile(reach)
    again = Regression(reach, weighted=d.weight is not None)
    again.restore({f"at.{name}": array.copy() for name, array in profile.arrays().items()}, "at.")
    for name, array in profile.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array, err_msg=name)
    again.merge(profile)
    assert again.rows == 2 * len(d)


@pytest.mark.parametrize("values", [[-1.7e308, 1.7e308], [-1.7e308, -1.0, 0.0, 5e-324, 1.7e308]])
def test_numbers_at_both_ends_restore(values: list[float]) -> None:
    """Their keys are further apart than a whole number can tell."""
    ends = np.array(values)
    profile = Rows(ends, ends[::-1].copy()).profile()
    again = Regression()
    again.restore(profile.arrays())
    for name, array in profile.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array, err_msg=name)


def _edited(name: str, edit: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Arrays], None]:
    def damage(arrays: Arrays) -> None:
        arrays[name] = edit(arrays[name].copy())

    return damage


def _at(place: Any, value: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def edit(array: NDArray[Any]) -> NDArray[Any]:
        array[place] = value
        return array

    return edit


def _missing(arrays: Arrays) -> None:
    del arrays["totals.sums"]


DAMAGE: dict[str, Callable[[Arrays], None]] = {
    "a missing array": _missing,
    "another shape": _edited("totals.moments", lambda a: a[:, :-1]),
    "another type": _edited("folds.facts", lambda a: a.astype(np.float64)),
    "cells out of order": _edited("actual.cells", _at(3, -5)),
    "a cell twice": _edited("error.cells", _at(3, 0)),
    "cells that are cut off": _edited("predicted.cells", lambda a: a[:-1]),
    "a negative count": _edited("error.counts", _at((0, 0), -1)),
    "a row too many": _edited("actual.counts", lambda a: a + 1),
    "an impossible shift": _edited("actual.shift", _at(0, 64)),
    "pairs out of order": _edited("together.x", lambda a: a[::-1]),
    "a pair of no row": _edited("apart.counts", _at(0, 0)),
    "pairs of other rows": _edited("together.counts", _at(0, 7)),
    "folds of other rows": _edited("folds.facts", _at((0, 0), 1_000)),
    "negative facts": _edited("totals.facts", _at((0, 1), -1)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_arrays_are_refused(damage: Callable[[Arrays], None]) -> None:
    arrays = dict(rows("positive", 1, 200).profile().arrays())
    damage(arrays)
    with pytest.raises((ValueError, KeyError)):
        Regression().restore(arrays)


def _filled(value: float, *columns: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return _at((slice(None), list(columns)), value)


def _empty_square(counts: NDArray[Any]) -> NDArray[Any]:
    counts[1] += counts[0]
    counts[0] = 0
    return counts


IN_SQUARES: dict[str, tuple[float, Callable[[Arrays], None]]] = {
    f"{what}, {name}": (offset, _edited(name, edit))
    for offset, name in ((0.0, "together.squares.sums"), (1e7, "together.places"))
    for what, edit in {
        "places before their squares": _filled(-1e6, 0),
        "places beyond": _filled(1e30, 1),
        "products that are too large": _filled(1e30, 2),
        "products that are too small": _filled(-1e15, 2),
        "no numbers": _filled(np.nan, 0, 1, 2),
        "infinite ones": _filled(np.inf, 0, 1, 2),
        "two sums": lambda a: a[:, :2],
        "those of fewer squares": lambda a: a[:-1],
    }.items()
} | {
    "a shift between two steps": (0.0, _edited("together.squares.shift", lambda a: a + 1)),
    "a square of no row": (0.0, _edited("together.squares.counts", _empty_square)),
    "places of pairs that are whole": (1e7, _edited("together.side", lambda a: a * 0)),
}


@pytest.mark.parametrize(("offset", "damage"), IN_SQUARES.values(), ids=IN_SQUARES)
def test_damaged_squares_are_refused(offset: float, damage: Callable[[Arrays], None]) -> None:
    random, reach = np.random.default_rng(3), Reach(500, 40, folds=True)
    predicted = offset + random.normal(size=2_000)
    arrays = dict(Rows(predicted + random.normal(size=2_000), predicted).profile(reach).arrays())
    Regression(reach).restore(arrays)
    damage(arrays)
    with pytest.raises((ValueError, KeyError)):
        Regression(reach).restore(arrays)


def test_more_cells_than_the_limit_are_refused() -> None:
    arrays = rows("positive", 1, 200).profile().arrays()
    with pytest.raises(ValueError, match="too many"):
        Regression(BINNED).restore(arrays)


@pytest.mark.parametrize("other", [Regression(BINNED), Regression(weighted=True)])
def test_profiles_of_other_kinds_do_not_merge(other: Regression) -> None:
    with pytest.raises(InvalidInput):
        Regression().merge(other)
    with pytest.raises(InvalidInput):
        Totals(1).merge(Totals(2))
    with pytest.raises(InvalidInput):
        PairCounts(1).merge(PairCounts(2))


def test_each_column_is_what_its_name_says() -> None:
    d = Rows(
        np.array([1.0, 0.0, -2.0, 4.0]), np.array([3.0, 0.5, -1.0, 0.0]), np.array([1.0, 2.0, 1.0, 0.5]),
        np.array([0.0, 0.1, -3.0, -1.0]), np.array([2.0, 1.0, -1.0, 1.0]),
    )  # fmt: skip
    totals = d.profile().totals
    assert dict(zip(FACTS, totals.facts[0].tolist(), strict=True)) == {
        "rows": 4, "below": 1, "negative": 1, "zero": 1, "unpositive": 2, "inside": 2, "under": 1, "above": 1,
    }  # fmt: skip
    sums = dict(zip(SUMS, totals.sums[0].tolist(), strict=True))
    assert sums["absolute"] == 1 * 2 + 2 * 0.5 + 1 * 1 + 0.5 * 4
    assert sums["squared"] == 1 * 4 + 2 * 0.25 + 1 * 1 + 0.5 * 16
    assert sums["over"] == 1 * 2 + 2 * 0.5 + 1 * 1
    assert sums["symmetric"] == pytest.approx(1 * 4 / 4 + 2 * 2 + 1 * 2 / 3 + 0.5 * 2)
    assert sums["actual_absolute"] == 1 + 2 + 2
    moments = dict(zip(MOMENTS, totals.moments[0].tolist(), strict=True))
    assert moments["mass"] == 4.5
    assert moments["actual"] == pytest.approx(1 / 4.5)
    assert moments["error"] == pytest.approx((2 + 1 + 1 - 2) / 4.5)
    assert moments["predicted_2"] == pytest.approx(1 * 9 + 2 * 0.25 + 1 - 4.5 * (3 / 4.5) ** 2)
    assert dict(zip(RANGES, totals.ranges[0].tolist(), strict=True)) == {
        "mass": 4.5, "inside": 2.0, "width": 2 + 1.8 + 2 + 1, "mass_2": 1 + 4 + 1 + 0.25, "inside_2": 2.0,
    }  # fmt: skip
    assert totals.largest[0].tolist() == [4.0, -2.0, 4.0, -1.0, 3.0]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)), min_size=1, max_size=60),
    st.integers(4, 30),
)
def test_each_pair_lies_in_one_square(pairs: list[tuple[float, float]], most: int) -> None:
    counts = PairCounts(most)
    x, y = (np.array(side) for side in zip(*pairs, strict=True))
    counts.add(x, y)
    low_x, high_x, low_y, high_y, found = counts.squares()
    assert len(found) <= most
    assert found.sum() == len(pairs)
    (left, below), side = counts.corners()
    inside = ((ordered(x)[:, None] >> side) == (left >> side)) & ((ordered(y)[:, None] >> side) == (below >> side))
    np.testing.assert_array_equal(inside.sum(1), 1)
    np.testing.assert_array_equal(inside.sum(0), found)
    drawn_in = (x[:, None] >= low_x) & (x[:, None] <= high_x) & (y[:, None] >= low_y) & (y[:, None] <= high_y)
    nowhere = np.isnan(low_x) | np.isnan(high_x) | np.isnan(low_y) | np.isnan(high_y)
    assert (drawn_in | ~inside | nowhere).all()


@settings(max_examples=60)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_sums_stay_with_their_cells(values: list[float]) -> None:
    found = np.array(values)
    counts = CellCounts(7, sums=1)
    counts.add(ordered(found), sums=np.ones((len(found), 1)))
    assert len(counts.cells) <= 7
    np.testing.assert_array_equal(counts.sums[:, 0], counts.counts[:, 0])
    again = counts.coarser(counts.shift + 3)
    assert again.rows == len(found)


def _chan(parts: list[Floats]) -> Floats:
    """Sums of squares about the mean, of all parts."""
    every = np.concatenate(parts)
    return np.asarray(((every - every.mean()) ** 2).sum())


@pytest.mark.parametrize("parts", [1, 2, 7, 100])
def test_moments_of_parts_far_from_0_join_without_loss(parts: int) -> None:
    r = np.random.default_rng(4)
    values = 1e9 + r.normal(size=5_000)
    d = Rows(values, values + 0.1 * r.normal(size=5_000))
    found = d.profile(cuts=parts).totals.moments[0]
    wanted = _chan([values - 1e9])
    assert found[MOMENTS.index("actual_2")] == pytest.approx(float(wanted), rel=1e-12)
