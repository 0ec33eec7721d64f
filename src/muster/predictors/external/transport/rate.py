"""Caps that somebody set on an endpoint: requests a second, rows a second, money."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from muster.errors import SourceError

__all__ = ["Caps", "Rate", "Spend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """None is no cap. `money` is spent at `call_price` for each request that the endpoint took, and `hour_price` from the first to now."""

    requests_per_second: float | None = None
    rows_per_second: float | None = None
    money: float | None = None
    call_price: float = 0.0
    hour_price: float = 0.0


class Rate:
    """Token buckets that hold what one second brings. What is larger than a bucket goes when it is full, and leaves a debt."""

    def __init__(self, caps: Caps, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        wanted = (caps.requests_per_second, caps.rows_per_second)
        self._requests, self._rows = (None if r is None else _Bucket(r, clock()) for r in wanted)

    def reserve(self, rows: int) -> float:
        """Take the place of a request; the seconds until it may be sent."""
        with self._lock:
            now = self._clock()
            waits = [b.take(n, now) for b, n in ((self._requests, 1), (self._rows, rows)) if b is not None]
        return max(waits, default=0.0)


class _Bucket:
    def __init__(self, per_second: float, now: float) -> None:
        self._per_second, self._most = per_second, max(1.0, per_second)
        self._held, self._at = self._most, now

    def take(self, tokens: int, now: float) -> float:
        self._held = min(self._most, self._held + (now - self._at) * self._per_second)
        self._at = now
        wait = max(0.0, (min(tokens, self._most) - self._held) / self._per_second)
        self._held -= tokens
        return wait


class Spend:
    """What an endpoint has cost, by its prices, while this process called it."""

    def __init__(self, caps: Caps, endpoint: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._caps, self._endpoint, self._clock = caps, endpoint, clock
        self._lock = threading.Lock()
        self._calls = 0
        self._began: float | None = None

    @property
    def spent(self) -> float:
        hours = 0.0 if self._began is None else (self._clock() - self._began) / 3600
        return self._calls * self._caps.call_price + hours * self._caps.hour_price

    def charge(self) -> None:
        """Pay for a request that is about to be sent; SourceError, worth resuming, where that would be more than may be spent."""
        with self._lock:
            self._began = self._clock() if self._began is None else self._began
            most = self._caps.money
            if most is not None and self.spent + self._caps.call_price > most:
                raise SourceError(
                    f"what may be spent on {self._endpoint} is used up: {self.spent:,.2f} of {most:,.2f}",
                    hint="raise the cap; what was answered is not paid again",
                    details={"resume": True, "spent": round(self.spent, 6), "cap": most},
                )
            self._calls += 1

    def refund(self) -> None:
        """The endpoint did not take the request."""
        with self._lock:
            self._calls -= 1
