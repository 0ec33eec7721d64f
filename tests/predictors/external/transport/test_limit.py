from __future__ import annotations

import heapq
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest

from muster.errors import RunCancelled
from muster.predictors.external.transport.gate import Gate, Permit
from muster.predictors.external.transport.limit import Limit
from muster.predictors.external.transport.limiter import Limiter


class Endpoint:
    """In virtual time: `workers` that take `seconds` for a request, and from `most` in flight on a rejection after a hundredth."""

    def __init__(self, workers: int, most: int, seconds: float = 0.05) -> None:
        self.workers, self.most, self.seconds = workers, most, seconds
        self.now = 0.0
        self.answered = self.rejected = self.flying = 0

    def run(self, limit: Limit, until: float, rows: int = 100) -> None:
        """Requests without end, as many at once as the limit allows."""
        ends: list[tuple[float, int, int, bool]] = []
        free, waiting, number = self.workers, deque[tuple[float, int]](), 0
        mine = 0
        while self.now < until:
            while mine < limit.value:
                mine, number = mine + 1, number + 1
                if self.flying >= self.most:
                    heapq.heappush(ends, (self.now + 0.01, number, mine, False))
                else:
                    self.flying += 1
                    waiting.append((self.now, mine))
            while free and waiting:
                began, flying = waiting.popleft()
                free -= 1
                number += 1
                heapq.heappush(ends, (self.now + self.seconds, number, flying, True))
                self.began[number] = began
            self.now, number_ended, flying, good = heapq.heappop(ends)
            mine -= 1
            if good:
                free, self.flying, self.answered = free + 1, self.flying - 1, self.answered + 1
                limit.answered(flying, rows, self.now - self.began.pop(number_ended))
            else:
                self.rejected += 1
                limit.throttled(flying, self.now)
        for _, _, _, good in ends:
            self.flying -= good
        self.flying -= len(waiting)

    began: dict[int, float]

    def share(self, limit: Limit, seconds: float) -> float:
        """Of what its workers could answer in that time."""
        self.began, before = {}, self.answered
        self.run(limit, self.now + seconds)
        return (self.answered - before) / (seconds / self.seconds * min(self.workers, self.most))


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (4, 8), (8, 8), (3, 4), (30, 30), (64, 64), (64, 200)])
def test_nearly_all_that_an_endpoint_can_is_used_and_little_is_rejected(workers: int, most: int) -> None:
    endpoint, limit = Endpoint(workers, most), Limit(4, 64)
    endpoint.share(limit, 3.0)
    before = endpoint.rejected
    assert endpoint.share(limit, 60.0) >= 0.95
    assert (endpoint.rejected - before) / endpoint.answered < 0.01


def test_all_is_found_within_seconds() -> None:
    assert Endpoint(8, 8).share(Limit(4, 64), 10.0) >= 0.95
    assert Endpoint(64, 64).share(Limit(4, 64), 10.0) >= 0.85


def test_requests_that_would_only_wait_are_not_sent() -> None:
    endpoint, limit = Endpoint(4, 1_000), Limit(4, 64)
    assert endpoint.share(limit, 5.0) >= 0.95
    assert limit.value <= 8


def test_what_others_leave_is_found_and_what_they_take_is_left() -> None:
    endpoint, limit = Endpoint(40, 40), Limit(4, 64)
    endpoint.share(limit, 10.0)
    assert limit.value >= 38
    endpoint.most = endpoint.workers = 6
    endpoint.share(limit, 2.0)
    assert endpoint.share(limit, 20.0) >= 0.95
    assert limit.value <= 7
    endpoint.most = endpoint.workers = 40
    endpoint.share(limit, 60.0)
    assert limit.value >= 38


def test_it_starts_as_told_and_never_goes_beyond_the_most() -> None:
    assert Limit(4, 64).value == 4
    limit = Limit(10, 5)
    for _ in range(1_000):
        limit.answered(limit.value, 100, 0.01)
    assert limit.value == 5


def test_it_does_not_rise_where_it_is_not_used() -> None:
    limit = Limit(4, 64)
    for _ in range(1_000):
        limit.answered(1, 100, 0.01)
    assert limit.value == 4


def test_a_drop_counts_once_a_round_trip() -> None:
    limit = Limit(20, 64)
    limit.answered(1, 1, 1.0)
    assert [limit.throttled(20, 10.0 + n / 10) for n in range(12)] == [True] + 9 * [False] + [True, False]
    limit = Limit(20, 64)
    assert limit.late(1.0)
    assert not limit.late(1.01)
    assert limit.value == 18


def test_while_it_starts_one_asks() -> None:
    limit = Limit(8, 64)
    limit.starting()
    assert limit.value == 1
    limit.answered(1, 1, 0.1)
    assert limit.value == 8


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def never() -> None:
    pass


def test_permits_are_given_in_turn() -> None:
    limiter = Limiter(Limit(1, 1))
    first = limiter.acquire(never)
    order: list[int] = []
    lock = threading.Lock()
    asking = threading.Semaphore(0)

    def work(number: int) -> None:
        permit = limiter.acquire(asking.release)
        with lock:
            order.append(number)
        limiter.release(permit)

    with ThreadPoolExecutor(3) as threads:
        for number in range(3):
            threads.submit(work, number)
            assert asking.acquire(timeout=5)
        limiter.release(first)
    assert order == [0, 1, 2]


def test_never_more_fly_than_may_and_none_is_lost() -> None:
    limiter, lock = Limiter(Limit(4, 4), Gate(3)), threading.Lock()
    flying = most = done = 0

    def work(number: int) -> None:
        nonlocal flying, most, done
        permit = limiter.acquire(never)
        with lock:
            flying += 1
            most = max(most, flying)
        with lock:
            flying, done = flying - 1, done + 1
        end(limiter, permit, number)

    with ThreadPoolExecutor(16) as threads:
        for ended in [threads.submit(work, n) for n in range(400)]:
            ended.result()
    assert most <= 3
    assert (done, limiter.flying) == (400, 0)


def end(limiter: Limiter, permit: Permit, number: int) -> None:
    match number % 4:
        case 0:
            limiter.answered(permit, 1, 0.01)
        case 1:
            limiter.throttled(permit)
        case 2:
            limiter.late(permit)
        case _:
            limiter.release(permit)


def test_who_gives_up_waiting_takes_no_place() -> None:
    limiter = Limiter(Limit(1, 1))
    held = limiter.acquire(never)

    def over() -> None:
        raise RunCancelled("the prediction was cancelled")

    with pytest.raises(RunCancelled):
        limiter.acquire(over)
    limiter.release(held)
    assert limiter.flying == 0
    limiter.release(limiter.acquire(never))


def test_what_the_endpoint_asks_to_wait_holds_for_all_once_it_rejects_everything() -> None:
    clock = Clock()
    limiter = Limiter(Limit(8, 8), Gate(clock=clock))
    for _ in range(3):
        limiter.throttled(limiter.acquire(never), 30.0)
    limiter.throttled(limiter.acquire(never), 30.0)

    def later() -> None:
        clock.now += 10.0

    limiter.acquire(later)
    assert clock.now >= 130.0


def test_one_rejection_holds_nobody() -> None:
    limiter = Limiter(Limit(8, 8), Gate(clock=Clock()))
    limiter.throttled(limiter.acquire(never), 30.0)
    limiter.acquire(pytest.fail)
