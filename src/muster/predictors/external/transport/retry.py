"""Whether, when and how a request that failed is tried again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

__all__ = ["Budget", "Next", "Patience", "Tries", "Trouble", "retry_after"]

Trouble: TypeAlias = Literal["throttled", "starting", "unavailable", "timeout"]
"""What may pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds for which a request is tried again while the endpoint answers nobody, by the trouble.

    `first` holds for an endpoint that has never answered: its address may be wrong.
    """

    throttled: float = 600.0
    starting: float = 600.0
    unavailable: float = 120.0
    timeout: float = 120.0
    first: float = 15.0
    begin: float = 0.1
    cap: float = 20.0

    def of(self, trouble: Trouble) -> float:
        return {
            "throttled": self.throttled,
            "starting": self.starting,
            "unavailable": self.unavailable,
            "timeout": self.timeout,
        }[trouble]


def retry_after(headers: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """What a reply asks to wait, given in seconds or as a date; None where it says nothing that can be read."""
    told = headers.get("retry-after", "").strip()
    if told.replace(".", "", 1).isdecimal():
        return float(told)
    try:
        date = parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now()).total_seconds())


class Budget:
    """How many tries again an endpoint is asked to bear, of all threads together: what is taken comes back with answers, and with time."""

    def __init__(
        self, tokens: float = 500.0, per_second: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._per_second, self._clock = tokens, per_second, clock
        self._held, self._at = tokens, clock()
        self._lock = threading.Lock()

    def take(self, trouble: Trouble, *, works: bool = False) -> float:
        """The seconds until a try again may be sent. Where the endpoint works, one that fails for its rows is no burden to it.

        Neither is one that is throttled: how many there are is learnt from that.
        """
        if works and trouble == "throttled":
            return 0.0
        with self._lock:
            now = self._clock()
            self._held = min(self._most, self._held + (now - self._at) * self._per_second)
            self._at = now
            self._held -= 1 if works else 5 if trouble == "throttled" else 14
            return max(0.0, -self._held / self._per_second)

    def answered(self) -> None:
        with self._lock:
            self._held = min(self._most, self._held + 1)


@dataclass(frozen=True, slots=True)
class Next:
    """`wait`: try again after so many seconds. `smaller`: in two halves, now. `bad`: this row is to blame. `over`: give up."""

    what: Literal["wait", "smaller", "bad", "over"]
    seconds: float = 0.0


_SUSPECT, _GUILTY, _HANGS = 3, 6, 3
"""Failures in a row while the endpoint answers others: from which on some rows are suspected, and one row alone is to blame."""


class Tries:
    """What one request has been through. Times are those of the clock that is given with each failure."""

    def __init__(self, since: float | None = None, halved: float | None = None) -> None:
        """`since` is when the trouble began, `halved` when this became one half of a request."""
        self.count = 0
        self._since, self._halved = since, halved
        self._first: float | None = halved
        self._last: float | None = None
        self._faults = 0
        self.renewed = False
        """Whether the credentials were renewed for its last try."""

    def half(self) -> Tries:
        """Those of one half: a trouble goes on, and is not halved again before the endpoint answered something."""
        return Tries(self._since, self._last)

    def in_doubt(self, trouble: Trouble, answered: float | None) -> bool:
        """Whether one more failure leaves open who is to blame: nobody was answered since, so that it may be the endpoint."""
        return trouble in ("unavailable", "timeout") and self._faults + 1 >= _SUSPECT and not self.works(answered)

    def works(self, answered: float | None) -> bool:
        """Whether the endpoint answered anyone since this first failed, or became a half."""
        return answered is not None and self._first is not None and answered >= self._first

    def failed(self, trouble: Trouble, rows: int, now: float, answered: float | None, patience: Patience) -> Next:
        """`answered` is when the endpoint last answered anyone."""
        self.count += 1
        self.renewed = False
        self._last = now
        self._since = since = now if self._since is None else self._since
        self._first = now if self._first is None else self._first
        works = self.works(answered)
        if trouble in ("unavailable", "timeout"):
            self._faults += 1
            halve = trouble == "timeout" or self._faults >= _SUSPECT
            if rows > 1 and halve and (works or self._halved is None):
                return Next("smaller")
            if rows == 1 and works and self._faults >= (_HANGS if trouble == "timeout" else _GUILTY):
                return Next("bad")
        most = patience.of(trouble)
        if answered is None and trouble == "unavailable":
            most = min(most, patience.first)
        if now - max(since, since if answered is None else answered) >= most:
            return Next("over")
        silent = now - (self._first if answered is None or not works else answered)
        return Next("wait", self._jittered(patience, silent, trouble))

    def _jittered(self, patience: Patience, silent: float, trouble: Trouble) -> float:
        """`silent` is for how long nobody was answered: who is throttled among others that are not waits no longer than for that."""
        most = min(patience.cap, patience.begin * 2.0 ** min(self.count - 1, 30))
        if trouble == "throttled":
            most = min(most, max(patience.begin, silent / 2))
        return random.uniform(0.0, most)  # noqa: S311  # spreads tries, hides nothing
