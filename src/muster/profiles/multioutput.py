"""How well several targets were predicted: each by itself, as numbers or as classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles import classification, regression
from muster.profiles.classification import Classification, Extent
from muster.profiles.keys import Hashes
from muster.profiles.regression import Predicted, Reach, Regression
from muster.profiles.stored import Arrays
from muster.profiles.tally import Classified
from muster.signature import Output

__all__ = ["MOST_TARGETS", "Multioutput", "Several"]

MOST_TARGETS = 200
"""More are not measured: a profile grows with them."""

_FEW = 8
"""Up to so many targets, each is measured as finely as one alone."""


@dataclass(frozen=True, slots=True)
class Several:
    """Rows to count, as each target has them."""

    targets: tuple[Classified | Predicted, ...]

    def take(self, rows: NDArray[Any]) -> Several:
        return Several(tuple(one.take(rows) for one in self.targets))


class Multioutput:
    """One measurement of each target, of all rows or of a segment, by its name."""

    def __init__(
        self, outputs: Mapping[str, Output], scored: frozenset[str], *, segment: bool = False, weighted: bool = False
    ) -> None:
        """`scored` are the targets whose probabilities are known."""
        self.segment, self.weighted = segment, weighted
        self.targets: dict[str, Classification | Regression] = {
            name: Regression(_reach(len(outputs), segment=segment), weighted=weighted)
            if output.task == "regression"
            else Classification(
                len(output.classes),
                _extent(len(outputs), segment=segment),
                scores=name in scored,
                weighted=weighted,
            )
            for name, output in outputs.items()
        }

    @property
    def _first(self) -> Classification | Regression:
        return next(iter(self.targets.values()))

    @property
    def rows(self) -> int:
        return self._first.rows

    @property
    def total(self) -> float:
        """The rows, or the sum of their weights."""
        return self._first.total

    def add(self, rows: Several, hashes: Hashes) -> None:
        """Count rows, whose hashes say of what fold they are."""
        for mine, its in zip(self.targets.values(), rows.targets, strict=True):
            mine.add(its, hashes)  # type: ignore[arg-type]  # of the task of the target

    def merge(self, other: Self) -> None:
        if (list(self.targets), self.segment, self.weighted) != (list(other.targets), other.segment, other.weighted):
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        for mine, its in zip(self.targets.values(), other.targets.values(), strict=True):
            mine.merge(its)  # type: ignore[arg-type]  # of the same task

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        return {
            f"target.{n}.{name}": array
            for n, target in enumerate(self.targets.values())
            for name, array in target.arrays().items()
        }

    def restore(self, arrays: Arrays, prefix: str = "") -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        for n, target in enumerate(self.targets.values()):
            target.restore(arrays, f"{prefix}target.{n}.")
            if target.rows != self.rows:
                raise ValueError("targets of other numbers of rows")


def _reach(targets: int, *, segment: bool) -> Reach:
    whole = regression.SEGMENT if segment else regression.WHOLE
    if targets <= _FEW:
        return whole
    return Reach(max(256, whole.spread * _FEW // targets), whole.squares * _FEW // targets, whole.folds)


def _extent(targets: int, *, segment: bool) -> Extent:
    whole = classification.SEGMENT if segment else classification.WHOLE
    if targets <= _FEW:
        return whole
    return Extent(max(1, whole.exact * _FEW // targets), 16, whole.folds)
