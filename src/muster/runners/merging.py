"""Profiles of chunks, merged in the order of the rows whatever the order they come in: so every runner gives the same figures."""

from __future__ import annotations

from collections.abc import Sequence

from muster.dataset import Part
from muster.profile import Profile
from muster.runner import Plan

__all__ = ["Merging"]


class Merging:
    """One that comes before its turn is kept until then."""

    def __init__(self, total: Profile, parts: Sequence[Part], plan: Plan) -> None:
        self._total = total
        self._order = [part.index for part in parts if part.index not in plan.finished]
        self._turn = {part: turn for turn, part in enumerate(self._order)}
        self._place = (self._order[0], 0) if self._order else None
        self._waiting: dict[tuple[int, int], tuple[bool, Profile]] = {}

    def add(self, part: int, index: int, profile: Profile, *, last: bool) -> None:
        self._waiting[part, index] = last, profile
        while self._place in self._waiting:
            ended, ready = self._waiting.pop(self._place)
            self._total.merge(ready)
            self._place = self._next(self._place, ended=ended)

    def result(self) -> Profile:
        """Also of what stands behind chunks that were done before: whether one was the last of its part, only they could tell."""
        for key in sorted(self._waiting, key=lambda k: (self._turn[k[0]], k[1])):
            self._total.merge(self._waiting.pop(key)[1])
        return self._total

    def _next(self, place: tuple[int, int], *, ended: bool) -> tuple[int, int] | None:
        part, index = place
        if not ended:
            return part, index + 1
        turn = self._turn[part] + 1
        return (self._order[turn], 0) if turn < len(self._order) else None
