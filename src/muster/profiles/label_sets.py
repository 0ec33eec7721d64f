"""What only the labels of a row together tell: whether all are right, what each row's own precision is, how its labels are ranked."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles.keys import Cells, Floats
from muster.profiles.rankings import rankings
from muster.profiles.stored import Arrays, fitting

__all__ = ["FACTS", "MOST_SIZES", "RANKED", "TERMS", "LabelSets", "facts_of", "terms_of"]

FACTS = (
    "rows", "right", "hits", "predicted", "actual", "some_predicted", "some_actual", "some",
)  # fmt: skip
"""Columns of `LabelSets.facts`: rows; those with every label right; labels that are predicted and actual, predicted, actual; rows with
a predicted label, with an actual one, with either."""

RANKED = ("label_ranking_average_precision", "coverage_error", "label_ranking_loss")
TERMS = ("precision", "recall", "f1", "jaccard", *RANKED)
"""Columns of `LabelSets.terms`: sums of each row's own figure, 0 where it is not defined; the last three where there are scores."""

MOST_SIZES = 20
"""From so many labels a row on, rows are counted together."""


def facts_of(actual: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> Cells:
    """(rows, facts)."""
    hits, told, own = (a.sum(1, dtype=np.int64) for a in (actual & predicted, predicted, actual))
    right = (actual == predicted).all(1)
    return np.stack([np.ones(len(own), np.int64), right, hits, told, own, told > 0, own > 0, told + own > 0], axis=1)


def terms_of(facts: Cells, actual: NDArray[np.bool_], scores: Floats | None) -> Floats:
    """(rows, terms)."""
    hits, told, own = (facts[:, FACTS.index(name)] for name in ("hits", "predicted", "actual"))
    shares = [(hits, told), (hits, own), (2 * hits, told + own), (hits, told + own - hits)]
    terms = [part / np.maximum(of, 1) for part, of in shares]
    return np.stack([*terms, *(() if scores is None else rankings(actual, scores))], axis=1)


class LabelSets:
    """Arrays whose first axis is the group: 64 folds, or one.

    `facts` (groups, 8) and `terms` (groups, 4 or 7) are sums over rows, and `mass` has the facts in weights, where rows have them; the
    terms are weighted then. `sizes` (2, 21) are rows by how many labels they have and are predicted to have, 20 or more together.
    """

    def __init__(self, groups: int, *, scores: bool, weighted: bool) -> None:
        self.facts = np.zeros((groups, len(FACTS)), np.int64)
        self.terms = np.zeros((groups, len(TERMS) - (0 if scores else len(RANKED))), np.float64)
        self.sizes = np.zeros((2, MOST_SIZES + 1), np.int64)
        self.mass = np.zeros((groups if weighted else 0, len(FACTS)), np.float64)

    def add(self, facts: Cells, terms: Floats, weight: Floats | None, group: Cells) -> None:
        groups = len(self.facts)
        for n in range(facts.shape[1]):
            self.facts[:, n] += np.bincount(group, facts[:, n], groups).astype(np.int64)  # exact, up to 2**53
            if weight is not None:
                self.mass[:, n] += np.bincount(group, facts[:, n] * weight, groups)
        for n in range(terms.shape[1]):
            self.terms[:, n] += np.bincount(group, terms[:, n] if weight is None else terms[:, n] * weight, groups)
        for n, name in enumerate(("actual", "predicted")):
            labels = np.minimum(facts[:, FACTS.index(name)], MOST_SIZES)
            self.sizes[n] += np.bincount(labels, minlength=MOST_SIZES + 1)

    def merge(self, other: Self) -> None:
        for mine, its in zip(self.arrays().values(), other.arrays().values(), strict=True):
            if mine.shape != its.shape:
                raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
            np.add(mine, its, out=mine)

    def arrays(self) -> Arrays:
        """All that is counted, by name; the arrays themselves."""
        return {"facts": self.facts, "terms": self.terms, "sizes": self.sizes, "mass": self.mass}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError if it does not fit."""
        for name, mine in self.arrays().items():
            mine[...] = fitting(arrays[prefix + name], mine)
        if (self.sizes.sum(1) != self.facts[:, 0].sum()).any():
            raise ValueError("numbers of labels of other rows")
