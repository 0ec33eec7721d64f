"""Rows that two have predicted, of several kinds, and the profiles of their agreement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from muster.profile import Rows
from muster.profiles.agreement import AgreementProfile
from muster.profiles.answered import Pair
from muster.profiles.question import Question
from muster.signature import Output, Task

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Twice:
    """`first` and `second` are probabilities, a column for each class (in binary of the positive one), or numbers."""

    actual: NDArray[Any]
    first: Floats
    second: Floats
    classes: int = 0
    weight: Floats | None = None
    scores: bool = True

    def __len__(self) -> int:
        return len(self.actual)

    def labels(self, given: Floats) -> NDArray[np.int64]:
        return (given >= 0.5).astype(np.int64) if given.ndim == 1 else given.argmax(1)

    @property
    def moves(self) -> Floats:
        one, other = self.first, self.second
        if one.ndim == 2:
            at = np.arange(len(self)), self.actual
            one, other = one[at], other[at]
        return other - one

    @property
    def mass(self) -> Floats:
        return np.ones(len(self)) if self.weight is None else self.weight

    def table(self) -> pa.Table:
        columns: dict[str, Any] = {"n": np.arange(len(self)), "y": self.actual}
        if self.weight is not None:
            columns["w"] = self.weight
        for name, given in (("first", self.first), ("second", self.second)):
            if not self.classes:
                columns[name] = given
                continue
            columns[f"{name}_label"] = self.labels(given)
            each = [given] if given.ndim == 1 else [*given.T]
            columns |= {f"{name}_{n}": column for n, column in enumerate(each)}
        return pa.table(columns)

    def pair(self) -> Pair:
        weight = "w" if self.weight is not None else None
        common: dict[str, Any] = {"target": "y", "weight": weight, "shown": ("n",), "mistakes": 5}
        if not self.classes:
            output = Output("regression", pa.float64())
            questions = [Question(output=output, prediction=name, **common) for name in ("first", "second")]
            return Pair(*questions)
        task: Task = "binary" if self.classes == 2 else "multiclass"
        output = Output(task, pa.int64(), tuple(range(self.classes)), self.scores)
        columns = range(self.classes if self.first.ndim == 2 else 1)
        questions = [
            Question(
                output=output,
                prediction=f"{name}_label",
                probabilities=tuple(f"{name}_{n}" for n in columns) if self.scores else (),
                **common,
            )
            for name in ("first", "second")
        ]
        return Pair(*questions)

    def profile(self, cuts: int = 1) -> AgreementProfile:
        """Counted in so many pieces."""
        pair, table = self.pair(), self.table()
        total = AgreementProfile(pair)
        for some in np.array_split(np.arange(len(self)), cuts):
            piece = AgreementProfile(pair)
            start = int(some[0]) if len(some) else 0
            batch = table.slice(start, len(some)).combine_chunks()
            columns = [column.combine_chunks() for column in batch.columns]
            piece.update(Rows(pa.RecordBatch.from_arrays(columns, names=batch.column_names), 0, start))
            total.merge(piece)
        return total

    def weighted(self, seed: int = 5) -> Twice:
        return replace(self, weight=np.random.default_rng(seed).integers(0, 4, len(self)) / 2)


def binary(seed: int, rows: int, *, apart: float = 0.7, ties: bool = False) -> Twice:
    """Two that see the same with different noise."""
    r = np.random.default_rng(seed)
    base = r.normal(-0.6, 1.5, rows)
    actual = (r.random(rows) < _probability(base)).astype(np.int64)
    first, second = (_probability(base + apart * r.normal(size=rows)) for _ in range(2))
    return Twice(actual, np.round(first, 1) if ties else first, np.round(second, 1) if ties else second, 2)


def several(seed: int, classes: int, rows: int) -> Twice:
    r = np.random.default_rng(seed)
    actual = r.integers(0, classes, rows)
    base = r.normal(size=(rows, classes))
    base[np.arange(rows), actual] += 2.0
    first, second = (_softmax(base + 0.6 * r.normal(size=base.shape)) for _ in range(2))
    return Twice(actual, first, second, classes)


def numbers(seed: int, rows: int) -> Twice:
    r = np.random.default_rng(seed)
    actual = r.gamma(2, 50, rows)
    return Twice(actual, actual + r.normal(2, 25, rows), actual * r.lognormal(0, 0.2, rows))


def _probability(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float64)
