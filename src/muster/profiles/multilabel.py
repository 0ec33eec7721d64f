"""How well labels were predicted, any number of them a row: each label by itself, as two classes, and the labels of rows together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles.classification import Classification, Extent
from muster.profiles.doubles import EPSILON
from muster.profiles.fold_cells import FOLDS
from muster.profiles.keys import Cells, Floats, Hashes
from muster.profiles.label_sets import LabelSets, facts_of, terms_of
from muster.profiles.stored import Arrays
from muster.profiles.tally import Classified, Probabilities

__all__ = ["MOST_LABELS", "Labelled", "Multilabel"]

MOST_LABELS = 1_000
"""More are not measured: a profile grows with them."""

_FEW = 20
"""Up to so many labels, scores are kept by fold."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows to count. `labels` has each label's rows as two classes; `facts` and `terms` are what FACTS and TERMS tell of each row."""

    labels: tuple[Classified, ...]
    facts: Cells
    terms: Floats
    weight: Floats | None

    @classmethod
    def of(
        cls,
        actual: NDArray[np.bool_],
        predicted: NDArray[np.bool_],
        weight: Floats | None = None,
        given: Floats | None = None,
        epsilon: float = EPSILON,
    ) -> Self:
        """All (rows, labels); `given` are probabilities, each for itself, kept `epsilon` from 0 and 1 before their logarithm is taken."""
        facts = facts_of(actual, predicted)
        places = actual.astype(np.int64), predicted.astype(np.int64)
        labels = []
        for n in range(actual.shape[1]):
            own, told = (np.ascontiguousarray(a[:, n]) for a in places)
            both = None if given is None else np.stack([1 - given[:, n], given[:, n]], axis=1)
            scores = None if both is None else Probabilities.of(both, own, epsilon)
            labels.append(Classified(own, told, weight, scores))
        return cls(tuple(labels), facts, terms_of(facts, actual, given), weight)

    def take(self, rows: NDArray[Any]) -> Labelled:
        weight = None if self.weight is None else self.weight[rows]
        return Labelled(tuple(one.take(rows) for one in self.labels), self.facts[rows], self.terms[rows], weight)


class Multilabel:
    """One measurement of rows with labels, of all of them or of a segment: `labels` of each label, `sets` of the labels of rows."""

    def __init__(self, labels: int, *, segment: bool = False, scores: bool, weighted: bool = False) -> None:
        extent = _extent(labels, segment=segment)
        self.segment, self.weighted, self.scores = segment, weighted, scores
        self.labels = tuple(Classification(2, extent, scores=scores, weighted=weighted) for _ in range(labels))
        self.sets = LabelSets(1 if segment else FOLDS, scores=scores, weighted=weighted)

    @property
    def rows(self) -> int:
        return int(self.sets.facts[:, 0].sum())

    @property
    def total(self) -> float:
        """The rows, or the sum of their weights."""
        return float(self.sets.mass[:, 0].sum()) if self.weighted else float(self.rows)

    def add(self, rows: Labelled, hashes: Hashes) -> None:
        """Count rows, whose hashes say of what fold they are."""
        for mine, its in zip(self.labels, rows.labels, strict=True):
            mine.add(its, hashes)
        fold = np.zeros(len(hashes), np.int64) if self.segment else (hashes >> np.uint64(58)).astype(np.int64)
        self.sets.add(rows.facts, rows.terms, rows.weight, fold)

    def merge(self, other: Self) -> None:
        if self._kind() != other._kind():
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        for mine, its in zip(self.labels, other.labels, strict=True):
            mine.merge(its)
        self.sets.merge(other.sets)

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        return {
            **{f"sets.{name}": array for name, array in self.sets.arrays().items()},
            **{f"label.{n}.{name}": a for n, label in enumerate(self.labels) for name, a in label.arrays().items()},
        }

    def restore(self, arrays: Arrays, prefix: str = "") -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.sets.restore(arrays, f"{prefix}sets.")
        for n, label in enumerate(self.labels):
            label.restore(arrays, f"{prefix}label.{n}.")
            if label.rows != self.rows:
                raise ValueError("labels of other numbers of rows")

    def _kind(self) -> tuple[object, ...]:
        return len(self.labels), self.segment, self.weighted, self.scores


def _extent(labels: int, *, segment: bool) -> Extent:
    """All labels together keep about what several classes do."""
    few = labels <= _FEW
    if segment:
        return Extent(max(1, 4_096 // labels), 16 if few else 64, folds=False)
    return Extent(max(1, 65_536 // labels), 1 if few else 16, folds=few)
