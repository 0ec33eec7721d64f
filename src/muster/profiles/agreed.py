"""How far two agree on the classes of rows, or on their numbers."""

from __future__ import annotations

import numpy as np

from muster.profiles.answered import Answered
from muster.profiles.counted import Counted
from muster.profiles.grid import PairCounts
from muster.profiles.pieces import Composed
from muster.profiles.shift import Scores, Shift, signs
from muster.profiles.stored import Arrays

__all__ = ["LabelsAgreed", "NumbersAgreed"]

_PAIRS = 16_384
"""Distinct pairs of predicted numbers that are told apart."""


class LabelsAgreed(Composed):
    """Of classes: rows by label of the first and of the second (`labels`); by actual class and who is right (`outcomes`: the first or
    not, the second or not); and how their probabilities differ (`scores`, None where one gave none): of the positive class, or of more
    than two that of the actual one.
    """

    def __init__(self, classes: int, *, scores: bool, weighted: bool) -> None:
        self.classes = classes
        self.labels = Counted(classes, classes, weighted=weighted)
        self.outcomes = Counted(classes, 2, 2, weighted=weighted)
        self.scores = Scores(weighted=weighted) if scores else None

    @property
    def rows(self) -> int:
        return int(self.labels.rows.sum())

    def add(self, found: Answered) -> None:
        actual, first, second = (np.asarray(c, np.int64) for c in (found.actual, found.first, found.second))
        self.labels.add(first * self.classes + second, found.weight)
        self.outcomes.add((actual * 2 + (first == actual)) * 2 + (second == actual), found.weight)
        if self.scores is not None:
            assert found.scores is not None
            self.scores.add(*found.scores, found.weight)

    def restore(self, arrays: Arrays, prefix: str) -> None:
        super().restore(arrays, prefix)
        scored = self.rows if self.scores is None else self.scores.shift.rows
        if self.outcomes.rows.sum() != self.rows or scored != self.rows:
            raise ValueError("counts of other numbers of rows")

    def _pieces(self) -> dict[str, Counted | Scores]:
        pieces: dict[str, Counted | Scores] = {"labels": self.labels, "outcomes": self.outcomes}
        return pieces if self.scores is None else pieces | {"scores": self.scores}


class NumbersAgreed(Composed):
    """Of numbers: how they moved (`shift`); rows by whose prediction is `nearer` to the actual value (the first's, neither, the
    second's); and `together` the predictions of both in pairs, whatever rows weigh.
    """

    def __init__(self, *, weighted: bool) -> None:
        self.shift = Shift(weighted=weighted)
        self.nearer = Counted(3, weighted=weighted)
        self.together = PairCounts(_PAIRS)

    @property
    def rows(self) -> int:
        return self.shift.rows

    def add(self, found: Answered) -> None:
        first, second = np.asarray(found.first, np.float64), np.asarray(found.second, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            closer = np.abs(first - found.actual) - np.abs(second - found.actual)
        self.shift.add(first, second, found.weight)
        self.nearer.add(1 + signs(np.nan_to_num(closer)), found.weight)
        self.together.add(first, second)

    def restore(self, arrays: Arrays, prefix: str) -> None:
        super().restore(arrays, prefix)
        if self.nearer.rows.sum() != self.rows or self.together.rows != self.rows:
            raise ValueError("counts of other numbers of rows")

    def _pieces(self) -> dict[str, Shift | Counted | PairCounts]:
        return {"shift": self.shift, "nearer": self.nearer, "together": self.together}
