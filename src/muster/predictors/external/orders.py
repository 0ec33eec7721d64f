"""Whether columns reach an endpoint in the order that it was trained on, where nothing but their order tells it which is which.

Two columns of one type that changed places give answers that look right and are wrong. On rows whose truth is known, each pair is
exchanged on the wire: where that makes the predictions clearly better, the order is wrong; where it makes them clearly worse, the
order is supported. What makes no difference either way cannot be decided. Where the order of classes is not known either, each
exchange is read in both: columns that changed places look like classes that did, and the truth is what explains most.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.predictors.local.raw import places
from muster.predictors.order import better_order
from muster.signature import Json, Output, Signature

__all__ = ["Exchange", "Labelled", "Order", "class_order", "class_scores", "column_order", "losses"]

Floats: TypeAlias = npt.NDArray[np.float64]
Predict: TypeAlias = Callable[[pa.RecordBatch], pa.RecordBatch]

_LEAST_ROWS = 30
"""Fewer rows show no difference for certain."""
_CERTAIN = 4.0
"""Standard errors. One pair in 30,000 is as far by chance, and at most 50 are tried."""
_PLAIN = 0.02
"""The least share of the loss that counts as a difference, however certain it is."""
_FLOOR = 1e-6
_SIMPLER = 0.9
"""What is less wrong by so much alone is worth two mends in place of one."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows of a version's signature, and what is true of each; None where that is not known."""

    rows: pa.RecordBatch
    truth: pa.Array | None
    signature: Signature
    output: Output


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two columns whose places make a difference: by what share the loss falls, or rises where that is below 0.

    `loss` is what is left of it, with the classes in the order `classes`, where that is not the declared one.
    """

    one: str
    other: str
    gain: float
    loss: float
    classes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What exchanging pairs has shown on so many rows. `untried` pairs were more than the budget had calls for."""

    rows: int
    tried: int
    untried: int
    better: tuple[Exchange, ...] = ()
    worse: tuple[Exchange, ...] = ()
    mixed: tuple[Exchange, ...] = ()
    """Better together with another order of the classes."""
    reordered: float | None = None
    """The loss with the columns as they are and the classes in another order, where that is a better one."""

    @property
    def mend(self) -> Exchange | None:
        """What explains the truth best, where it is an exchange of columns."""
        alone = min(self.better, key=lambda e: e.loss, default=None)
        both = min(self.mixed, key=lambda e: e.loss, default=None)
        simple = min(
            ([alone.loss] if alone else []) + ([] if self.reordered is None else [self.reordered]), default=None
        )
        if both is not None and (simple is None or both.loss < _SIMPLER * simple):
            return both
        return alone if alone is not None and alone.loss == simple else None

    @property
    def verdict(self) -> str:
        return "supported" if self.worse and not self.better and not self.untried else "not decidable"

    def to_json(self) -> Json:
        strongest = max((-e.gain for e in self.worse), default=0.0)
        untried = (
            f"{self.untried} of {self.tried + self.untried} pairs were not tried: there were no calls left for them"
        )
        reason: dict[str, Json] = {"reason": untried} if self.untried else {}
        return {
            **reason,
            "verdict": self.verdict,
            "rows": self.rows,
            "pairs": self.tried,
            "supported": len(self.worse),
            "untried": self.untried,
            "effect": round(strongest, 4),
        }


def column_order(
    predict: Predict, answer: pa.RecordBatch, labelled: Labelled, calls: int, *, free: bool = False
) -> Order | None:
    """Exchange pairs of columns of one type, at most so many; `answer` is that to the rows as they are.

    `free`: the order of classes is not known by name, and may be another.

    None where the truth tells nothing: too few rows, or no loss.
    """
    rows, truth, output = labelled.rows, labelled.truth, labelled.output
    base = None if truth is None else losses(answer, truth, output)
    if base is None or truth is None:
        return None
    known = np.isfinite(base)
    if known.sum() < _LEAST_ROWS:
        return None
    pairs = list(_pairs(labelled.signature, rows))
    better: list[Exchange] = []
    worse: list[Exchange] = []
    mixed: list[Exchange] = []
    for one, other in pairs[:calls]:
        reply = predict(_exchanged(rows, one, other))
        for classes in dict.fromkeys(((), class_order(reply, truth, output) if free else ())):
            found = losses(reply, truth, output, classes)
            if found is None:
                continue
            gain = _gain(base[known], found[known])
            exchange = Exchange(one, other, gain, float(np.nanmean(found[known])) if gain else 0.0, classes)
            if gain > 0:
                (mixed if classes else better).append(exchange)
            elif gain < 0 and not classes:
                worse.append(exchange)
    tried = min(calls, len(pairs))
    better.sort(key=lambda e: -e.gain)
    own = class_order(answer, truth, output) if free else ()
    told = losses(answer, truth, output, own) if own else None
    reordered = None if told is None else float(np.nanmean(told[known]))
    return Order(int(known.sum()), tried, len(pairs) - tried, tuple(better), tuple(worse), tuple(mixed), reordered)


