"""Counts by cell: the same in any order and grouping, exact while few codes occur, and as narrow as the limit allows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidInput
from muster.profiles.cells import CellCounts
from muster.profiles.grid import PairCounts
from muster.profiles.keys import ordered, unordered

codes = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=200),
    st.lists(st.integers(-40, 40), max_size=300),
    st.lists(st.floats(allow_nan=False), max_size=200).map(lambda v: ordered(np.array(v, np.float64)).tolist()),
)


def _narrowest(values: np.ndarray, most: int, step: int) -> tuple[int, np.ndarray, np.ndarray]:
    shift = 0
    while len(np.unique(values >> shift)) > most:
        shift += step
    cells, counts = np.unique(values >> shift, return_counts=True)
    return shift, cells, counts


@given(codes, st.integers(4, 50), st.integers(1, 2), st.sampled_from([1, 2, 7, 100]), st.randoms())
def test_shards_in_any_order_give_the_narrowest_cells(
    values: list[int], most: int, step: int, shards: int, random: np.random.Generator
) -> None:
    array = np.array(values, np.int64)
    kind = array % 3
    shift, cells, counts = _narrowest(array, most, step)
    order = list(range(shards))
    random.shuffle(order)
    total = CellCounts(most, kinds=3, sums=1, step=step)
    for n in order:
        part = CellCounts(most, kinds=3, sums=1, step=step)
        part.add(array[n::shards], kind[n::shards], np.ones((len(array[n::shards]), 1)))
        total.merge(part)
    assert total.shift == shift
    assert total.cells.tolist() == cells.tolist()
    assert total.counts.sum(1).tolist() == counts.tolist()
    assert total.sums[:, 0].tolist() == counts.tolist()
    assert [total.counts[:, k].sum() for k in range(3)] == [(kind == k).sum() for k in range(3)]
    again = CellCounts(most, kinds=3, sums=1, step=step)
    again.restore(total.arrays(), "")
    assert all((a == b).all() for a, b in zip(again.arrays().values(), total.arrays().values(), strict=True))


@given(codes, st.integers(0, 63))
def test_coarser_cells_hold_the_same(values: list[int], shift: int) -> None:
    counts = CellCounts(1_000)
    counts.add(np.array(values, np.int64))
    coarse = counts.coarser(shift)
    cells, times = np.unique(np.array(values, np.int64) >> coarse.shift, return_counts=True)
    assert coarse.shift == max(shift, counts.shift)
    assert (coarse.cells.tolist(), coarse.counts[:, 0].tolist()) == (cells.tolist(), times.tolist())
    assert counts.rows == len(values), "the finer ones are left as they are"


def test_what_counts_other_things_is_not_merged() -> None:
    with pytest.raises(InvalidInput):
        CellCounts(10).merge(CellCounts(11))


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.tuples(numbers, numbers), max_size=150),
    st.integers(4, 60),
    st.sampled_from([1, 2, 7, 100]),
    st.randoms(),
)
def test_pairs_fall_into_squares_that_hold_them(
    pairs: list[tuple[float, float]], most: int, shards: int, random: np.random.Generator
) -> None:
    x, y = (np.array([p[k] for p in pairs], np.float64) for k in (0, 1))
    reference = PairCounts(most)
    reference.add(x, y)
    order = list(range(shards))
    random.shuffle(order)
    total = PairCounts(most)
    for n in order:
        part = PairCounts(most)
        part.add(x[n::shards], y[n::shards])
        total.merge(part)
    expected, found = reference.arrays(), total.arrays()
    assert expected.keys() == found.keys()
    assert all((expected[name] == found[name]).all() for name in found)
    low_x, high_x, low_y, high_y, rows = total.squares()
    inside = (x[:, None] >= low_x) & (x[:, None] <= high_x) & (y[:, None] >= low_y) & (y[:, None] <= high_y)
    assert (inside.sum(1) == 1).all()
    assert inside.sum(0).tolist() == rows.tolist()
    distinct = len({(a + 0.0, b + 0.0) for a, b in pairs})
    assert total.exact == (distinct <= most)
    if total.exact:
        assert (low_x == high_x).all()
        assert (low_y == high_y).all()
    again = PairCounts(most)
    again.restore(found, "")
    assert all((again.arrays()[name] == found[name]).all() for name in found)


@pytest.mark.parametrize(("offset", "spread"), [(1e7, 1.0), (1e9, 1.0), (1e5, 0.1), (2e3, 1e-6), (-1e12, 50.0)])
def test_pairs_that_are_close_for_their_size_are_told_apart(offset: float, spread: float) -> None:
    random = np.random.default_rng(7)
    x = offset + spread * random.normal(size=3_000)
    y = x + spread * random.normal(size=3_000)
    whole, half, other, merged = (PairCounts(1_000) for _ in range(4))
    whole.add(x, y)
    half.add(x[:800], y[:800])
    assert half.exact
    other.add(x[800:], y[800:])
    for part in (other, half):
        merged.merge(part)
    found = merged.arrays()
    assert {name: array.tobytes() for name, array in whole.arrays().items()} == {
        name: array.tobytes() for name, array in found.items()
    }
    assert "side" in found
    low_x, high_x, _, _, rows = merged.squares()
    assert 200 < len(rows) <= 1_000
    assert (high_x - low_x).max() < spread
    again = PairCounts(1_000)
    again.restore(found, "")
    assert all((again.arrays()[name] == found[name]).all() for name in found)
    with pytest.raises(ValueError, match="too many"):
        again.restore({**found, "side": np.array([32])}, "")


def test_squares_of_few_bits_join_those_of_many() -> None:
    random = np.random.default_rng(8)
    close, far = (PairCounts(50) for _ in range(2))
    x = 1e7 + random.normal(size=300)
    close.add(x, x + random.normal(size=300))
    far.add(random.normal(size=300), random.normal(size=300))
    both = PairCounts(50)
    both.merge(close)
    both.merge(far)
    swapped = PairCounts(50)
    swapped.merge(far)
    swapped.merge(close)
    assert {n: a.tobytes() for n, a in both.arrays().items()} == {n: a.tobytes() for n, a in swapped.arrays().items()}
    assert both.rows == 600


@given(
    st.integers(0, 1 << 30), st.sampled_from(["near", "close", "closer", "far", "any"]), st.integers(1, 300),
    st.integers(4, 60), st.sampled_from([1, 2, 7, 100]),
)  # fmt: skip
def test_places_add_up_to_where_rows_lie(seed: int, kind: str, n: int, most: int, shards: int) -> None:
    random = np.random.default_rng(seed)
    pairs = random.normal(size=(n, 2))
    match kind:
        case "close":
            pairs += 1e7
        case "closer":  # squares of few bits above those that are not looked at
            pairs = 1 + 1e-5 * pairs
        case "far":
            pairs *= np.exp(9 * random.normal(size=(n, 2)))
        case "any":
            bits = random.integers(-(1 << 63), (1 << 63) - 1, (n, 2))
            pairs = np.nan_to_num(bits.view(np.float64))
    keys = np.array([ordered(pair) for pair in pairs], np.int64)
    order = list(range(shards))
    random.shuffle(order)
    total = PairCounts(most, places=True)
    for shard in order:
        part = PairCounts(most, places=True)
        part.add(*pairs[shard::shards].T)
        total.merge(part)
    (x, y), side = total.corners()
    found = total.places()
    assert found is not None
    assert found.grain in {0, 32}
    for square in range(len(x)):
        inside = keys[(keys[:, 0] >> side == x[square] >> side) & (keys[:, 1] >> side == y[square] >> side)].tolist()
        # Where it is counted to be: from the corner in sides, as whole numbers of any size.
        middle = Fraction(1 << found.grain, 2) if found.grain else 0
        corner = (int(x[square]), int(y[square]))
        at = [
            [
                ((key >> found.grain << found.grain) - low + middle) / Fraction(1 << side)
                for key, low in zip(row, corner, strict=True)
            ]
            for row in inside
        ]
        wanted = [sum(a for a, _ in at), sum(b for _, b in at), sum(a * b for a, b in at)]
        assert [found.x[square], found.y[square], found.product[square]] == pytest.approx(
            [float(w) for w in wanted], rel=1e-12
        )
    again = PairCounts(most, places=True)
    again.restore(total.arrays(), "")
    assert all((again.arrays()[name] == array).all() for name, array in total.arrays().items())
    assert again.placed


def test_places_are_lost_among_pairs_that_have_none() -> None:
    random = np.random.default_rng(9)
    for offset in (0.0, 1e7):
        x = offset + random.normal(size=300)
        y = x + random.normal(size=300)
        kept, bare, both = PairCounts(50, places=True), PairCounts(50), PairCounts(50)
        kept.add(x, y)
        bare.add(y, x)
        both.add(x, y)
        both.add(y, x)
        old = PairCounts(50, places=True)
        old.restore(bare.arrays(), "")
        assert not old.placed
        before = {n: a.tobytes() for n, a in kept.arrays().items()}
        old.merge(kept)
        assert {n: a.tobytes() for n, a in kept.arrays().items()} == before, "what is merged is left as it is"
        kept.merge(bare)
        for merged in (old, kept):
            assert merged.places() is None
            assert {n: a.tobytes() for n, a in merged.arrays().items()} == {
                n: a.tobytes() for n, a in both.arrays().items()
            }


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_keys_are_in_the_order_of_the_numbers(values: list[float]) -> None:
    array = np.array(values, np.float64)
    keys = ordered(array)
    assert (unordered(keys) == array).all()
    assert ((keys[:, None] < keys) == (array[:, None] < array)).all()
    assert (array[np.argsort(keys, kind="stable")] == np.sort(array)).all()
