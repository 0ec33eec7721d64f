from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.predictors.external.exchange import Limits
from muster.predictors.external.transport.packing import Packing, slices

ROW = 100


def score(packing: Packing, seconds: Callable[[int], float], times: int = 60, row: int = ROW) -> list[int]:
    """Requests one after the other; how many rows each had."""
    sent = []
    for _ in range(times):
        rows = packing.rows
        assert packing.encoded(rows, rows * row)
        packing.answered(rows, rows * row, seconds(rows), 1)
        sent.append(rows)
    return sent


def limits(size: int = 1 << 30, seconds: float = 60.0, rows: int | None = None) -> Limits:
    return Limits(size, seconds, rows=rows)


def test_it_begins_small_and_grows_while_that_is_quicker() -> None:
    sent = score(Packing(limits()), lambda rows: 0.015 + 30e-6 * rows)
    assert sent[0] == 64
    assert sent == sorted(sent)
    assert 1_024 <= sent[-1] <= 16_384


def test_it_stays_where_more_brings_nothing() -> None:
    assert max(score(Packing(limits()), lambda rows: 0.001 * rows)) <= 256


def test_it_fills_no_more_than_most_of_the_bytes() -> None:
    sent = score(Packing(limits(100_000)), lambda rows: 0.1)
    assert max(sent[1:]) * ROW <= 80_000
    assert sent[-1] == 800


def test_it_keeps_the_endpoints_own_most_rows() -> None:
    assert score(Packing(limits(rows=10)), lambda rows: 0.1) == [10] * 60


def test_nearly_all_requests_take_a_quarter_of_the_time_that_they_may() -> None:
    sent = score(Packing(limits(seconds=8.0)), lambda rows: 0.5 + rows * 0.01, times=200)
    slow = [rows for rows in sent if 0.5 + rows * 0.01 > 2.0]
    assert len(slow) <= 10
    assert sent[-1] >= 64


def test_it_is_halved_where_requests_take_longer_than_they_should() -> None:
    packing = Packing(limits(seconds=4.0))
    packing.answered(64, 6_400, 1.5, 1)
    assert packing.rows == 64, "one is no rule"
    packing.answered(64, 6_400, 1.5, 1)
    assert packing.rows == 32


def test_a_request_that_is_not_answered_in_time_halves_it_for_a_while() -> None:
    packing = Packing(limits())
    for _ in range(4):
        packing.late(64)
    assert packing.rows == 32, "four that were under way are no reason for more"
    score(packing, lambda rows: 0.01, times=300)
    assert packing.rows > 64


def test_rows_that_were_too_many_are_not_sent_again() -> None:
    packing = Packing(limits())
    while packing.rows > 10:
        packing.too_large(packing.rows, packing.rows * ROW)
    assert max(score(packing, lambda rows: 0.01, times=300)) <= 10


def test_one_large_row_makes_no_other_request_smaller() -> None:
    packing = Packing(limits())
    score(packing, lambda rows: 0.01 * rows)
    before = packing.rows
    for rows in (before, 16, 4, 1):
        packing.too_large(rows, 5_000_000)
    assert packing.rows == before


def test_one_large_row_does_not_end_the_growth() -> None:
    packing = Packing(limits())
    packing.answered(64, 64 * ROW, 0.01, 1)
    packing.too_large(64, 5_000_000)
    packing.too_large(1, 4_990_000)
    assert max(score(packing, lambda rows: 0.01)) > 1_000


def test_many_small_rows_that_were_refused_say_nothing_of_bytes() -> None:
    packing = Packing(limits())
    packing.answered(64, 64 * ROW, 0.01, 1)
    packing.too_large(128, 32 * ROW)
    assert packing.encoded(64, 64 * 10 * ROW)
    assert packing.rows == 64


def test_too_many_bytes_are_not_sent() -> None:
    packing = Packing(limits(1_000))
    assert packing.encoded(10, 1_000)
    assert not packing.encoded(10, 1_001)
    assert packing.rows <= 8


@given(left=st.integers(1, 100_000), most=st.integers(1, 20_000), at_once=st.integers(1, 64))
def test_slices_are_even_and_never_too_large(left: int, most: int, at_once: int) -> None:
    rows = slices(left, most, at_once)
    assert 1 <= rows <= most
    count = -(-left // rows)
    assert left - (count - 1) * rows > 0
    if left >= 64 and most >= 64:
        assert rows >= min(left, most) // 8


@pytest.mark.parametrize(
    ("left", "most", "at_once", "rows"),
    [(1_000, 1_000, 4, 250), (60, 64, 4, 60), (8_192, 1_024, 6, 683), (10, 3, 1, 3)],
)
def test_what_may_fly_does(left: int, most: int, at_once: int, rows: int) -> None:
    assert slices(left, most, at_once) == rows
