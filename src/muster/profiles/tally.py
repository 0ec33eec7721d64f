"""Counts of classified rows for many groups at once: the whole, the values of a segment, or the 64 groups of the jackknife."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from muster.errors import InvalidInput
from muster.profiles.doubles import EPSILON
from muster.profiles.keys import CELLS, Cells, Floats, cell_edges, probability_cells
from muster.profiles.stored import Arrays, fitting

__all__ = ["Classified", "Probabilities", "Tally", "coarse", "coarse_edges", "lanes_of", "width_of"]

LOG_LOSS, BRIER = 0, 1
"""Columns of `losses`."""


def lanes_of(classes: int) -> range:
    """The classes whose scores are counted: in binary the positive one alone, else each."""
    return range(1, 2) if classes == 2 else range(classes)


def coarse(cells: Cells, by: int) -> Cells:
    """Wider cells, that take `by` fine ones together; those of exactly 0 and 1 stay by themselves."""
    return cells if by == 1 else (cells - 1) // by + 1


def coarse_edges(by: int) -> Floats:
    """The least probability of each of the wider cells, and 1 once more as the end of the last."""
    edges = cell_edges()
    return np.concatenate([edges[:1], edges[1 : CELLS - 1 : by], edges[CELLS - 1 :]])


def width_of(by: int) -> int:
    """How many of the wider cells there are."""
    return (CELLS - 2) // by + 2


@dataclass(frozen=True, slots=True)
class Classified:
    """Rows to count, as arrays of one length. Classes are indices; `weight` is not negative, and None counts each row once."""

    actual: Cells
    predicted: Cells
    weight: Floats | None = None
    probabilities: Probabilities | None = None

    def take(self, rows: npt.NDArray[Any]) -> Classified:
        """Some of them, by index or mask."""
        weight = None if self.weight is None else self.weight[rows]
        probabilities = None if self.probabilities is None else self.probabilities.take(rows)
        return Classified(self.actual[rows], self.predicted[rows], weight, probabilities)


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What rows were given for each class, and what follows for each: `scores` and their `cells` by lane, `losses`, `ranks`."""

    scores: tuple[Floats, ...]
    cells: tuple[Cells, ...]
    losses: tuple[Floats, Floats]
    ranks: Cells

    @classmethod
    def of(cls, given: Floats, actual: Cells, epsilon: float = EPSILON) -> Self:
        """`given` has a column for each class; the sum of each row is 1 to rounding. Before a logarithm is taken they are kept `epsilon`
        from 0 and 1, as scikit-learn's `log_loss` does.
        """
        classes = given.shape[1]
        if classes == 2:
            own = np.where(actual == 1, given[:, 1], given[:, 0])
            distance, ranks = (1 - own) ** 2, np.empty(0, np.int64)
        else:
            own = np.take_along_axis(given, actual[:, None], 1)[:, 0]
            distance = np.einsum("ij,ij->i", given, given) - 2 * own + 1
            later = np.arange(classes) > actual[:, None]
            ranks = ((given > own[:, None]) | (later & (given == own[:, None]))).sum(1)
        scores = tuple(np.ascontiguousarray(given[:, n]) for n in lanes_of(classes))
        log_loss = -np.log(np.clip(own, epsilon, 1 - epsilon))
        return cls(scores, tuple(probability_cells(s) for s in scores), (log_loss, distance), ranks)

    def take(self, rows: npt.NDArray[Any]) -> Self:
        scores, cells = (tuple(array[rows] for array in arrays) for arrays in (self.scores, self.cells))
        log_loss, brier = self.losses
        ranks = self.ranks[rows] if len(self.ranks) else self.ranks
        return type(self)(scores, cells, (log_loss[rows], brier[rows]), ranks)


