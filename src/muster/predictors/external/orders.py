"""Whether columns reach an endpoint in the order that it was trained on, where nothing but their order tells it which is which.

Two columns of one type that changed places give answers that look right and are wrong. On rows whose truth is known, each pair is
exchanged on the wire: where that makes the predictions clearly better, the order is wrong; where it makes them clearly worse, the
order is supported. What makes no difference either way cannot be decided.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.predictors.local.raw import places
from muster.signature import Json, Output, Signature

__all__ = ["Exchange", "Labelled", "Order", "column_order", "losses"]

Floats: TypeAlias = npt.NDArray[np.float64]
Predict: TypeAlias = Callable[[pa.RecordBatch], pa.RecordBatch]

_LEAST_ROWS = 30
"""Fewer rows show no difference for certain."""
_CERTAIN = 4.0
"""Standard errors. One pair in 30,000 is as far by chance, and at most 50 are tried."""
_PLAIN = 0.02
"""The least share of the loss that counts as a difference, however certain it is."""
_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows of a version's signature, and what is true of each; None where that is not known."""

    rows: pa.RecordBatch
    truth: pa.Array | None
    signature: Signature
    output: Output


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two columns whose places make a difference: by what share the loss falls, or rises where that is below 0."""

    one: str
    other: str
    gain: float


@dataclass(frozen=True, slots=True)
class Order:
    """What exchanging pairs has shown on so many rows. `untried` pairs were more than the budget had calls for."""

    rows: int
    tried: int
    untried: int
    better: tuple[Exchange, ...] = ()
    worse: tuple[Exchange, ...] = ()

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


def column_order(predict: Predict, answer: pa.RecordBatch, labelled: Labelled, calls: int) -> Order | None:
    """Exchange pairs of columns of one type, at most so many; `answer` is that to the rows as they are.

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
    better, worse = [], []
    for one, other in pairs[:calls]:
        found = losses(predict(_exchanged(rows, one, other)), truth, output)
        if found is None:
            continue
        gain = _gain(base[known], found[known])
        if gain > 0:
            better.append(Exchange(one, other, gain))
        elif gain < 0:
            worse.append(Exchange(one, other, gain))
    tried = min(calls, len(pairs))
    better.sort(key=lambda e: -e.gain)
    return Order(int(known.sum()), tried, len(pairs) - tried, tuple(better), tuple(worse))


def losses(answer: pa.RecordBatch, truth: pa.Array, output: Output) -> Floats | None:
    """How wrong each row is: the logarithmic loss of its class, else whether its label is wrong; the absolute error of a number.

    NaN where there is no answer or no truth; None for tasks that have no such loss.
    """
    if output.task == "regression":
        return np.abs(_floats(answer.column("prediction")) - _floats(truth))
    if output.task not in ("binary", "multiclass"):
        return None
    labels = places(truth, output.classes)
    if output.probabilities:
        column = answer.column("probabilities")
        shown = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(output.classes))
        scores = np.full((len(answer), len(output.classes)), np.nan)
        scores[column.is_valid().to_numpy(zero_copy_only=False)] = shown
        found = -np.log(np.clip(scores[np.arange(len(labels)), np.maximum(labels, 0)], _FLOOR, 1))
    else:
        told = places(answer.column("prediction"), output.classes)
        found = np.where(told >= 0, (told != labels).astype(float), np.nan)
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
