"""How many rows a request takes: as many as make it cheap, and no more than its bytes and seconds allow."""

from __future__ import annotations

import threading
from collections import deque

from muster.predictors.external.exchange import Limits

__all__ = ["Packing", "slices"]

_START = 64
_FILL = 0.8
"""Of the bytes that a request may have."""
_SHARE = 0.25
"""Of the seconds that a request may take."""
_GAIN, _MUCH = 1.1, 1.7
"""How many times the rows a second twice the rows must bring; from where on it is tried with four times."""
_ENOUGH = 3
_KEPT, _SLOW = 20, 2
"""So many of the last answers took too long: 95 % did not."""
_AFRESH = 100
"""After so many quick answers it is tried again whether more rows bring more."""


def slices(left: int, most: int, at_once: int) -> int:
    """The rows of each request, where so many are left: all of one size, so that none of the last ones is waited for alone.

    What fills less than a few requests is cut smaller, so that those that may be in flight are; but not below a quarter.
    """
    count = -(-left // most)
    if count < 4 * at_once:
        even = -(-count // at_once) * at_once
        count = max(count, min(even, left // max(_START, most // 4)))
    return -(-left // count)


class Packing:
    """What was learnt of one endpoint. Safe from several threads."""

    def __init__(self, limits: Limits, start: int = _START) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._rows = start
        self._most = limits.rows or (1 << 62)
        """Never more: the endpoint's own ceiling, then half of what was too much."""
        self._most_bytes = limits.bytes * _FILL
        self._rows_taken = self._bytes_taken = 0
        """The most that was answered: what has fewer rows was not refused for having many."""
        self._row_bytes = 0.0
        self._below = 0.0
        """Rows a second with half of the rows."""
        self._speeds: list[float] = []
        self._recent: deque[bool] = deque(maxlen=_KEPT)
        self._settled = False
        self._quick = 0

    @property
    def rows(self) -> int:
        fits = self._most_bytes / self._row_bytes if self._row_bytes else self._rows
        return max(1, int(min(self._rows, self._most, fits)))

    def encoded(self, rows: int, size: int) -> bool:
        """Whether a request of these bytes may be sent; later ones are cut by what a row has taken here."""
        each = size / max(1, rows)
        with self._lock:
            # Up at once and down slowly: a request that is too large is refused, one that is small is only small.
            self._row_bytes = max(each, self._row_bytes + (each - self._row_bytes) * 0.05)
        return size <= self._limits.bytes

    def answered(self, rows: int, size: int, seconds: float, flying: int) -> bool:
        """`flying` requests were, this one among them, when it was sent.

        False if it took too long among more of them than the endpoint is known to take: then fewer at once are the
        remedy, and not fewer rows.
        """
        with self._lock:
            self._rows_taken, self._bytes_taken = max(self._rows_taken, rows), max(self._bytes_taken, size)
            self._most, self._most_bytes = max(self._most, rows), max(self._most_bytes, float(size))
            target = self._limits.seconds * _SHARE
            if seconds > target and flying > self._limits.concurrency:
                return False
            self._recent.append(seconds > target)
            self._quick = self._quick + 1 if seconds * 4 <= target else 0
            if sum(self._recent) >= _SLOW:
                self._shrink(max(1, min(rows, self._rows) // 2))
            elif self._settled and self._quick >= _AFRESH:
                self._settled, self._below, self._quick = False, 0.0, 0
            elif not self._settled and rows * 4 >= self.rows * 3:
                self._speeds.append(flying * rows / max(seconds, 1e-9))
                if len(self._speeds) >= _ENOUGH:
                    self._judge(int(target / max(seconds, 1e-9)))
            return True

    def too_large(self, rows: int, size: int) -> None:
        """A request was refused for its size. One large row among many makes no other request smaller."""
        with self._lock:
            if size > self._bytes_taken:
                self._most_bytes = min(self._most_bytes, max(self._bytes_taken, size / 2))
            if rows > self._rows_taken:
                self._most = min(self._most, max(self._rows_taken, rows // 2, 1))
                self._shrink(min(self._rows, self._most))

    def late(self, rows: int) -> None:
        """A request of so many rows was not answered in time, which may have had another reason."""
        with self._lock:
            self._shrink(max(1, min(self._rows, rows // 2)))

    def _judge(self, room: int) -> None:
        """`room` times as many rows would still be answered in time."""
        speed = sorted(self._speeds)[len(self._speeds) // 2]
        self._speeds.clear()
        if speed < self._below * _GAIN or room < 2 or self.rows < self._rows:
            self._settled = True
        else:
            times = 4 if room >= 4 and speed >= self._below * _MUCH else 2
            self._below, self._rows = speed, self._rows * times

    def _shrink(self, rows: int) -> None:
        self._rows, self._settled, self._below = rows, True, 0.0
        self._recent.clear()
        self._speeds.clear()
