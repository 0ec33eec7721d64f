"""A measurement that is made of others, which merge and are stored each by its name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, Self

from muster.profiles.stored import Arrays

__all__ = ["Composed"]


class _Piece(Protocol):
    # Any: it is merged with another of its own kind, which stands in the other's place of the same name.
    def merge(self, other: Any) -> None: ...
    def arrays(self) -> Arrays: ...
    def restore(self, arrays: Arrays, prefix: str) -> None: ...


class Composed(ABC):
    @abstractmethod
    def _pieces(self) -> Mapping[str, _Piece]:
        """By the names under which they are stored."""

    def merge(self, other: Self) -> None:
        theirs = other._pieces()
        for name, mine in self._pieces().items():
            mine.merge(theirs[name])

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        return {f"{of}.{name}": a for of, piece in self._pieces().items() for name, a in piece.arrays().items()}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        for name, piece in self._pieces().items():
            piece.restore(arrays, f"{prefix}{name}.")
