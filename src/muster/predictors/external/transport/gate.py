"""Who may send next over a connection: first come, first served, over all its endpoints and probes in this process."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from muster.predictors.external.transport.rate import Caps, Rate

__all__ = ["LOOK_SECONDS", "Gate", "Line", "Permit"]

LOOK_SECONDS = 0.1
"""How often who waits asks whether its call is over."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to have one request in flight. `flying` were over its line, this one among them, when it was given."""

    flying: int
    at: float


@dataclass(slots=True, eq=False)
class _Ticket:
    """One that waits. Without `rows` it was sent before, and counts for no rate."""

    number: int
    rows: int | None
    woken: threading.Event = field(default_factory=threading.Event)
    permit: Permit | None = None


class Gate:
    """So many requests at once until a time, and a second. Safe from several threads, which its lines share its lock with.

    Who waits for its turn in a second holds no place meanwhile: what the rate allows is taken with the place, and sent at once.
    """

    def __init__(
        self,
        most: int | None = None,
        until: float | None = None,
        rate: Rate | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most, self.until = most, until
        self.rate = rate or Rate(Caps(), clock)
        self.lock = threading.RLock()
        self.clock = clock
        self._flying = self._number = 0
        self._lines: list[Line] = []
        """Where somebody waits."""

    @property
    def flying(self) -> int:
        return self._flying

    @property
    def over(self) -> bool:
        """Whether its time is: what was let through and is not sent yet has to come again."""
        return self.until is not None and self.clock() >= self.until

    def lend(self, most: int | None, until: float | None) -> None:
        """From now on so many at once."""
        with self.lock:
            self.most, self.until = most, until
            self.serve()

    def wait(self, line: Line, rows: int | None, check: Callable[[], object]) -> Permit:
        """A place, when it is this one's turn. `check` raises where the call is over; it is asked about every tenth of a second."""
        with self.lock:
            self._number += 1
            ticket = _Ticket(self._number, rows)
            line.waiting.append(ticket)
            if len(line.waiting) == 1:
                self._lines.append(line)
            self.serve()
            pause = self._pause(line, ticket)
        try:
            while ticket.permit is None:
                ticket.woken.wait(pause)
                ticket.woken.clear()
                if ticket.permit is None:
                    check()
                    with self.lock:
                        self.serve()
                        pause = self._pause(line, ticket)
        except BaseException:
            self._leave(line, ticket)
            raise
        return ticket.permit

    def give(self) -> None:
        """One has ended."""
        with self.lock:
            self._flying -= 1
            self.serve()

    def serve(self) -> None:
        """Let through who may go, the first come first; a line that may not lets the others pass."""
        with self.lock:
            while self._open and (line := self._next()) is not None:
                ticket = line.waiting.popleft()
                if not line.waiting:
                    self._lines.remove(line)
                self._flying += 1
                ticket.permit = line.took()
                ticket.woken.set()
                self._tell(line)

    def _tell(self, line: Line) -> None:
        """Its first is another one: it has to see itself how long that takes, where time alone is in its way."""
        if line.waiting and self._pause(line, line.waiting[0]) < LOOK_SECONDS:
            line.waiting[0].woken.set()

    @property
    def _open(self) -> bool:
        if self.most is not None and self._flying >= self.most:
            return False
        return not self.over

    def _next(self) -> Line | None:
        """Whose first may go now; what the rate allows is then taken."""
        short = False
        for line in self._lines if len(self._lines) == 1 else sorted(self._lines, key=_first):
            if line.pause() > 0:
                continue
            rows = line.waiting[0].rows
            if rows is None or (not short and self.rate.take(rows) <= 0):
                return line
            short = True
        return None

    def _pause(self, line: Line, ticket: _Ticket) -> float:
        """How long to wait before looking again."""
        if ticket.permit is not None or not line.waiting or line.waiting[0] is not ticket or not self._open:
            return LOOK_SECONDS
        pause = line.pause()
        if pause <= 0 and ticket.rows is not None:
            pause = self.rate.wait(ticket.rows)
        return min(LOOK_SECONDS, max(0.001, pause))

    def _leave(self, line: Line, ticket: _Ticket) -> None:
        with self.lock:
            if ticket.permit is not None:
                line.give()
                return
            line.waiting.remove(ticket)
            if not line.waiting:
                self._lines.remove(line)
            self.serve()
            self._tell(line)


class Line:
    """Those who wait for a place to ask one endpoint, and those who have one. Safe from several threads."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.waiting: deque[_Ticket] = deque()
        self._flying = 0

    @property
    def flying(self) -> int:
        return self._flying

    def acquire(self, check: Callable[[], object], rows: int | None = None) -> Permit:
        """A permit, when it is this one's turn; for so many rows, where they count for the rate."""
        return self.gate.wait(self, rows, check)

    def give(self) -> None:
        with self.gate.lock:
            self._flying -= 1
            self.gate.give()

    def pause(self) -> float:
        """The seconds until its first may go, as far as the others are not in the way; without end until one is given back."""
        return 0.0

    def took(self) -> Permit:
        """One more flies, as the gate says."""
        self._flying += 1
        return Permit(self._flying, self.gate.clock())


def _first(line: Line) -> float:
    return line.waiting[0].number if line.waiting else math.inf
