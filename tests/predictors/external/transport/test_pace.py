"""Requests that go one by one and are rejected all the same: in virtual time, 30 ms an answer and 10 ms a rejection."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from muster.predictors.external.transport.gate import Gate, Permit
from muster.predictors.external.transport.limit import Limit
from muster.predictors.external.transport.limiter import Limiter

ANSWER, REJECTION = 0.03, 0.01


class Line:
    """`takes` tells whether the endpoint takes a request at a time."""

    def __init__(self, takes: Callable[[float], bool]) -> None:
        self.takes, self.limit = takes, Limit(1, 64)
        self.now = 0.0
        self.answered = self.rejected = 0

    def ask(self) -> None:
        if self.takes(self.now):
            self.now += ANSWER
            self.answered += 1
            self.limit.answered(1, 1, ANSWER)
        else:
            self.now += REJECTION
            self.rejected += 1
            self.limit.throttled(1, self.now)
        self.now += self.limit.gap


class Quota:
    """So many a second, and as many at once after a while."""

    def __init__(self, rate: float) -> None:
        self.rate, self.held, self.at = rate, rate, 0.0

    def __call__(self, now: float) -> bool:
        self.held, self.at = min(max(1.0, self.rate), self.held + (now - self.at) * self.rate), now
        self.held -= (taken := self.held >= 1)
        return taken


@pytest.mark.parametrize(("rate", "answers"), [(15.0, 1_000), (10.0, 500), (2.0, 200)])
def test_a_quota_is_used_up_and_hardly_ever_exceeded(rate: float, answers: int) -> None:
    line = Line(Quota(rate))
    while line.answered < answers:
        line.ask()
    assert line.now < 1.2 * answers / rate
    assert line.rejected - 40 < 0.15 * answers, "but for the first, which are counted"


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_share_that_is_rejected_whatever_one_does_is_not_waited_for(share: float) -> None:
    chance = random.Random(3)  # the same at each run
    line = Line(lambda now: chance.random() >= share)
    while line.answered + line.rejected < 4_000:
        line.ask()
    asked = line.answered * ANSWER + line.rejected * REJECTION
    assert line.now < 4 * asked, "most of the time nothing was waited for"


def test_a_small_share_is_borne() -> None:
    chance = random.Random(4)  # the same at each run
    line = Line(lambda now: chance.random() >= 0.1)
    while line.answered + line.rejected < 4_000:
        line.ask()
        assert line.limit.gap == 0


def test_an_endpoint_that_takes_nothing_is_asked_once_a_second() -> None:
    line = Line(lambda now: False)
    while line.now < 100:
        line.ask()
    assert 90 < line.rejected < 150
    line.takes = lambda now: True
    line.answered, began = 0, line.now
    while line.answered < 1_000:
        line.ask()
    assert line.limit.gap == 0, "and as before, once it takes all"
    assert line.now - began < 250


def test_who_waits_for_a_permit_waits_for_the_gap() -> None:
    now = 0.0
    limiter = Limiter(Limit(1, 1), Gate(clock=lambda: now))

    def give_up() -> None:
        raise TimeoutError

    for _ in range(40):
        permit = limiter.acquire(give_up)
        now += REJECTION
        limiter.throttled(permit)
        now += 2.0
    permit = limiter.acquire(give_up)
    limiter.throttled(permit)
    with pytest.raises(TimeoutError):
        limiter.acquire(give_up)
    now += 0.9
    with pytest.raises(TimeoutError):
        limiter.acquire(give_up)
    now += 0.2
    assert limiter.acquire(give_up) == Permit(1, now)
