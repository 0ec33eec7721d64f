"""How many requests an endpoint takes at once: learnt from its answers, with nothing in it of threads or clocks.

The limit climbs to a goal, by one for each answer that came while half of it was used. There the rows a second are
measured; the goal doubles as long as they rise. A rejected request tells where the endpoint's own limit is: the limit then
stays below it, and a little more is tried only now and then, half as often each time that it was too much.
"""

from __future__ import annotations

import math

from muster.predictors.external.transport.pace import Pace

__all__ = ["Limit"]

_BACK = 0.9
"""What a drop leaves of the limit."""
_GAIN = 1.05
"""How many times the rows a second twice the requests must bring."""
_CALM, _MOST_CALM = 4, 1024
"""So many times as many answers as the limit, with no drop, before more is tried: at first, and after many trials that failed."""
_PROVEN = 8
"""The same, for a trial to have gone well."""
_UNKNOWN_TRIP = 0.05


class Limit:
    """`value` requests may be in flight: `start` to begin with, never more than `most`."""

    def __init__(self, start: int = 4, most: int = 64) -> None:
        self.most = max(1, most)
        self._value = float(min(max(1, start), self.most))
        self._goal = int(self._value)
        self._ceiling: int | None = None
        """With so many in flight, requests were rejected."""
        self._trying, self._step = False, 1
        """Whether the goal is at the ceiling or above, to see whether it still is one, and by how much the next trial goes up."""
        self._settled = False
        self._calm, self._patience = 0, _CALM
        self._level, self._below = _Level(), 0.0
        """What is measured at this goal, and the rows a second at the one before."""
        self._starting = False
        self._round_trip = 0.0
        self._dropped = -math.inf
        self._pace = Pace()

    @property
    def value(self) -> int:
        """One while the endpoint starts: the rest need not ask whether it has."""
        return 1 if self._starting else max(1, int(self._value))

    @property
    def gap(self) -> float:
        """Seconds from one request to the next, where there is one at once and that is too many."""
        return self._pace.gap

    @property
    def round_trip(self) -> float:
        return self._round_trip or _UNKNOWN_TRIP

    def answered(self, flying: int, rows: int, seconds: float) -> None:
        """A request was answered that was sent as one of `flying`."""
        self._starting = False
        self._round_trip += (seconds - self._round_trip) * (0.1 if self._round_trip else 1.0)
        if self._alone(flying):
            self._pace.answered(self.round_trip)
        if flying * 2 < self.value or self.gap:
            return
        if self._value < self._goal:
            by = 1.0 if self._dropped == -math.inf else 1 / self._value
            self._value = min(float(self._goal), self._value + by)
        if flying * 4 >= self._goal * 3:
            self._calm += 1
            if not self._settled:
                self._measure(flying, rows, seconds)
            elif self._calm >= (_PROVEN if self._trying else self._patience) * self._goal:
                self._go_on()

    def throttled(self, flying: int, now: float) -> bool:
        """A request was rejected that was sent as one of `flying`; whether it counts: one in a round trip does."""
        if self._alone(flying) and self._pace.rejected(self.round_trip):
            return True
        if not self._drops(now):
            return False
        level = max(1, min(flying, int(self._value)))
        if self._trying:
            self._patience = min(self._patience * 2, _MOST_CALM)
            level = max(level, self._ceiling or 1)
            self._value = level - 1.0
        else:
            self._patience = max(_CALM, self._patience // 2)
            self._value = min(level - 1.0, level * _BACK)
        self._value = max(1.0, self._value)
        self._ceiling, self._step = max(2, level), 1
        self._hold(max(1, level - 1))
        return True

    def late(self, now: float) -> bool:
        """A request failed in a way that less at once may mend, and that tells nothing of where the limit is."""
        if not self._drops(now):
            return False
        self._value = max(1.0, self._value * _BACK)
        self._calm = 0
        return True

    def starting(self, *, still: bool = True) -> None:
        self._starting = still

    def _alone(self, flying: int) -> bool:
        return flying <= 1 and int(self._value) <= 1 and not self._starting

    def _drops(self, now: float) -> bool:
        if now - self._dropped < self.round_trip:
            return False
        self._dropped = now
        return True

    def _measure(self, flying: int, rows: int, seconds: float) -> None:
        if not self._level.add(flying, rows, seconds):
            self._level, self._below = _Level(), 0.0  # requests of another size cannot be compared
        if self._level.count < max(8, 2 * self._goal):
            return
        now, self._level = self._level.rows_per_second, _Level()
        highest = self.most if self._ceiling is None else min(self.most, self._ceiling - 1)
        if now < self._below * _GAIN:
            self._patience = min(self._patience * 2, _MOST_CALM)
            self._hold(max(1, self._goal // 2))
            self._value = min(self._value, float(self._goal))
        elif self._goal < highest:
            self._below, self._goal = now, min(highest, self._goal * 2)
        else:
            self._hold(self._goal)

    def _hold(self, goal: int) -> None:
        self._goal, self._settled, self._trying, self._calm = min(goal, self.most), True, False, 0
        self._level, self._below = _Level(), 0.0

    def _go_on(self) -> None:
        """It was calm for long enough."""
        self._calm = 0
        if self._trying:
            self._ceiling, self._trying = self._goal + 1, False
            self._patience, self._step = _CALM, self._step * 2
        elif self._goal >= self.most:
            return
        elif self._ceiling is None or self._goal + 1 < self._ceiling:
            self._settled = False
        else:
            self._trying, self._goal = True, min(self.most, self._goal + self._step)
            self._value = float(self._goal)


class _Level:
    """What requests of about one size took."""

    def __init__(self) -> None:
        self.count = self._others = self._size = 0
        self._rows = self._flying = 0
        self._seconds = 0.0

    def add(self, flying: int, rows: int, seconds: float) -> bool:
        """False once the size has changed for good."""
        self._size = self._size or rows
        if not 0.6 * self._size <= rows <= 1.6 * self._size:
            self._others += 1
            return self._others < 8
        self.count += 1
        self._rows, self._flying, self._seconds = self._rows + rows, self._flying + flying, self._seconds + seconds
        return True

    @property
    def rows_per_second(self) -> float:
        """By Little's law: all that are in flight end in the time that one takes."""
        return self._flying / self.count * self._rows / max(self._seconds, 1e-9)
