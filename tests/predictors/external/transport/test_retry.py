from __future__ import annotations

from datetime import UTC, datetime

import pytest

from muster.predictors.external.transport.retry import Budget, Patience, Tries, Trouble, retry_after

NOW = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC)
PATIENCE = Patience()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("Sun, 29 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 29 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_what_a_reply_asks_to_wait(told: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": told}, lambda: NOW) == seconds
    assert retry_after({}) is None


def test_waits_are_spread_and_grow_up_to_the_cap() -> None:
    tries, waits = Tries(), []
    for _ in range(12):
        after = tries.failed("starting", 1, 0.0, None, PATIENCE)
        assert after.what == "wait"
        waits.append(after.seconds)
    assert all(0.0 <= wait <= min(20.0, 0.1 * 2**number) for number, wait in enumerate(waits))
    assert len(set(waits)) == 12
    longest = max(Tries().failed("throttled", 1, 0.0, None, Patience(begin=50.0)).seconds for _ in range(200))
    assert 15.0 < longest <= 20.0


def test_who_is_throttled_waits_no_longer_than_half_the_time_for_which_nobody_was_answered() -> None:
    often = Tries()
    for n in range(30):
        assert often.failed("throttled", 1, n / 2, n / 2 - 0.4, PATIENCE).seconds <= 0.2
    alone, longest = Tries(), 0.0
    for n in range(200):
        longest = max(longest, alone.failed("throttled", 1, float(n), None, PATIENCE).seconds)
    assert 10.0 < longest <= 20.0


@pytest.mark.parametrize(("trouble", "seconds"), [("throttled", 600), ("starting", 600), ("unavailable", 120)])
def test_patience_is_that_of_the_trouble(trouble: Trouble, seconds: float) -> None:
    tries = Tries()
    assert tries.failed(trouble, 1, 1_000.0, 0.0, PATIENCE).what == "wait"
    assert tries.failed(trouble, 1, 1_000.0 + seconds - 1, 0.0, PATIENCE).what == "wait"
    assert tries.failed(trouble, 1, 1_000.0 + seconds, 0.0, PATIENCE).what == "over"


def test_patience_begins_anew_while_others_are_answered() -> None:
    tries = Tries()
    tries.failed("throttled", 1, 0.0, None, PATIENCE)
    assert tries.failed("throttled", 1, 900.0, 800.0, PATIENCE).what == "wait"


def test_an_endpoint_that_never_answered_is_given_up_soon() -> None:
    tries = Tries()
    assert tries.failed("unavailable", 1, 0.0, None, PATIENCE).what == "wait"
    assert tries.failed("unavailable", 1, 16.0, None, PATIENCE).what == "over"
    starting = Tries()
    starting.failed("starting", 1, 0.0, None, PATIENCE)
    assert starting.failed("starting", 1, 500.0, None, PATIENCE).what == "wait"


def test_rows_are_suspected_when_they_fail_while_others_are_answered() -> None:
    tries = Tries()
    told = [tries.failed("unavailable", 8, float(n), n - 0.5, PATIENCE).what for n in range(1, 4)]
    assert told == ["wait", "wait", "smaller"]
    one = Tries()
    told = [one.failed("unavailable", 1, float(n), n - 0.5, PATIENCE).what for n in range(1, 7)]
    assert told == ["wait"] * 5 + ["bad"]


def test_halves_of_what_had_no_trouble_are_new() -> None:
    half = Tries().half()
    told = [half.failed("unavailable", 1, 100.0 + n, 50.0, PATIENCE).what for n in range(10)]
    assert set(told) == {"wait"}, "what was answered before it began is no sign"


def test_no_row_is_to_blame_while_nobody_is_answered() -> None:
    tries = Tries()
    assert {tries.failed("unavailable", 1, n / 10, -1.0, PATIENCE).what for n in range(100)} == {"wait"}


def test_what_is_not_answered_in_time_is_halved_at_once_and_not_again_for_nothing() -> None:
    tries = Tries()
    assert tries.failed("timeout", 8, 0.0, None, PATIENCE).what == "smaller"
    half = tries.half()
    assert half.failed("timeout", 4, 1.0, None, PATIENCE).what == "wait"
    assert half.failed("timeout", 4, 3.0, 2.0, PATIENCE).what == "smaller"
    assert half.half().failed("timeout", 2, 130.0, 2.0, PATIENCE).what == "over", "the trouble began with the whole"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_tries_again_are_rationed() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    free = 0
    while budget.take("unavailable") == 0.0:
        free += 1
    assert free == 35
    assert budget.take("unavailable") > 2.0
    clock.now += 60.0
    assert budget.take("unavailable") == 0.0


def test_what_is_throttled_while_others_are_answered_is_not_rationed() -> None:
    budget = Budget(tokens=0.0, clock=Clock())
    assert {budget.take("throttled", works=True) for _ in range(100)} == {0.0}
    assert budget.take("throttled") == 1.0


def test_answers_bring_tries_back_and_rejections_take_fewer() -> None:
    budget = Budget(tokens=10.0, clock=Clock())
    assert [budget.take("throttled") for _ in range(3)] == [0.0, 0.0, 1.0]
    for _ in range(10):
        budget.answered()
    assert budget.take("throttled") == 0.0
    for _ in range(1_000):
        budget.answered()
    assert [budget.take("throttled") for _ in range(3)] == [0.0, 0.0, 1.0], "no more than it holds"
