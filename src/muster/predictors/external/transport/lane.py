"""What all who call an endpoint in this process share: its limit, its caps, its threads, and what was learnt of it."""

from __future__ import annotations

import os
import threading
import time

from muster.predictors.external.exchange import Limits
from muster.predictors.external.transport.crew import Crew
from muster.predictors.external.transport.limit import Limit
from muster.predictors.external.transport.limiter import Limiter
from muster.predictors.external.transport.packing import Packing
from muster.predictors.external.transport.rate import Caps, Rate, Spend
from muster.predictors.external.transport.retry import Budget

__all__ = ["Lane", "close", "share"]


class Lane:
    """One endpoint, as this process calls it. Safe from several threads."""

    def __init__(self, name: str, limits: Limits, caps: Caps, cap: int | None) -> None:
        self.limits = limits
        self.limiter = Limiter(Limit(limits.concurrency, limits.most), cap)
        self.packing = Packing(limits)
        self.rate, self.spend, self.budget = Rate(caps), Spend(caps, name), Budget()
        self.crew = Crew(max(1, limits.most), f"muster-ask-{name}")
        self.last_answer: float | None = None
        """When it last answered anyone."""

    def answered(self, rows: int, size: int, seconds: float, flying: int) -> None:
        """`flying` requests were on their way, this one among them, when it was sent."""
        self.packing.answered(rows, size, seconds, flying)
        self.budget.answered()
        self.last_answer = time.monotonic()


_lock = threading.Lock()
_lanes: dict[tuple[int, str], tuple[Lane, int]] = {}
"""With how many have each open. A process that was forked off shares none of its parent's threads."""


def share(key: str, name: str, limits: Limits, caps: Caps, cap: int | None = None) -> Lane:
    """The lane of an endpoint, which is made for the first who asks, with the limits and caps that are given then."""
    place = os.getpid(), key
    with _lock:
        lane, users = _lanes.get(place) or (Lane(name, limits, caps, cap), 0)
        _lanes[place] = lane, users + 1
        return lane


def close(key: str) -> None:
    """Forget the lane once nobody has it open."""
    place = os.getpid(), key
    with _lock:
        lane, users = _lanes.pop(place)
        if users > 1:
            _lanes[place] = lane, users - 1