def class_order(answer: pa.RecordBatch, truth: pa.Array, output: Output) -> tuple[int, ...]:
    """The classes that the places of an answer seem to stand for, where the truth speaks for others than the declared ones."""
    return tuple(better_order(class_scores(answer, output), places(truth, output.classes)) or ())


def class_scores(answer: pa.RecordBatch, output: Output) -> Floats:
    """A column for each class; NaN in rows without an answer. Labels alone are as if each were certain."""
    if not output.probabilities:
        labels = places(answer.column("prediction"), output.classes)
        scores = np.zeros((len(labels), len(output.classes)))
        scores[np.arange(len(labels)), np.maximum(labels, 0)] = 1.0
        scores[labels < 0] = np.nan
        return scores
    column = answer.column("probabilities")
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    scores = np.full((len(column), len(output.classes)), np.nan)
    scores[valid] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(output.classes))
    return scores


def losses(answer: pa.RecordBatch, truth: pa.Array, output: Output, classes: Sequence[int] = ()) -> Floats | None:
    """How wrong each row is: the logarithmic loss of its class, else whether its label is wrong; the absolute error of a number.

    NaN where there is no answer or no truth; None for tasks that have no such loss. `classes` are those that the places of the
    answer stand for, where they are not the declared ones.
    """
    if output.task == "regression":
        return np.abs(_floats(answer.column("prediction")) - _floats(truth))
    if output.task not in ("binary", "multiclass"):
        return None
    labels = places(truth, output.classes)
    at = np.maximum(labels, 0)
    if classes:
        at = np.argsort(np.array(classes))[at]
    right = class_scores(answer, output)[np.arange(len(labels)), at]
    found = -np.log(np.clip(right, _FLOOR, 1)) if output.probabilities else 1 - right
    return np.where(labels >= 0, found, np.nan)


def _floats(array: pa.Array) -> Floats:
    return array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)


def _pairs(signature: Signature, rows: pa.RecordBatch) -> Iterator[tuple[str, str]]:
    """Pairs of one type that differ in these rows, neighbours first: those are exchanged most easily."""
    columns = [c for c in signature if c.name in rows.schema.names]
    every = ((i, j) for i, j in itertools.combinations(range(len(columns)), 2))
    for i, j in sorted(every, key=lambda pair: pair[1] - pair[0]):
        one, other = columns[i], columns[j]
        if one.type == other.type and not rows.column(one.name).equals(rows.column(other.name)):
            yield one.name, other.name


def _exchanged(rows: pa.RecordBatch, one: str, other: str) -> pa.RecordBatch:
    taken = {one: other, other: one}
    return pa.RecordBatch.from_arrays([rows.column(taken.get(n, n)) for n in rows.schema.names], schema=rows.schema)


def _gain(before: Floats, after: Floats) -> float:
    """The share by which the loss falls, or rises; 0 where that is no clear difference of the same rows."""
    change = before - after
    both = np.isfinite(change)
    change, scale = change[both], float(before[both].mean()) if both.any() else 0.0
    if len(change) < _LEAST_ROWS:
        return 0.0
    mean, error = float(change.mean()), float(change.std(ddof=1)) / np.sqrt(len(change))
    size = max(scale, float(after[both].mean()))
    if abs(mean) <= _CERTAIN * error or abs(mean) < _PLAIN * size:
        return 0.0
    return mean / size
