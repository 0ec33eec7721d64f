"""Lets so many requests to an endpoint through at once as it takes: first come, first served, over all threads of the process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from muster.predictors.external.transport.limit import Limit
from muster.predictors.external.transport.together import LOOK_SECONDS, Gate

__all__ = ["Limiter", "Permit"]

_IN_A_ROW = 4
"""After so many rejections with no answer between them, what the endpoint asks to wait holds for all."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to have one request in flight. `flying` were, this one among them, when it was given."""

    flying: int
    at: float


class Limiter:
    """Each permit is given back once, with what became of the request. Safe from several threads."""

    def __init__(self, limit: Limit, gate: Gate | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._gate = gate or Gate()
        """A ceiling that somebody set, which other endpoints may share."""
        self._limit, self._clock = limit, clock
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket] = deque()
        self._flying = 0
        self._paused = 0.0
        self._next = 0.0
        """When one more may be sent, where there is a gap between them."""
        self._rejected = 0

    @property
    def value(self) -> int:
        """How many may be in flight now."""
        most = self._gate.most
        return self._limit.value if most is None else max(1, min(most, self._limit.value))

    @property
    def flying(self) -> int:
        return self._flying

    def acquire(self, check: Callable[[], object]) -> Permit:
        """A permit, when it is this one's turn. `check` raises where the call is over; it is asked about every tenth of a second."""
        ticket = _Ticket()
        with self._lock:
            self._waiting.append(ticket)
            self._give()
        try:
            while not ticket.given.wait(self._pause()):
                check()
                with self._lock:
                    self._give()
        except BaseException:
            self._leave(ticket)
            raise
        assert ticket.permit is not None
        return ticket.permit

    def answered(self, permit: Permit, rows: int, seconds: float) -> None:
        with self._lock:
            self._rejected = 0
            self._limit.answered(permit.flying, rows, seconds)
            self._take()

    def throttled(self, permit: Permit, wait: float | None = None) -> None:
        """`wait` is what the endpoint asks for, in seconds."""
        with self._lock:
            now = self._clock()
            self._rejected += 1
            self._limit.throttled(permit.flying, now)
            self._next = now + self._limit.gap
            if wait is not None and self._rejected >= _IN_A_ROW:
                self._paused = max(self._paused, now + wait)
            self._take()

    def late(self, permit: Permit) -> None:
        """It failed in a way that less at once may mend."""
        with self._lock:
            self._limit.late(self._clock())
            self._take()

    def starting(self, permit: Permit) -> None:
        with self._lock:
            self._limit.starting()
            self._take()

    def refused(self, permit: Permit) -> None:
        """It works, and does not take these rows."""
        with self._lock:
            self._rejected = 0
            self._limit.starting(still=False)
            self._take()

    def release(self, permit: Permit) -> None:
        """It says nothing of how much the endpoint takes."""
        with self._lock:
            self._take()

    def _pause(self) -> float:
        left = max(self._paused, self._next if self._limit.gap else 0.0) - self._clock()
        return min(LOOK_SECONDS, max(0.001, left)) if left > 0 else LOOK_SECONDS

    def _take(self) -> None:
        self._flying -= 1
        self._gate.give()
        self._give()

    def _give(self) -> None:
        now = self._clock()
        if self._paused > now:
            return
        self._paused = 0.0
        if self._limit.gap and self._next > now:
            return
        while self._waiting and self._flying < self.value and self._gate.take():
            self._flying += 1
            self._waiting.popleft().give(Permit(self._flying, now))
            self._next = now + self._limit.gap

    def _leave(self, ticket: _Ticket) -> None:
        with self._lock:
            if ticket.permit is not None:
                self._take()
            else:
                self._waiting.remove(ticket)


class _Ticket:
    """A place in the queue."""

    def __init__(self) -> None:
        self.given = threading.Event()
        self.permit: Permit | None = None

    def give(self, permit: Permit) -> None:
        self.permit = permit
        self.given.set()
