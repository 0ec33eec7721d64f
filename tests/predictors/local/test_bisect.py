from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import ModelDied, ModelFailed, ModelTimeout
from muster.predictors.local.bisect import Piece, Sieve
from muster.predictors.local.pace import Pace

Answer = list[int]


class Model:
    """Fails on the rows it was told to fail on; counts what it is asked."""

    def __init__(self, faults: dict[int, type[ModelFailed]], pace: Pace, most: int | None = None) -> None:
        self.faults, self.pace, self.most = faults, pace, most
        self.asked: list[tuple[int, int]] = []

    def ask(self, start: int, stop: int) -> Answer | ModelFailed:
        self.asked.append((start, stop))
        assert stop - start <= self.pace.rows
        kinds = [self.faults[row] for row in range(start, stop) if row in self.faults]
        if self.most is not None and stop - start > self.most:
            kinds.append(ModelFailed)
        if not kinds:
            return list(range(start, stop))
        kind = next((k for k in (ModelTimeout, ModelDied) if k in kinds), ModelFailed)
        if kind is ModelTimeout:
            self.pace.hung(stop - start)
        return kind("it failed", details={"error": "ValueError: it failed"} if kind is ModelFailed else {})


def sift(
    rows: int, faults: dict[int, type[ModelFailed]], pace: int = 1 << 30, most: int | None = None
) -> tuple[list[Piece[Answer]], Model]:
    model = Model(faults, Pace(pace), most)
    return list(Sieve(rows, model.ask, model.pace)), model


def refused(pieces: list[Piece[Answer]]) -> dict[int, str]:
    return {piece.start: piece.error for piece in pieces if piece.answer is None}


@given(
    rows=st.integers(1, 3_000),
    bad=st.sets(st.integers(0, 2_999), max_size=40),
    pace=st.sampled_from([1, 7, 100, 1 << 30]),
)
def test_every_row_is_answered_or_refused_in_order(rows: int, bad: set[int], pace: int) -> None:
    bad = {row for row in bad if row < rows}
    pieces, _ = sift(rows, dict.fromkeys(bad, ModelFailed), pace)
    assert [row for piece in pieces for row in range(piece.start, piece.stop)] == list(range(rows))
    assert set(refused(pieces)) == bad
    assert all(piece.answer == list(range(piece.start, piece.stop)) for piece in pieces if piece.answer is not None)
    assert set(refused(pieces).values()) <= {"ValueError: it failed"}


@given(
    rows=st.integers(2, 70_000),
    places=st.lists(st.floats(0, 1), min_size=1, max_size=2),
    kind=st.sampled_from([ModelDied, ModelTimeout]),
    pace=st.sampled_from([1_000, 1 << 30]),
)
def test_rows_that_end_the_process_are_found(
    rows: int, places: list[float], kind: type[ModelFailed], pace: int
) -> None:
    bad = {round(place * (rows - 1)) for place in places}
    if len(bad) == rows:
        return
    pieces, model = sift(rows, dict.fromkeys(bad, kind), pace)
    assert set(refused(pieces)) == bad
    assert all(error.startswith("poison: it failed") for error in refused(pieces).values())
    assert [row for piece in pieces for row in range(piece.start, piece.stop)] == list(range(rows))
    hung = [asked for asked in model.asked if any(asked[0] <= row < asked[1] for row in bad)]
    assert len(hung) <= 9 * len(bad)
    if kind is ModelTimeout:
        assert len(set(hung)) == len(hung), "nothing that hung is waited for twice"


def test_one_bad_row_costs_little() -> None:
    pieces, model = sift(65_536, {40_000: ModelFailed})
    assert refused(pieces) == {40_000: "ValueError: it failed"}
    assert len(model.asked) <= 65
    assert sum(stop - start for start, stop in model.asked) < 2.2 * 65_536


def test_a_batch_too_large_for_the_model_is_predicted_in_parts() -> None:
    pieces, _ = sift(5_000, {}, most=30)
    assert not refused(pieces)


def test_the_rest_is_not_asked_again_to_fail_again() -> None:
    _, model = sift(32, {31: ModelFailed})
    assert model.asked.count((30, 32)) == 0


@pytest.mark.parametrize("rows", [1, 2, 999])
def test_rows_that_all_raise_are_all_refused(rows: int) -> None:
    pieces, _ = sift(rows, dict.fromkeys(range(rows), ModelFailed))
    assert len(refused(pieces)) == rows


@pytest.mark.parametrize("rows", [1_000, 1_001, 50_000])
def test_a_model_that_always_raises_fails_the_call(rows: int) -> None:
    with pytest.raises(ModelFailed, match=r"it failed \(for all 1,0\d\d rows tried one by one\)"):
        sift(rows, dict.fromkeys(range(rows), ModelFailed))


def test_many_bad_rows_before_the_first_good_one_are_no_reason_to_stop() -> None:
    pieces, _ = sift(20_000, dict.fromkeys(range(5_000), ModelFailed))
    assert len(refused(pieces)) == 5_000


@pytest.mark.parametrize("kind", [ModelDied, ModelTimeout])
def test_a_model_that_always_dies_fails_the_call_soon(kind: type[ModelFailed]) -> None:
    model = Model(dict.fromkeys(range(65_536), kind), Pace(1 << 30))
    with pytest.raises(kind, match="for all 3 rows"):
        list(Sieve(65_536, model.ask, model.pace))
    assert len(model.asked) <= 9


def test_a_single_row_that_dies_is_tried_twice() -> None:
    pieces, model = sift(1, {0: ModelDied})
    assert refused(pieces) == {0: "poison: it failed"}
    assert model.asked == [(0, 1), (0, 1)]


def test_a_death_that_does_not_come_again_is_forgotten() -> None:
    deaths = iter([ModelDied("once")])
    pieces = list(Sieve(10, lambda start, stop: next(deaths, None) or [start, stop], Pace()))
    assert [piece.answer for piece in pieces] == [[0, 10]]


def test_restarts_are_bounded() -> None:
    with pytest.raises(ModelDied, match="had to be replaced 64 times"):
        sift(10_000, dict.fromkeys(range(0, 10_000, 100), ModelDied))


def test_what_ask_raises_ends_the_call() -> None:
    def ask(start: int, stop: int) -> Answer | ModelFailed:
        raise ModelFailed("cannot start")

    with pytest.raises(ModelFailed, match="cannot start"):
        list(Sieve(10, ask, Pace()))
