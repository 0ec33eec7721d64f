from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.dataset import Fault
from muster.datasets.chunks import Piece, batch_of, cut, nothing, shifted
from muster.errors import DatasetError

ROWS = st.lists(st.lists(st.booleans(), max_size=12), max_size=8)
"""Pieces of rows, of which the false ones are faulty."""


def pieces(layout: list[list[bool]]) -> list[Piece]:
    """Rows numbered through; the batch has the numbers of the good ones, the faults tell those of the others."""
    made, start = [nothing(pa.schema([("n", pa.int64())]))], 0
    for good in layout:
        batch = pa.record_batch({"n": pa.array([start + i for i, ok in enumerate(good) if ok], pa.int64())})
        faults = tuple(Fault(i, str(start + i)) for i, ok in enumerate(good) if not ok)
        made.append(Piece(len(good), batch, faults))
        start += len(good)
    return made


@given(ROWS, st.integers(1, 15))
def test_chunks_have_every_row_once_whatever_the_pieces(layout: list[list[bool]], size: int) -> None:
    total = sum(map(len, layout))
    found = list(cut(pieces(layout), size))
    assert [piece.length for piece, _ in found[:-1]] == [size] * (len(found) - 1)
    assert found[-1][0].length == (total - 1) % size + 1 if total else len(found) == 1
    assert [last for _, last in found] == [False] * (len(found) - 1) + [True]
    start = 0
    for piece, _ in found:
        assert piece.batch is not None
        assert piece.batch.num_rows + len(piece.faults) == piece.length
        assert piece.column("n").to_pylist() == [start + row for row in piece.rows().tolist()]
        assert [f.error for f in piece.faults] == [str(start + f.row) for f in piece.faults]
        start += piece.length
    assert start == total


@given(ROWS, st.integers(1, 15), st.sets(st.integers(0, 7)))
def test_rows_that_were_passed_over_count(layout: list[list[bool]], size: int, passed: set[int]) -> None:
    whole = pieces(layout)
    found = list(cut([Piece(p.length, None) if i - 1 in passed else p for i, p in enumerate(whole)], size))
    expected = list(cut(whole, size))
    assert [(p.length, last) for p, last in found] == [(p.length, last) for p, last in expected]
    for (piece, _), (other, _) in zip(found, expected, strict=True):
        assert piece.batch is None or piece == other


def test_without_any_piece_of_rows_there_is_one_empty_chunk() -> None:
    ((piece, last),) = cut([nothing(pa.schema([("a", pa.int8())]))], 5)
    assert (piece.length, last, piece.column("a").type) == (0, True, pa.int8())


def test_a_batch_keeps_its_rows_without_columns() -> None:
    empty = batch_of([], pa.schema([]), 7)
    assert (empty.num_rows, empty.num_columns) == (7, 0)
    ((piece, _),) = cut([Piece(7, empty), Piece(3, batch_of([], pa.schema([]), 3))], 100)
    assert piece.batch is not None
    assert piece.batch.num_rows == 10


def test_dictionaries_that_differ_are_joined() -> None:
    parts = [Piece(2, pa.record_batch({"d": pa.array(v).dictionary_encode()})) for v in (["a", "b"], ["c", "b"])]
    ((piece, _),) = cut(parts, 10)
    assert piece.column("d").to_pylist() == ["a", "b", "c", "b"]


def test_a_chunk_that_is_too_large_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(batches: object) -> object:
        raise pa.ArrowInvalid("offset overflow while concatenating arrays")

    monkeypatch.setattr(pa, "concat_batches", overflow)
    piece = Piece(1, pa.record_batch({"a": [1]}))
    with pytest.raises(DatasetError, match="2 rows does not fit") as caught:
        list(cut([piece, piece], 10))
    assert "score.chunk_rows" in caught.value.hint


def test_faults_move() -> None:
    assert shifted([Fault(1, "a"), Fault(2, "b", {"x": 1})], 10) == (Fault(11, "a"), Fault(12, "b", {"x": 1}))
