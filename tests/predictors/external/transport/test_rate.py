from __future__ import annotations

import math

import pytest

from muster.errors import SourceError
from muster.predictors.external.transport.rate import Caps, Rate, Spend


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sent_within(rate: Rate, clock: Clock, seconds: float, rows: int) -> int:
    """How many requests a caller sends that does as it is told."""
    until, sent = clock.now + seconds, 0
    while True:
        while (wait := rate.take(rows)) > 0:
            clock.now += wait
        if clock.now >= until:
            return sent
        sent += 1


def test_without_caps_nobody_waits() -> None:
    assert Rate(Caps(), Clock()).take(1_000_000) == 0.0


@pytest.mark.parametrize("per_second", [0.5, 1.0, 7.0])
def test_requests_a_second(per_second: float) -> None:
    clock = Clock()
    sent = sent_within(Rate(Caps(requests_per_second=per_second), clock), clock, 100.0, 1)
    assert 100 * per_second - 1 <= sent <= 101 * per_second + 1


@pytest.mark.parametrize("rows", [1, 50, 1_000])
def test_rows_a_second_also_in_requests_of_more(rows: int) -> None:
    clock = Clock()
    sent = sent_within(Rate(Caps(rows_per_second=100.0), clock), clock, 100.0, rows)
    assert 10_000 - rows <= sent * rows <= 10_100 + rows


def test_both_caps_hold() -> None:
    clock = Clock()
    rate = Rate(Caps(requests_per_second=10.0, rows_per_second=20.0), clock)
    assert sent_within(rate, clock, 100.0, 10) <= 210


def test_no_more_is_spent_than_may_be() -> None:
    spend = Spend(Caps(money=1.0, call_price=0.3), "scores/churn", Clock())
    for _ in range(3):
        spend.charge()
    with pytest.raises(SourceError, match=r"spent on scores/churn is used up: 0.90 of 1.00") as caught:
        spend.charge()
    assert caught.value.details["resume"] is True
    spend.refund()
    spend.charge()


def test_an_endpoint_that_is_paid_by_the_hour() -> None:
    clock = Clock()
    spend = Spend(Caps(money=5.0, hour_price=2.0), "scores", clock)
    spend.charge()
    clock.now += 3600 * 2.4
    spend.charge()
    assert spend.spent == pytest.approx(4.8)
    clock.now += 3600 * 0.2
    with pytest.raises(SourceError):
        spend.charge()


def test_without_a_cap_is_only_counted() -> None:
    spend = Spend(Caps(call_price=0.5), "scores", Clock())
    for _ in range(4):
        spend.charge()
    assert spend.spent == 2.0


def test_caps_can_be_changed_while_they_hold() -> None:
    clock = Clock()
    rate = Rate(Caps(), clock)
    rate.keep(Caps(requests_per_second=2.0))
    assert [rate.take(1) for _ in range(3)] == [0.0, 0.0, 0.5]
    rate.keep(Caps(requests_per_second=2.0, rows_per_second=10.0))
    assert rate.take(1) == 0.5, "what was used stays used"
    rate.keep(Caps())
    assert rate.take(1) == 0.0


def test_a_part_that_is_lent_begins_with_what_comes_with_it() -> None:
    clock = Clock()
    rate = Rate(Caps(), clock)
    rate.lend(0.0, 0.0)
    assert rate.take(1) == math.inf
    rate.lend(4.0, 1.0)
    assert [rate.take(1) for _ in range(2)] == [0.0, 0.25]
    clock.now += 100
    assert rate.room == 0.0
    rate.lend(2.0, 0.0)
    assert [rate.take(1) for _ in range(3)] == [0.0, 0.0, 0.5], "what is more than a second brings is gone"
    clock.now += 0.25
    assert rate.drain() == pytest.approx(0.5)
    clock.now += 100
    assert rate.take(1) == math.inf


def test_the_tightest_caps_hold() -> None:
    one, other = Caps(requests_per_second=3.0, money=5.0, call_price=0.1), Caps(requests_per_second=2.0, hour_price=1.0)
    both = Caps(requests_per_second=2.0, money=5.0, call_price=0.1, hour_price=1.0)
    assert one.tightest(other) == other.tightest(one) == both
