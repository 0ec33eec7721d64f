"""Rows of False and of True."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from muster.profiles.keys import Floats
from muster.profiles.stored import Arrays, fitting
from muster.signature import Json

__all__ = ["Booleans"]


class Booleans:
    """`counts` of False and True, and `mass`, their weights; without weights it is empty."""

    __slots__ = ("counts", "mass")

    def __init__(self, *, weighted: bool = False) -> None:
        self.counts = np.zeros(2, np.int64)
        self.mass = np.zeros(2 if weighted else 0, np.float64)

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    def add(self, values: npt.NDArray[np.bool_], weight: Floats | None = None) -> None:
        self.counts = self.counts + np.bincount(values, minlength=2)
        if weight is not None:
            self.mass = self.mass + np.bincount(values, weight, 2)

    def merge(self, other: Self) -> None:
        self.counts = self.counts + other.counts
        self.mass = self.mass + other.mass

    def arrays(self) -> Arrays:
        return {"counts": self.counts, "mass": self.mass}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.counts, self.mass = (fitting(arrays[prefix + n], own) for n, own in self.arrays().items())
        if (self.counts < 0).any():
            raise ValueError("fewer than no rows")

    def figures(self) -> dict[str, Json]:
        return {"false": int(self.counts[0]), "true": int(self.counts[1])}
