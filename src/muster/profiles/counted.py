"""Rows counted by place in an array, and where rows have weights, what these come to."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from muster.profiles.keys import Cells, Floats
from muster.profiles.stored import Arrays, fitting

__all__ = ["Counted"]


class Counted:
    """`rows` (int64) of each place; `mass` and `squares` are the sums of weights and of their squares, None where rows have none.

    The squares tell how many rows of equal weight a share of the mass is as sure as.
    """

    __slots__ = ("mass", "rows", "squares")

    def __init__(self, *shape: int, weighted: bool) -> None:
        self.rows = np.zeros(shape, np.int64)
        self.mass, self.squares = (np.zeros(shape, np.float64) if weighted else None for _ in range(2))

    @property
    def counts(self) -> Floats:
        """In weights, where rows have them."""
        return self.rows.astype(np.float64) if self.mass is None else self.mass

    def add(self, place: Cells, weight: Floats | None) -> None:
        """Count rows, each in its place of the flattened array."""
        self.rows = self.rows + self._summed(place, None)
        if self.mass is not None and self.squares is not None:
            assert weight is not None
            self.mass = self.mass + self._summed(place, weight)
            self.squares = self.squares + self._summed(place, weight * weight)

    def merge(self, other: Self) -> None:
        for name, its in other.arrays().items():
            setattr(self, name, getattr(self, name) + its)

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        if self.mass is None or self.squares is None:
            return {"rows": self.rows}
        return {"rows": self.rows, "mass": self.mass, "squares": self.squares}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        for name, mine in self.arrays().items():
            setattr(self, name, fitting(arrays[prefix + name], mine))
        if (self.rows < 0).any():
            raise ValueError("counts below 0")

    def _summed(self, place: Cells, weight: Floats | None) -> npt.NDArray[Any]:
        return np.bincount(place, weight, self.rows.size).reshape(self.rows.shape)
