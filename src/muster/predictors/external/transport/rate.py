"""Caps that somebody set on an endpoint: requests a second, rows a second, money."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from muster.errors import SourceError

__all__ = ["Caps", "Rate", "Spend", "least"]

T = TypeVar("T", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """None is no cap. `money` is spent at `call_price` for each request that the endpoint took, and `hour_price` from the first to now."""

    requests_per_second: float | None = None
    rows_per_second: float | None = None
    money: float | None = None
    call_price: float = 0.0
    hour_price: float = 0.0

    def tightest(self, other: Caps) -> Caps:
        """What keeps both."""
        return Caps(
            requests_per_second=least(self.requests_per_second, other.requests_per_second),
            rows_per_second=least(self.rows_per_second, other.rows_per_second),
            money=least(self.money, other.money),
            call_price=max(self.call_price, other.call_price),
            hour_price=max(self.hour_price, other.hour_price),
        )


def least(one: T | None, other: T | None) -> T | None:
    """None is no cap."""
    return min((n for n in (one, other) if n is not None), default=None)


class Rate:
    """Token buckets that hold what one second brings. What is larger than a bucket goes when it is full, and leaves a debt."""

    def __init__(self, caps: Caps, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._requests, self._rows = _Bucket(clock()), _Bucket(clock())
        self.keep(caps)

    def keep(self, caps: Caps) -> None:
        """From now on, these."""
        with self._lock:
            self._requests.hold(caps.requests_per_second)
            self._rows.hold(caps.rows_per_second)

    def reserve(self, rows: int) -> float:
        """Take the place of a request; the seconds until it may be sent."""
        with self._lock:
            now = self._clock()
            return max(self._requests.take(1, now), self._rows.take(rows, now))


class _Bucket:
    def __init__(self, now: float) -> None:
        self._per_second: float | None = None
        self._most = self._held = 0.0
        self._at = now

    def hold(self, per_second: float | None) -> None:
        """A bucket of another size is full."""
        if per_second is not None and per_second != self._per_second:
            self._most = self._held = max(1.0, per_second)
        self._per_second = per_second

    def take(self, tokens: int, now: float) -> float:
        if self._per_second is None:
            return 0.0
        self._held = min(self._most, self._held + (now - self._at) * self._per_second)
        self._at = now
        wait = max(0.0, (min(tokens, self._most) - self._held) / self._per_second)
        self._held -= tokens
        return wait


class Spend:
    """What an endpoint has cost, by its prices, while this process called it."""

    def __init__(self, caps: Caps, endpoint: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.caps = caps
        self._endpoint, self._clock = endpoint, clock
        self._lock = threading.Lock()
        self._calls = 0
        self._began: float | None = None

    @property
    def spent(self) -> float:
        hours = 0.0 if self._began is None else (self._clock() - self._began) / 3600
        return self._calls * self.caps.call_price + hours * self.caps.hour_price

    def charge(self) -> None:
        """Pay for a request that is about to be sent; SourceError, worth resuming, where that would be more than may be spent."""
        with self._lock:
            self._began = self._clock() if self._began is None else self._began
            most = self.caps.money
            if most is not None and self.spent + self.caps.call_price > most:
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
