"""What all who call an endpoint in this process share: its limit, its caps, its threads, and what was learnt of it."""

from __future__ import annotations

import os
import threading
import time
from functools import reduce

from muster.predictors.external.exchange import Limits
from muster.predictors.external.transport.crew import Crew
from muster.predictors.external.transport.limit import Limit
from muster.predictors.external.transport.limiter import Limiter, Permit
from muster.predictors.external.transport.packing import Packing
from muster.predictors.external.transport.rate import Caps, Rate, Spend, least
from muster.predictors.external.transport.retry import Budget

__all__ = ["Lane", "close", "share"]


class Lane:
    """One endpoint, as this process calls it. Of the caps of all who have it open, the tightest hold. Safe from several threads."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.limits = limits
        self.limiter = Limiter(Limit(limits.concurrency, limits.most))
        self.packing = Packing(limits)
        self.rate, self.spend, self.budget = Rate(Caps()), Spend(Caps(), name), Budget()
        self.crew = Crew(max(1, limits.most), f"muster-ask-{name}")
        self.last_answer: float | None = None
        """When it last answered anyone, be it with a refusal of rows."""
        self._users: list[tuple[Caps, int | None]] = []

    def join(self, caps: Caps, cap: int | None) -> None:
        self._users.append((caps, cap))
        self._keep()

    def leave(self, caps: Caps, cap: int | None) -> bool:
        """Whether somebody still has it open."""
        self._users.remove((caps, cap))
        self._keep()
        return bool(self._users)

    def answered(self, permit: Permit, rows: int, size: int, seconds: float) -> None:
        """A request of `size` bytes was answered; gives the permit back."""
        self.last_answer = time.monotonic()
        self.budget.answered()
        if self.packing.answered(rows, size, seconds, permit.flying):
            self.limiter.answered(permit, rows, seconds)
        else:
            self.limiter.late(permit)

    def refused(self, permit: Permit) -> None:
        """A request was refused for what is in it; gives the permit back."""
        self.last_answer = time.monotonic()
        self.limiter.refused(permit)

    def _keep(self) -> None:
        caps = reduce(Caps.tightest, (c for c, _ in self._users), Caps())
        self.rate.keep(caps)
        self.spend.caps = caps
        self.limiter.cap = reduce(least, (cap for _, cap in self._users), None)


_lock = threading.Lock()
_lanes: dict[tuple[int, str], Lane] = {}
"""Of processes and keys: one that was forked off shares none of its parent's threads."""


def share(key: str, name: str, limits: Limits, caps: Caps, cap: int | None = None) -> Lane:
    """The lane of an endpoint, which is made for the first who asks, with the limits that are given then."""
    with _lock:
        lane = _lanes.setdefault((os.getpid(), key), Lane(name, limits))
        lane.join(caps, cap)
        return lane


def close(key: str, caps: Caps, cap: int | None = None) -> None:
    """Forget the lane once nobody has it open."""
    with _lock:
        place = os.getpid(), key
        if not _lanes[place].leave(caps, cap):
            del _lanes[place]
