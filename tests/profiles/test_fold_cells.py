"""Scores by fold: in cells that follow the scores, merged to the same bits, and as they were stored before."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from muster.profiles.fold_cells import FOLDS, FoldCells
from muster.profiles.keys import (
    cell_edges,
    probability_cells,
    probability_codes,
    probability_of,
    wide_codes,
    wide_shift,
)
from muster.profiles.tally import coarse, width_of

Floats = NDArray[np.float64]
SCORES = {
    "spread": lambda z: 1 / (1 + np.exp(-z)),
    "narrow": lambda z: 0.51 + 0.001 * np.tanh(z),
    "tiny": lambda z: 1e-12 * np.exp(z),
    "near 1": lambda z: 1 - 1e-11 * np.exp(-z),
    "rare": lambda z: np.minimum(1e-4 * np.exp(1.5 * z), 1.0),
    "few": lambda z: np.round(1 / (1 + np.exp(-z)), 2),
}


def counted(scores: Floats, most: int = 256, *, weighted: bool = False, parts: int = 1, start: int = 0) -> FoldCells:
    chance = np.random.default_rng(3)
    fold, own = chance.integers(0, FOLDS, len(scores)), chance.random(len(scores)) < 0.3
    weight = chance.integers(1, 9, len(scores)) / 8 if weighted else None
    total = FoldCells(most, weighted=weighted)
    for some in np.array_split(chance.permutation(len(scores)) if parts > 1 else np.arange(len(scores)), parts):
        part = FoldCells(most, weighted=weighted)
        part.start_at(start)
        part.add(scores[some], fold[some], own[some], None if weight is None else weight[some])
        total.merge(part)
    return total


@pytest.mark.parametrize("kind", SCORES)
def test_cells_follow_the_scores(kind: str) -> None:
    """None holds more than a small part of the rows, wherever the scores lie."""
    scores = SCORES[kind](np.random.default_rng(1).normal(size=20_000))
    found = counted(scores)
    rows = found.found.counts.sum(1)
    assert rows.sum() == 20_000
    assert len(rows) <= 256
    if kind == "few":
        assert found.shift == 0
        assert found.least.tolist() == np.unique(scores).tolist()
    else:
        assert len(rows) > 64
        assert rows.max() < 0.03 * 20_000


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("weighted", [False, True])
def test_they_merge_to_the_same_bits_in_any_order(kind: str, weighted: bool) -> None:
    scores = SCORES[kind](np.random.default_rng(2).normal(size=3_000))
    one = counted(scores, weighted=weighted).arrays()
    for parts, start in ((7, 0), (500, 0), (20, counted(scores).shift)):
        other = counted(scores, weighted=weighted, parts=parts, start=start).arrays()
        for name, array in one.items():
            assert array.tobytes() == other[name].tobytes(), (name, parts)


def test_codes_keep_the_order_and_come_back() -> None:
    chance = np.random.default_rng(4)
    near_0, near_1 = 10.0 ** -chance.uniform(0, 300, 999), 1 - 10.0 ** -chance.uniform(0, 15, 999)
    scores = np.unique(np.concatenate([chance.random(999), near_0, near_1, [0, 0.5, 1]]))
    codes = probability_codes(scores)
    assert (np.diff(codes) > 0).all()
    assert (probability_of(codes) == scores).all()
    assert probability_codes(np.array([-0.0])) == 0


@pytest.mark.parametrize("by", [16, 64])
def test_wide_cells_of_before_are_runs_of_codes(by: int) -> None:
    edges = cell_edges()[:-1]
    scores = np.concatenate(
        [[0.0], edges[edges > 2.0**-33], np.nextafter(edges[2:], 0), np.random.default_rng(5).random(9_999), [1.0]]
    )
    place = coarse(probability_cells(scores), by)
    codes = wide_codes(by)
    assert len(codes) == width_of(by)
    assert (codes >> wide_shift(by) == np.unique(codes >> wide_shift(by))).all()
    known = np.minimum(scores, 1 - scores) > 2.0**-33
    assert (probability_codes(scores[known]) >> wide_shift(by) == codes[place[known]] >> wide_shift(by)).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_of_before_are_taken_as_they_are(weighted: bool) -> None:
    chance = np.random.default_rng(6)
    counts = chance.integers(0, 3, (FOLDS, width_of(16), 2)) * (chance.random((1, width_of(16), 1)) < 0.2)
    found = FoldCells(1_024, weighted=weighted)
    found.restore_fixed(counts, counts / 2 if weighted else None, 16)
    assert found.shift == 48
    others, own = found.sides(weighted=weighted)
    some = counts.any((0, 2))
    assert (others == counts[:, some, 0] / (1 + weighted)).all()
    assert (own == counts[:, some, 1] / (1 + weighted)).all()
    with pytest.raises(ValueError, match="below 0"):
        found.restore_fixed(-counts, counts / 2 if weighted else None, 16)
