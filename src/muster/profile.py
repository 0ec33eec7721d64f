"""CONTRACT Profile: any measurement. One pass over rows fills it; all figures are pure functions of it.

A profile is small, versioned and mergeable: counts and histograms merge to the same bits in any order, float sums in the
order of the parts. `encode` and `decode` are inverse, and a profile of today is read by every later release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, Self

import pyarrow as pa

from muster.signature import Json

__all__ = ["OpenProfile", "Profile"]


class Profile(Protocol):
    """`update` and `merge` change the profile they are called on; only `merge` and `decode` meet profiles of other processes."""

    format: str
    """`muster.<kind>/<n>`, stored with it."""

    def update(self, batch: pa.RecordBatch, answer: pa.RecordBatch | None = None) -> None:
        """Count these rows, and what was predicted for them where something was. Rows of `answer` match those of `batch`."""
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