class Tally:
    """Arrays whose first axis is the group.

    `confusion` (groups, classes, classes): rows by actual and predicted class. `ranks` (groups, classes), of more than two: rows
    by how many classes stand before the actual one, of equal probabilities the later class, as in scikit-learn's
    `top_k_accuracy_score`. `cells` (groups, lanes, cells, 2): rows by cell of the score, those of other classes and of the lane's
    own; `by` fine cells are taken together, and 0 keeps none. `losses` (groups, 2): sums of the log loss in nats, and of the squared
    distance between probabilities and outcome, halved in binary. `mass` has the same as `confusion`, `ranks` and `cells` in weights,
    where rows have them.
    """

    __slots__ = ("by", "cells", "classes", "confusion", "losses", "mass", "ranks", "weighted")

    def __init__(self, classes: int, groups: int, by: int, *, scores: bool, weighted: bool) -> None:
        self.classes, self.by, self.weighted = classes, by, weighted
        lanes, width = (len(lanes_of(classes)), width_of(by)) if scores and by else (0, 0)
        shapes = {
            "confusion": (groups, classes, classes),
            "ranks": (groups, classes if scores and classes > 2 else 0),
            "cells": (groups, lanes, width, 2),
        }
        self.confusion, self.ranks, self.cells = (np.zeros(s, np.int64) for s in shapes.values())
        self.losses = np.zeros((groups, 2 if scores else 0), np.float64)
        self.mass = {name: np.zeros(shape, np.float64) for name, shape in shapes.items()} if weighted else {}

    @property
    def groups(self) -> int:
        return len(self.confusion)

    def add(self, rows: Classified, group: Cells | None = None) -> None:
        """Count rows, each in its group (all in the first)."""
        where = np.zeros(len(rows.actual), np.int64) if group is None else group
        k = self.classes
        self._count("confusion", (where * k + rows.actual) * k + rows.predicted, rows.weight)
        if (given := rows.probabilities) is None:
            return
        if k > 2:
            self._count("ranks", where * k + given.ranks, rows.weight)
        lanes, width = self.cells.shape[1:3]
        for lane, (label, cells) in enumerate(zip(lanes_of(k), given.cells, strict=True) if lanes else ()):
            place = (where * lanes + lane) * width + coarse(cells, self.by)
            self._count("cells", place * 2 + (rows.actual == label), rows.weight)
        for n, loss in enumerate(given.losses):
            self.losses[:, n] += np.bincount(where, loss if rows.weight is None else loss * rows.weight, self.groups)

    def _count(self, name: str, index: Cells, weight: Floats | None) -> None:
        counts: npt.NDArray[np.int64] = getattr(self, name)
        counts += np.bincount(index, minlength=counts.size).reshape(counts.shape)
        if self.weighted:
            assert weight is not None
            self.mass[name] += np.bincount(index, weight, counts.size).reshape(counts.shape)

    def merge(self, other: Self) -> None:
        if (self.classes, self.by, self.weighted, self.cells.shape) != (
            other.classes,
            other.by,
            other.weighted,
            other.cells.shape,
        ):
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        for mine, its in zip(self.arrays().values(), other.arrays().values(), strict=True):
            np.add(mine, its, out=mine)

    def grow(self, groups: int) -> None:
        """Room for as many groups; new ones are empty."""
        more = groups - self.groups
        for name in ("confusion", "ranks", "cells", "losses"):
            setattr(self, name, _longer(getattr(self, name), more))
        self.mass = {name: _longer(array, more) for name, array in self.mass.items()}

    def arrays(self) -> Arrays:
        """All that is counted, by name; the arrays themselves."""
        return {
            "confusion": self.confusion,
            "ranks": self.ranks,
            "cells": self.cells,
            "losses": self.losses,
            **{f"mass.{name}": array for name, array in self.mass.items()},
        }

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError if it does not fit."""
        for name, mine in self.arrays().items():
            mine[...] = fitting(arrays[prefix + name], mine)


def _longer(array: npt.NDArray[Any], more: int) -> npt.NDArray[Any]:
    return np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)])
