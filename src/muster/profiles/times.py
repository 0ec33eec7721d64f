"""When the times of a column are: first and last, how they lie along the years, and shares by hour, weekday and month."""

from __future__ import annotations

from typing import Self

import numpy as np

from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats
from muster.profiles.stored import Arrays, fitting
from muster.signature import Json

__all__ = ["CYCLES", "Times"]

CYCLES = {"hours": 24, "weekdays": 7, "months": 12}
"""Arrays of rows by hour from midnight, weekday from Monday, month from January; hours of UTC where times have a zone."""

_SPREAD = 1_024
_DAY = 86_400
_NONE = np.iinfo(np.int64)


class Times:
    """Times as whole seconds since 1970, those of a second together. `ends`: the first and the last. Weights are not regarded."""

    __slots__ = ("cells", "cycles", "ends")

    def __init__(self) -> None:
        self.cells = CellCounts(_SPREAD)
        self.ends = np.array([_NONE.max, _NONE.min], np.int64)
        self.cycles = {name: np.zeros(size, np.int64) for name, size in CYCLES.items()}

    @property
    def rows(self) -> int:
        return self.cells.rows

    def add(self, seconds: Cells, weight: Floats | None = None) -> None:
        if not len(seconds):
            return
        self.cells.add(seconds)
        self._reach(int(seconds.min()), int(seconds.max()))
        days = seconds // _DAY
        months = (
            days.view("M8[D]").astype("M8[M]").astype(np.int64)
        )  # since January 1970, which was no Monday but a Thursday
        places = {"hours": (seconds - days * _DAY) // 3_600, "weekdays": (days + 3) % 7, "months": months % 12}
        for name, place in places.items():
            self.cycles[name] = self.cycles[name] + np.bincount(place, minlength=CYCLES[name])

    def merge(self, other: Self) -> None:
        self.cells.merge(other.cells)
        self._reach(*(int(end) for end in other.ends))
        self.cycles = {name: cycle + other.cycles[name] for name, cycle in self.cycles.items()}

    def arrays(self) -> Arrays:
        return {"ends": self.ends, **self.cycles, **{f"cells.{n}": array for n, array in self.cells.arrays().items()}}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.cells.restore(arrays, f"{prefix}cells.")
        self.ends = fitting(arrays[f"{prefix}ends"], self.ends)
        self.cycles = {name: fitting(arrays[prefix + name], cycle) for name, cycle in self.cycles.items()}
        if any((cycle < 0).any() or cycle.sum() != self.rows for cycle in self.cycles.values()):
            raise ValueError("hours of other times than those that are counted")
        if self.rows and self.ends[0] > self.ends[1]:
            raise ValueError("ends that are none")

    def figures(self) -> dict[str, Json]:
        """`first` and `last` to the second, and rows by hour, weekday and month."""
        ends = [str(np.datetime64(int(end), "s")) if self.rows else None for end in self.ends]
        cycles: dict[str, Json] = {name: [*cycle.tolist()] for name, cycle in self.cycles.items()}
        return {"first": ends[0], "last": ends[1], **cycles}

    def _reach(self, first: int, last: int) -> None:
        self.ends = np.array([min(int(self.ends[0]), first), max(int(self.ends[1]), last)], np.int64)
