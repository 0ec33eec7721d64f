"""Cells of probabilities and hashes of rows: the same on every machine, so that they may be stored."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from muster.profiles.keys import CELLS, cell_edges, hash_rows, hash_texts, mixed, probability_cells
from muster.profiles.tally import coarse, coarse_edges, width_of


def test_each_cell_begins_at_its_edge() -> None:
    edges = cell_edges()
    assert len(edges) == CELLS + 1
    assert (np.diff(edges)[:-1] > 0).all()
    assert probability_cells(edges[:-1]).tolist() == list(range(CELLS))
    before = np.nextafter(edges[1:-1], 0.0)
    assert probability_cells(before).tolist() == list(range(CELLS - 1))
    for exact in (0.5, 0.25, 0.75, 0.125, 0.875):
        assert exact in edges, "thresholds that people use end no cell in its middle"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.sampled_from([1, 16, 64]))
def test_a_probability_lies_within_its_cell(values: list[float], by: int) -> None:
    p = np.array(values)
    cells = coarse(probability_cells(p), by)
    edges = coarse_edges(by)
    assert cells.max() < width_of(by) == len(edges) - 1
    assert (edges[cells] <= p).all()
    assert ((p < edges[cells + 1]) | (p == 1.0)).all()


def test_cells_are_narrow_for_rare_and_for_near_certain_ones() -> None:
    edges = cell_edges()[2:-3]
    with np.errstate(divide="ignore"):
        widths = np.diff(edges) / np.minimum(edges[:-1], 1 - edges[1:])
    assert widths.max() < 0.0040


def test_hashes_are_those_that_were_stored() -> None:
    """Profiles of other days are paired with those of today by them."""
    assert mixed(np.array([0, 1], np.uint64)).tolist() == [16294208416658607535, 10451216379200822465]
    assert hash_rows(0, np.array([0, 1])).tolist() == [12035550249420947055, 6791897765849424158]
    text = "naïve".encode()
    assert hash_texts(np.array([0, len(text)]), np.frombuffer(text, np.uint8)).tolist() == [13652733119983934988]


@given(st.lists(st.binary(max_size=12), max_size=40))
def test_equal_texts_have_equal_hashes_wherever_they_stand(values: list[bytes]) -> None:
    offsets = np.cumsum([0, *map(len, values)])
    found = hash_texts(offsets, np.frombuffer(b"".join(values), np.uint8))
    of: dict[bytes, int] = {}
    for value, number in zip(values, found.tolist(), strict=True):
        assert of.setdefault(value, number) == number
    assert len(set(of.values())) == len(of)


def test_folds_are_of_equal_size() -> None:
    folds = np.bincount((hash_rows(0, np.arange(640_000)) >> np.uint64(58)).astype(np.int64), minlength=64)
    assert abs(folds - 10_000).max() < 450
