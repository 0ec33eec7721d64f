"""Lets so many requests to an endpoint through at once as it takes: first come, first served, over all threads of the process."""

from __future__ import annotations

import math

from muster.predictors.external.transport.gate import Gate, Line, Permit
from muster.predictors.external.transport.limit import Limit

__all__ = ["Limiter"]

_IN_A_ROW = 4
"""After so many rejections with no answer between them, what the endpoint asks to wait holds for all."""


class Limiter(Line):
    """Each permit is given back once, with what became of the request. Safe from several threads.

    The gate is a ceiling that somebody set, which other endpoints may share.
    """

    def __init__(self, limit: Limit, gate: Gate | None = None) -> None:
        super().__init__(gate or Gate())
        self._limit, self._clock, self._lock = limit, self.gate.clock, self.gate.lock
        self._paused = 0.0
        self._next = 0.0
        """When one more may be sent, where there is a gap between them."""
        self._rejected = 0

    @property
    def value(self) -> int:
        """How many may be in flight now."""
        most = self.gate.most
        return self._limit.value if most is None else max(1, min(most, self._limit.value))

    def answered(self, permit: Permit, rows: int, seconds: float) -> None:
        with self._lock:
            self._rejected = 0
            self._limit.answered(permit.flying, rows, seconds)
            self.give()

    def throttled(self, permit: Permit, wait: float | None = None) -> None:
        """`wait` is what the endpoint asks for, in seconds."""
        with self._lock:
            now = self._clock()
            self._rejected += 1
            self._limit.throttled(permit.flying, now)
            self._next = now + self._limit.gap
            if wait is not None and self._rejected >= _IN_A_ROW:
                self._paused = max(self._paused, now + wait)
            self.give()

    def late(self, permit: Permit) -> None:
        """It failed in a way that less at once may mend."""
        with self._lock:
            self._limit.late(self._clock())
            self.give()

    def starting(self, permit: Permit) -> None:
        with self._lock:
            self._limit.starting()
            self.give()

    def refused(self, permit: Permit) -> None:
        """It works, and does not take these rows."""
        with self._lock:
            self._rejected = 0
            self._limit.starting(still=False)
            self.give()

    def release(self, permit: Permit) -> None:
        """It says nothing of how much the endpoint takes."""
        self.give()

    def pause(self) -> float:
        left = max(self._paused, self._next if self._limit.gap else 0.0) - self._clock()
        return left if left > 0 else math.inf if self._flying >= self.value else 0.0

    def took(self) -> Permit:
        permit = super().took()
        self._next = permit.at + self._limit.gap
        return permit
