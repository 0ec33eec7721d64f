"""How many rows one request takes, so that it takes a second or two: the limit on a call is about hangs, not about size."""

from __future__ import annotations

__all__ = ["Pace"]

_AIM_SECONDS, _SHORT, _LONG = 1.5, 1.0, 2.0
_FASTER = 100


class Pace:
    """Learns from the requests that were answered. Threads may share one: what one of them learns last stands."""

    def __init__(self, rows: int = 1_000) -> None:
        self.rows = rows

    def took(self, rows: int, seconds: float) -> None:
        """Requests that were small because there were few rows say nothing of larger ones, unless they were slow."""
        fits = int(rows * _AIM_SECONDS / max(seconds, 1e-6))
        if seconds > _LONG:
            self.rows = max(1, min(self.rows, fits))
        elif rows >= self.rows and seconds < _SHORT:
            self.rows = max(self.rows, min(rows * _FASTER, fits))

    def hung(self, rows: int) -> None:
        """A request of so many rows was not answered in time."""
        self.rows = max(1, min(self.rows, rows // 16))
