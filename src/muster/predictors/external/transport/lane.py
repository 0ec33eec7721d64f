"""What all who call an endpoint in this process share: its limit, its caps, its threads, and what was learnt of it."""

from __future__ import annotations

import os
import threading
import time

from muster.predictors.external.exchange import Limits
from muster.predictors.external.transport.crew import Crew
from muster.predictors.external.transport.gate import Permit
from muster.predictors.external.transport.joining import join, leave
from muster.predictors.external.transport.limit import Limit
from muster.predictors.external.transport.limiter import Limiter
from muster.predictors.external.transport.packing import Packing
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.retry import Budget
from muster.predictors.external.transport.together import Together
from muster.sharing import Shares

__all__ = ["Lane", "close", "share"]


class Lane:
    """One endpoint, as this process calls it, over a connection whose caps it shares with others. Safe from several threads."""

    def __init__(self, name: str, limits: Limits, together: Together) -> None:
        self.limits, self.together = limits, together
        self.limiter = Limiter(Limit(limits.concurrency, limits.most), together.gate)
        self.packing = Packing(limits)
        self.budget = Budget()
        self.crew = Crew(max(1, limits.most), f"muster-ask-{name}")
        self.last_answer: float | None = None
        """When it last answered anyone, be it with a refusal of rows."""
        self.users = 0

    def answered(self, permit: Permit, rows: int, size: int, seconds: float) -> None:
        """A request of `size` bytes was answered; gives the permit back."""
        self.last_answer = time.monotonic()
        self.budget.answered()
        if self.packing.answered(rows, size, seconds, permit.flying):
            self.limiter.answered(permit, rows, seconds)
        else:
            self.limiter.late(permit)

    def found(self, permit: Permit) -> None:
        """A request was answered that was sent before this began, so that nobody knows how long it took; gives the permit back."""
        self.last_answer = time.monotonic()
        self.limiter.release(permit)

    def refused(self, permit: Permit) -> None:
        """A request was refused for what is in it; gives the permit back."""
        self.last_answer = time.monotonic()
        self.limiter.refused(permit)


_lock = threading.Lock()
_lanes: dict[str, Lane] = {}


def _forget() -> None:
    """In a process that was forked off: it has none of its parent's threads, and whatever lock they held stays so."""
    global _lock  # noqa: PLW0603  # the parent's may be held by a thread that is not here
    _lock = threading.Lock()
    _lanes.clear()


os.register_at_fork(after_in_child=_forget)


def share(
    key: str,
    name: str,
    limits: Limits,
    caps: Caps,
    cap: int | None = None,
    *,
    within: str = "",
    shares: Shares | None = None,
    connection: str = "",
) -> Lane:
    """The lane of an endpoint, which is made for the first who asks, with the limits that are given then.

    `within` names the connection, whose caps all of its endpoints share; without it the endpoint stands alone. `shares` lends
    the caps of that connection, where other processes use it too.
    """
    together = join(within or key, within or name, caps, cap, shares=shares, connection=connection)
    place = _there(key, shares)
    with _lock:
        lane = _lanes.get(place) or Lane(name, limits, together)
        _lanes[place] = lane
        lane.users += 1
        return lane


def close(key: str, caps: Caps, cap: int | None = None, *, within: str = "", shares: Shares | None = None) -> None:
    """Forget the lane once nobody has it open, and what its connection shares once nobody uses that."""
    place = _there(key, shares)
    with _lock:
        lane = _lanes[place]
        lane.users -= 1
        if not lane.users:
            del _lanes[place]
    leave(within or key, caps, cap, shares=shares)


def _there(key: str, shares: Shares | None) -> str:
    return key if shares is None else f"{shares.place}\n{key}"
