"""Numbers, times and names as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.cli.text import clean, count, cut, duration, exact, listed, scalar, size, when, width

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


def test_numbers_are_grouped() -> None:
    assert [count(n) for n in (0, 999, 1_000, 28_243)] == ["0", "999", "1,000", "28,243"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.0 s"),
        (0.0001, "1 ms"),
        (0.031, "31 ms"),
        (0.12, "0.1 s"),
        (4.06, "4.1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 B"), (999_999, "1.0 MB"), (1_000, "1.0 kB"), (3_200_000, "3.2 MB"), (123_456_789, "123 MB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_sizes(number: int, told: str) -> None:
    assert size(number) == told


@pytest.mark.parametrize(
    ("ago", "told"),
    [(0, "now"), (5, "5 s ago"), (180, "3 min ago"), (7_300, "2 h ago"), (86_400, "1 day ago"), (4 * 86_400, "4 days ago"),
     (40 * 86_400, "2026-02-03"), (-60, "2026-03-15")],
)  # fmt: skip
def test_times_are_told_from_now(ago: int, told: str) -> None:
    assert when(NOW - timedelta(seconds=ago), NOW) == told


def test_exact_times_are_in_utc() -> None:
    assert exact(datetime.fromisoformat("2026-03-01T13:00:00+01:00")) == "2026-03-01T12:00:00Z"


def test_nothing_known_and_zero_look_apart() -> None:
    assert [scalar(v) for v in (None, "", 0, False, 0.0)] == ["–", "–", "0", "false", "0.0"]


def test_lists_say_how_many_there_are() -> None:
    assert listed([]) == "–"
    assert listed(["no", "yes"]) == "no, yes"
    assert listed(range(2_000), 3) == "0, 1, 2, … 2,000 in all"


def test_the_middle_of_a_name_goes() -> None:
    assert cut("customer-churn-north", 9) == "cust…orth"
    assert cut("模型一二三四五", 7) == "模…五"
    assert cut("short", 5) == "short"


@given(st.text(), st.integers(1, 40))
def test_what_is_cut_fits(text: str, most: int) -> None:
    shown = cut(clean(text), most)
    assert width(shown) <= most
    assert shown == clean(text) or "…" in shown


@given(st.text())
def test_nothing_steers_the_terminal(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)


def test_a_narrow_space_is_a_space() -> None:
    assert clean("0.5\u202f% of 1\u2009000\u00a0rows\u200b") == "0.5 % of 1 000 rows�"
