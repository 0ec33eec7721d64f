"""Caps that somebody set on an endpoint: requests a second, rows a second, money."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from muster.errors import SourceError

__all__ = ["Caps", "Rate", "Spend", "least", "used_up"]

_NOTHING = 1e-9
"""Less than this is what is left of additions."""

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
        """From now on, these; a bucket of another size is full."""
        with self._lock:
            for bucket, per_second in ((self._requests, caps.requests_per_second), (self._rows, caps.rows_per_second)):
                if per_second is not None and per_second != bucket.per_second:
                    bucket.held = max(1.0, per_second)
                bucket.hold(per_second, self._clock())

    def lend(self, per_second: float | None, tokens: float) -> None:
        """From now on so many requests a second, with so many more tokens; what was held stays, and what is owed, but without a cap."""
        with self._lock:
            self._requests.hold(per_second, self._clock())
            self._requests.held = 0.0 if per_second is None else self._requests.held + tokens

    def drain(self) -> float:
        """Let nothing pass, and give back what could be sent at once; below 0 what is owed."""
        with self._lock:
            self._requests.hold(0.0, self._clock())
            held, self._requests.held = self._requests.held, 0.0
            return held

    @property
    def per_second(self) -> float | None:
        """Of requests; None is no cap."""
        return self._requests.per_second

    @property
    def room(self) -> float:
        """For so many more tokens."""
        with self._lock:
            self._requests.fill(self._clock())
            return max(0.0, self._requests.most - self._requests.held)

    def take(self, rows: int) -> float:
        """0 if a request may be sent now, which then counts; else the seconds to wait before this is asked again."""
        with self._lock:
            wait = self._wait(rows)
            if wait <= 0:
                self._requests.take(1)
                self._rows.take(rows)
            return wait

    def wait(self, rows: int) -> float:
        """The seconds until a request may be sent."""
        with self._lock:
            return self._wait(rows)

    def _wait(self, rows: int) -> float:
        now = self._clock()
        return max(self._requests.wait(1, now), self._rows.wait(rows, now))


class _Bucket:
    def __init__(self, now: float) -> None:
        self.per_second: float | None = None
        self.held = 0.0
        self._at = now

    @property
    def most(self) -> float:
        return max(1.0, self.per_second or 0.0)

    def hold(self, per_second: float | None, now: float) -> None:
        self.fill(now)
        self.per_second = per_second

    def take(self, tokens: int) -> None:
        if self.per_second is not None:
            self.held -= tokens

    def fill(self, now: float) -> None:
        if self.per_second is not None:
            self.held = min(self.most, self.held + (now - self._at) * self.per_second)
        self._at = now

    def wait(self, tokens: int, now: float) -> float:
        """Seconds until there are so many."""
        if self.per_second is None:
            return 0.0
        self.fill(now)
        short = min(tokens, self.most) - self.held
        if short <= _NOTHING:
            return 0.0
        return short / self.per_second if self.per_second else math.inf


class Spend:
    """What an endpoint has cost, by its prices, while this process called it and had no part of the hub's caps."""

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
            if most is not None and self.spent + self.caps.call_price > most + _NOTHING:
                raise used_up(self._endpoint, self.spent, most)
            self._calls += 1

    def refund(self) -> None:
        """The endpoint did not take the request."""
        with self._lock:
            self._calls -= 1


def used_up(name: str, spent: float, cap: float) -> SourceError:
    """Worth resuming."""
    return SourceError(
        f"what may be spent on {name} is used up: {spent:,.2f} of {cap:,.2f}",
        hint="raise its cap `spend` (`muster connection add … --replace`) and resume; what was answered is not paid again",
        details={"resume": True, "spent": round(spent, 6), "cap": cap},
    )
