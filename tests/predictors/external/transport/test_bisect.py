from __future__ import annotations

import math
import random
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import ModelFailed
from muster.predictors.external.transport.bisect import Piece, Sieve


class Asked:
    """An endpoint that refuses requests with bad rows; `at_once` are in flight, and come back in any order."""

    def __init__(self, rows: int, bad: AbstractSet[int], most: int, at_once: int = 1, seed: int = 0) -> None:
        self.bad, self.at_once, self.random = bad, at_once, random.Random(seed)
        self.sieve: Sieve[list[int]] = Sieve(rows, lambda start, stop: min(stop, start + most))
        self.calls: list[tuple[int, int]] = []

    def run(self) -> list[int | str]:
        """Every row, or why there is none."""
        flying: list[Piece] = []
        while not self.sieve.done:
            while len(flying) < self.at_once and (piece := self.sieve.next(0.0)) is not None:
                self.calls.append((piece.start, piece.stop))
                flying.append(piece)
            piece = flying.pop(self.random.randrange(len(flying)))
            if self.bad & set(range(piece.start, piece.stop)):
                self.sieve.refused(piece, f"refused from {piece.start}")
            else:
                self.sieve.answered(piece, list(range(piece.start, piece.stop)))
        told: list[int | str] = []
        for result in self.sieve.results():
            told += [result] if isinstance(result, str) else result
        return told


@given(
    rows=st.integers(1, 2_000),
    bad=st.sets(st.integers(0, 1_999), max_size=50),
    most=st.sampled_from([1, 3, 64, 500, 5_000]),
    at_once=st.integers(1, 8),
    seed=st.integers(0, 3),
)
def test_bad_rows_are_set_apart_and_all_others_come_in_order(
    rows: int, bad: set[int], most: int, at_once: int, seed: int
) -> None:
    bad = {row for row in bad if row < rows / 3}
    told = Asked(rows, bad, most, at_once, seed).run()
    assert told == [f"refused from {n}" if n in bad else n for n in range(rows)]


@given(rows=st.integers(1, 400), most=st.sampled_from([1, 7, 64, 400]), at_once=st.integers(1, 8), data=st.data())
def test_whatever_is_bad_no_bad_row_is_answered_and_no_row_is_lost(
    rows: int, most: int, at_once: int, data: st.DataObject
) -> None:
    bad = data.draw(st.sets(st.integers(0, rows - 1)))
    asked = Asked(rows, bad, most, at_once)
    try:
        told = asked.run()
    except ModelFailed:
        assert len(bad) >= rows / 4
        return
    assert len(told) == rows
    assert all(t == n or isinstance(t, str) for n, t in enumerate(told))
    assert all(isinstance(told[n], str) for n in bad)
    if len(bad) <= 64:
        assert [n for n, t in enumerate(told) if isinstance(t, str)] == sorted(bad)


@pytest.mark.parametrize("row", [0, 1, 4_095, 40_000, 65_535])
def test_one_bad_row_costs_two_requests_for_each_halving(row: int) -> None:
    asked = Asked(65_536, {row}, 65_536)
    assert asked.run()[row] == f"refused from {row}"
    assert len(asked.calls) <= 1 + 2 * math.log2(65_536)


@pytest.mark.parametrize("most", [1, 64, 8_192])
@pytest.mark.parametrize("at_once", [1, 8, 64])
def test_an_endpoint_that_refuses_everything_fails_the_call_soon(most: int, at_once: int) -> None:
    asked = Asked(65_536, frozenset(range(65_536)), most, at_once)
    with pytest.raises(ModelFailed, match=r"refused from \d+ \(for all of \d\d rows that were tried alone\)"):
        asked.run()
    assert len(asked.calls) <= 2 * at_once + 2 * math.log2(most) + 24


def test_bad_rows_at_the_beginning_are_no_reason_to_give_up() -> None:
    told = Asked(4_096, frozenset(range(60)), 64).run()
    assert [n for n, t in enumerate(told) if isinstance(t, str)] == list(range(60))


def test_an_endpoint_that_refuses_most_is_paid_for_no_more_halves() -> None:
    bad = frozenset(n for n in range(20_000) if n % 10)
    asked = Asked(20_000, bad, 100)
    told = asked.run()
    assert len(asked.calls) < 200 + 400
    assert all(isinstance(told[n], str) for n in bad)
    assert str(told[-1]).endswith(" rows; of those asked alone, most were refused)")


def test_rows_that_are_answered_together_count_also_where_most_are_refused() -> None:
    bad = frozenset(range(15_000))
    told = Asked(20_000, bad, 100).run()
    assert {n for n, t in enumerate(told) if not isinstance(t, str)} >= set(range(15_100, 20_000))


def test_a_request_that_waits_is_not_sent_before_its_time() -> None:
    sieve: Sieve[int] = Sieve(10, lambda start, stop: min(stop, start + 5))
    piece, other = sieve.next(0.0), sieve.next(0.0)
    assert piece is not None
    assert other is not None
    sieve.again(piece, 7.0)
    assert sieve.next(6.9) is None
    assert sieve.due(5.0) == 2.0
    assert sieve.next(7.0) is piece
    sieve.answered(other, 2)
    sieve.answered(piece, 1)
    assert sieve.results() == [1, 2]


def test_nothing_is_done_with_nothing() -> None:
    assert Sieve[int](0, lambda start, stop: stop).done
