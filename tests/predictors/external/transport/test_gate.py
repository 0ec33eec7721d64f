"""Who may send next: in turn over all endpoints of a connection, and never more in a second than may be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from muster.predictors.external.transport.gate import Gate, Line
from muster.predictors.external.transport.limit import Limit
from muster.predictors.external.transport.limiter import Limiter
from muster.predictors.external.transport.rate import Caps, Rate


def patient(seconds: float = 30.0) -> Callable[[], object]:
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise TimeoutError

    return check


def impatient() -> None:
    raise TimeoutError


def test_the_second_endpoint_and_a_probe_get_their_turns() -> None:
    gate = Gate(1)
    busy, other, probe = Limiter(Limit(4, 4), gate), Limiter(Limit(4, 4), gate), Line(gate)
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            busy.release(busy.acquire(patient()))

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask) for _ in range(4)]
        try:
            for _ in range(200):
                other.release(other.acquire(patient()))
                probe.acquire(patient())
                probe.give()
        finally:
            over.set()
        for ended in asking:
            ended.result()
    assert gate.flying == 0


def test_who_came_first_goes_first_whatever_it_asks() -> None:
    gate = Gate(1)
    lines = [Limiter(Limit(1, 1), gate), Line(gate), Limiter(Limit(1, 1), gate), Line(gate)]
    held = Line(gate)
    held.acquire(patient())
    order: list[int] = []

    def waiting() -> int:
        return sum(len(line.waiting) for line in lines)

    def wait(number: int) -> None:
        lines[number].acquire(patient())
        order.append(number)
        lines[number].give()

    came = [2, 0, 2, 3, 0, 1]
    with ThreadPoolExecutor(len(came)) as threads:
        for number in came:
            before, check = waiting(), patient()
            threads.submit(wait, number)
            while waiting() == before:
                check()
        held.give()
    assert order == came


def test_an_endpoint_that_takes_no_more_holds_up_no_other() -> None:
    gate = Gate(2)
    full, other = Limiter(Limit(1, 1), gate), Line(gate)
    full.acquire(patient())
    waits, over = threading.Event(), threading.Event()

    def check() -> None:
        waits.set()
        if over.is_set():
            raise TimeoutError

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(full.acquire, check)
        assert waits.wait(30)
        other.acquire(patient())
        over.set()
        with pytest.raises(TimeoutError):
            asking.result()


def test_what_the_rate_allows_is_not_taken_before_there_is_a_place() -> None:
    """Else all that waited for a long request would be sent at once after it."""
    clock = [100.0]
    gate = Gate(1, rate=Rate(Caps(requests_per_second=2.0), lambda: clock[0]), clock=lambda: clock[0])
    line = Line(gate)
    line.acquire(patient(), 1)
    for _ in range(20):
        clock[0] += 0.5
        with pytest.raises(TimeoutError):
            line.acquire(impatient, 1)
    line.give()
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 20:
            line.acquire(impatient, 1)
            line.give()
            sent += 1
    assert sent == 2
    line.acquire(impatient)
    line.give()
    clock[0] += 0.5
    line.acquire(impatient, 1)


def test_no_place_is_held_by_who_waits_for_the_rate() -> None:
    gate = Gate(1, rate=Rate(Caps(requests_per_second=0.001)))
    line = Line(gate)
    line.acquire(patient(), 1)
    line.give()
    with pytest.raises(TimeoutError):
        line.acquire(impatient, 1)
    assert gate.flying == 0
    line.acquire(impatient)


def test_who_waits_is_let_through_once_more_is_lent_and_not_after_its_time() -> None:
    gate = Gate(0, 0.0)
    line = Line(gate)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(line.acquire, patient())
        gate.lend(1, time.monotonic() + 60)
        assert waiting.result(30).flying == 1
    line.give()
    gate.lend(1, time.monotonic())
    with pytest.raises(TimeoutError):
        line.acquire(impatient)


def test_a_place_that_was_given_to_who_gives_up_is_free_again() -> None:
    gate = Gate(1)
    line = Line(gate)

    def give_up_as_it_comes() -> None:
        held.give()
        raise TimeoutError

    held = Line(gate)
    held.acquire(patient())
    with pytest.raises(TimeoutError):
        line.acquire(give_up_as_it_comes)
    assert gate.flying == line.flying == 0
