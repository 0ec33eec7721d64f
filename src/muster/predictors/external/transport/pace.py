"""How long to wait between requests that go one by one, where even one at once is rejected: nothing in it of threads or clocks.

Some endpoints allow so many requests a second and not so many at once. The gap grows with each rejection and shrinks by little
trials, half as often each time that one was too much. Others reject a share of all requests, whatever one does: where a gap does
not help, there is none.
"""

from __future__ import annotations

__all__ = ["Pace"]

_WINDOW = 32
"""Outcomes that are counted together."""
_MANY = 0.4
"""A smaller share of rejections is borne: it need not be a matter of time."""
_HELPS = 0.75
"""A gap is of use that leaves no more than this of the share that is rejected without one."""
_UP, _DOWN = 1.5, 0.9
_LONGEST = 1.0
_CALM, _MOST_CALM = 4, 64
"""Answers in a row before a shorter gap is tried: at first, and after many trials that failed."""
_LEFT_ALONE, _MOST_LEFT_ALONE = 256, 4096
"""Outcomes before another gap is tried, where none has helped."""


class Pace:
    """`gap` are seconds. It is told of requests that were in flight alone."""

    def __init__(self) -> None:
        self.gap = 0.0
        self._without: float | None = None
        """The share that is rejected without a gap; None where it is not known, or not worth one."""
        self._count = self._bad = 0
        self._calm, self._patience, self._trying = 0, _CALM, False
        self._left_alone, self._next_left_alone = 0, _LEFT_ALONE
        self._met = False

    def answered(self, round_trip: float) -> None:
        if not self._met:
            return
        self._add(bad=False)
        if not self.gap:
            return
        self._calm += 1
        if self._calm < (_CALM if self._trying else self._patience):
            return
        if self._trying:
            self._patience = max(_CALM, self._patience // 2)
        self.gap, self._trying, self._calm = self.gap * _DOWN, True, 0
        if self.gap < round_trip / 4:
            self._drop()

    def rejected(self, round_trip: float) -> bool:
        """Whether it is a matter of time, and not of how many there are at once."""
        self._met = True
        self._add(bad=True)
        if self._left_alone or self._without is None:
            return False
        if self._trying:
            self.gap /= _DOWN
            self._patience = min(_MOST_CALM, self._patience * 2)
        else:
            self.gap = min(_LONGEST, max(round_trip / 2, self.gap * _UP))
            self._patience = max(_CALM, self._patience // 2)
        self._trying, self._calm = False, 0
        return True

    def _add(self, *, bad: bool) -> None:
        self._left_alone = max(0, self._left_alone - 1)
        self._count, self._bad = self._count + 1, self._bad + bad
        if self._count < _WINDOW:
            return
        share, answered = self._bad / self._count, self._bad < self._count
        self._count = self._bad = 0
        if not self.gap:
            self._without = share if share >= _MANY else None
        elif self._without is not None and answered and share > _HELPS * self._without:
            self._left_alone = self._next_left_alone
            self._next_left_alone = min(_MOST_LEFT_ALONE, self._next_left_alone * 2)
            self._drop()

    def _drop(self) -> None:
        self.gap, self._without, self._trying = 0.0, None, False
        self._count = self._bad = self._calm = 0
