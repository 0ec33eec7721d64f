"""What two predicted for the same rows, as arrays: which rows both predicted, and how many either did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from muster.profile import Rows
from muster.profiles.judged import Judged, judged
from muster.profiles.keys import Cells, Floats, Hashes
from muster.profiles.question import Question
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified
from muster.signature import Json

__all__ = ["FIRST", "SECOND", "Answered", "Pair", "answered"]

FIRST, SECOND = "first", "second"
"""Columns of an answer: what the first predicted, and the second, each a struct. Whose predictions stand in the data has none."""

_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """What is asked of the first and of the second: of one task, with the same classes, target, weight and key, in the same data."""

    first: Question
    second: Question

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that are shown of a row: none that holds predictions."""
        both = (self.first, self.second)
        aside = {c for q in both for c in (q.prediction, *q.probabilities)}
        return tuple(dict.fromkeys(c for q in both for c in q.shown if c not in aside))[:_SHOWN]

    @property
    def scores(self) -> bool:
        """Whether both give probabilities."""
        return self.first.scores and self.second.scores

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read for it."""
        return tuple(dict.fromkeys((*self.first.columns, *self.second.columns)))

    def to_json(self) -> dict[str, Json]:
        return {FIRST: self.first.to_json(), SECOND: self.second.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Pair:
        return cls(Question.from_json(document[FIRST]), Question.from_json(document[SECOND]))


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows that both predicted: their `places` in the batch, and what is known of each.

    `actual`, `first` and `second` are classes by their place, with the probability that either gave (of the positive class, or of
    more the actual one) as `scores` where both did; or numbers, which are their own scores.

    Of other rows that were read, `only` has how many the first alone predicted, and the second alone; `left_out` has by reason the
    rows that are not measured of the first, and of the second.
    """

    places: NDArray[np.int64]
    hashes: Hashes
    actual: Cells | Floats
    first: Cells | Floats
    second: Cells | Floats
    weight: Floats | None
    scores: tuple[Floats, Floats] | None
    only: tuple[int, int]
    left_out: tuple[Counter[str], Counter[str]]

    @property
    def moves(self) -> Floats:
        """How far each row moved: the second score less the first; without scores 1 where the labels differ."""
        if self.scores is None:
            return (self.first != self.second).astype(np.float64)
        with np.errstate(over="ignore"):
            return self.scores[1] - self.scores[0]


def answered(pair: Pair, rows: Rows, answer: pa.RecordBatch | None) -> Answered:
    """InvalidInput if the target has no classes but something else."""
    first, second = (
        judged(question, rows, _own(answer, name)) for question, name in ((pair.first, FIRST), (pair.second, SECOND))
    )
    places, of_first, of_second = np.intersect1d(first.places, second.places, assume_unique=True, return_indices=True)
    one, other = _taken(first, of_first), _taken(second, of_second)
    return Answered(
        places,
        first.hashes[of_first],
        one.actual,
        one.predicted,
        other.predicted,
        one.weight,
        _scores(one, other) if pair.scores or isinstance(one, Predicted) else None,
        (len(first.places) - len(places), len(second.places) - len(places)),
        (first.left_out, second.left_out),
    )


def _own(answer: pa.RecordBatch | None, name: str) -> pa.RecordBatch | None:
    if answer is None or name not in answer.schema.names:
        return None
    return pa.RecordBatch.from_struct_array(answer.column(name))


def _taken(found: Judged, at: NDArray[np.int64]) -> Classified | Predicted:
    measured = found.measured
    assert isinstance(measured, (Classified, Predicted)), (
        "two are held against each other by one class or number of a row"
    )
    return measured if len(at) == len(found.places) else measured.take(at)


def _scores(one: Classified | Predicted, other: Classified | Predicted) -> tuple[Floats, Floats]:
    if isinstance(one, Predicted) and isinstance(other, Predicted):
        return one.predicted, other.predicted
    assert isinstance(one, Classified)
    assert isinstance(other, Classified)
    return _of_class(one), _of_class(other)


def _of_class(rows: Classified) -> Floats:
    """The probability of the positive class, or of more than two that of the actual one."""
    assert rows.probabilities is not None
    scores = rows.probabilities.scores
    if len(scores) == 1:
        return scores[0]
    own = np.empty(len(rows.actual))
    for label, given in enumerate(scores):
        mine = rows.actual == label
        own[mine] = given[mine]
    return own
