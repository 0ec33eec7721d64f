"""CONTRACT Profile: any measurement. One pass over rows fills it; all figures are pure functions of it.

A profile is small, versioned and mergeable: counts and histograms merge to the same bits in any order, float sums in the
order of the parts. `encode` and `decode` are inverse, and a profile of today is read by every later release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.signature import Json

__all__ = ["OpenProfile", "Profile", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of a file: `batch` has those that could be read, `unread` the numbers of the others.

    `file` counts the files of the dataset in reading order from 0, `start` is the number of the first row in its file: what
    tells a row from every other one, however the dataset was cut.
    """

    batch: pa.RecordBatch
    file: int = 0
    start: int = 0
    unread: tuple[int, ...] = ()

    def numbers(self) -> npt.NDArray[np.int64]:
        """The number in its file of each row of `batch`."""
        total = self.batch.num_rows + len(self.unread)
        numbers = np.arange(self.start, self.start + total, dtype=np.int64)
        return np.delete(numbers, np.asarray(self.unread, np.int64) - self.start) if self.unread else numbers


class Profile(Protocol):
    """`update` and `merge` change the profile they are called on; only `merge` and `decode` meet profiles of other processes."""

    format: str
    """`muster.<kind>/<n>`, stored with it."""

    def update(self, rows: Rows, answer: pa.RecordBatch | None = None) -> None:
        """Count these rows, and what was predicted for them where something was. Rows of `answer` match those of `rows.batch`."""
        ...

    def merge(self, other: Self) -> None:
        """Count what `other` counted. InvalidInput if they measure different things."""
        ...

    def encode(self) -> bytes: ...

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The profile that `encode` wrote; TooNew for a later release's, Corrupt for anything else."""
        ...

    def figures(self) -> Mapping[str, Json]:
        """What it says, for people and JSON."""
        ...


OpenProfile = Callable[[], Profile]
"""A picklable value that makes an empty profile where it is called."""
