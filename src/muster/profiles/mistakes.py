"""The rows that were predicted worst, with their values: the same ones in whatever order rows are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from muster.profile import Rows
from muster.profiles.judged import Judged
from muster.profiles.keys import Hashes
from muster.profiles.label_sets import FACTS
from muster.profiles.multilabel import Labelled
from muster.profiles.multioutput import Several
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified
from muster.signature import Json, Scalar

__all__ = ["Mistake", "Mistakes", "values_of"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row by its number in its file, and the file's number. `loss` is its log loss in nats, or 1 without probabilities, or |error|;
    of labels the sum of theirs.

    `score` is the probability that its actual class was given. `values` are those of the columns that were to be shown.
    """

    loss: float
    hash: int
    file: int
    row: int
    actual: Json
    predicted: Json
    score: float | None
    values: dict[str, Json]

    @property
    def order(self) -> tuple[float, int]:
        return -self.loss, self.hash


class Mistakes:
    """At most `most` are the `worst`: the greatest losses, of equal ones those with the least hash. A row that was predicted right is none.

    With `sides`, which two classes and numbers have, half as many are kept of each whatever the other has: `positive` (taken for the
    positive class, or predicted too high) and the others.
    """

    def __init__(self, most: int, classes: tuple[Scalar, ...] = (), *, sides: bool = False) -> None:
        self.most, self.classes = most, classes
        self.each = (most + 1) // 2 if sides else 0
        self.kept: list[Mistake] = []

    @property
    def worst(self) -> list[Mistake]:
        return self.kept[: self.most]

    def of_side(self, *, positive: bool) -> list[Mistake]:
        return [m for m in self.kept if self._is_positive(m) == positive][: self.each]

    def add(self, rows: Rows, found: Judged, shown: tuple[str, ...]) -> None:
        loss, wrong = _losses(found)
        at = np.flatnonzero(wrong & (loss >= self._least()))
        if not self.most or not len(at):
            return
        worst = [_worst(loss, found.hashes, at, self.most)]
        if self.each:
            over = _positive(found, at)
            worst += [_worst(loss, found.hashes, at[side], self.each) for side in (over, ~over)]
        chosen = np.unique(np.concatenate(worst))
        places = found.places[chosen]
        values = values_of(rows.batch, places, shown)
        numbers = rows.numbers()[places]
        more = []
        for n, row, row_values in zip(chosen.tolist(), numbers.tolist(), values, strict=True):
            known = self._known(found, n)
            more.append(Mistake(float(loss[n]), int(found.hashes[n]), rows.file, row, *known, row_values))
        self._keep(more)

    def merge(self, other: Mistakes) -> None:
        self._keep(other.kept)

    def _keep(self, more: list[Mistake]) -> None:
        left = {True: self.each, False: self.each}
        kept = []
        for n, one in enumerate(sorted([*self.kept, *more], key=lambda m: m.order)):
            side = bool(self.each) and self._is_positive(one)
            if n < self.most or left[side] > 0:
                kept.append(one)
            left[side] -= 1
        self.kept = kept

    def _least(self) -> float:
        """A row with a smaller loss than this is not kept: the least of the worst, and of each side."""
        full = [self.kept[self.most - 1 : self.most]]
        if self.each:
            full += [self.of_side(positive=side)[self.each - 1 :] for side in (True, False)]
        return min(last[0].loss for last in full) if all(full) else 0.0

    def _is_positive(self, one: Mistake) -> bool:
        if self.classes:
            return one.predicted == self.classes[-1]
        assert isinstance(one.predicted, float)
        assert isinstance(one.actual, float)
        return one.predicted > one.actual

    def _known(self, found: Judged, n: int) -> tuple[Json, Json, float | None]:
        measured = found.measured
        if isinstance(measured, Predicted):
            return float(measured.actual[n]), float(measured.predicted[n]), None
        if isinstance(measured, Labelled):
            own = [name for name, one in zip(self.classes, measured.labels, strict=True) if one.actual[n]]
            told = [name for name, one in zip(self.classes, measured.labels, strict=True) if one.predicted[n]]
            return [*own], [*told], None
        assert not isinstance(measured, Several)
        actual, predicted = (self.classes[int(c[n])] for c in (measured.actual, measured.predicted))
        given = measured.probabilities
        return actual, predicted, None if given is None else float(np.exp(-given.losses[0][n]))

    def to_json(self) -> list[Json]:
        return [
            {
                "loss": m.loss.hex(),
                "hash": f"{m.hash:016x}",
                "file": m.file,
                "row": m.row,
                "actual": m.actual,
                "predicted": m.predicted,
                "score": m.score,
                "values": m.values,
            }
            for m in self.kept
        ]

    def restore(self, stored: list[dict[str, Any]]) -> None:
        self._keep(
            [
                Mistake(
                    float.fromhex(m["loss"]),
                    int(m["hash"], 16),
                    int(m["file"]),
                    int(m["row"]),
                    m["actual"],
                    m["predicted"],
                    m["score"],
                    dict(m["values"]),
                )
                for m in stored
            ]
        )


def _worst(loss: NDArray[np.float64], hashes: Hashes, at: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Of the rows `at`, those with the greatest losses."""
    if len(at) > most:
        least = np.partition(loss[at], len(at) - most)[len(at) - most]
        at = at[loss[at] >= least]
    return at[np.lexsort((hashes[at], -loss[at]))][:most]


def _positive(found: Judged, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    measured = found.measured
    if isinstance(measured, Predicted):
        return measured.predicted[at] > measured.actual[at]
    assert isinstance(measured, Classified)
    return measured.predicted[at] == 1


def _losses(found: Judged) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    measured = found.measured
    if isinstance(measured, Predicted):
        error = np.abs(measured.error)
        return error, error > 0
    if isinstance(measured, Labelled):
        losses = [_of_classes(one)[0] for one in measured.labels]
        return np.sum(losses, axis=0), measured.facts[:, FACTS.index("right")] == 0
    assert not isinstance(measured, Several)
    return _of_classes(measured)


def _of_classes(measured: Classified) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    wrong = measured.predicted != measured.actual
    if measured.probabilities is None:
        return wrong.astype(np.float64), wrong
    return measured.probabilities.losses[0], wrong


def values_of(batch: pa.RecordBatch, places: NDArray[np.int64], shown: tuple[str, ...]) -> list[dict[str, Json]]:
    """Of some rows, the values of the columns that are shown of them."""
    columns = [_taken(batch.column(name), places).to_pylist() for name in shown]
    return [{name: _json(column[n]) for name, column in zip(shown, columns, strict=True)} for n in range(len(places))]


def _taken(column: pa.Array, places: NDArray[np.int64]) -> pa.Array:
    """pyarrow takes no row of a view, and none of runs."""
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}.get(column.type)
    return (column if plain is None else column.cast(plain)).take(pa.array(places))


_LONGEST = 200


def _json(value: Any) -> Json:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if np.isfinite(value) else str(value)
        case str():
            return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return [_json(v) for v in value[:20]]
        case dict():
            return {str(k): _json(v) for k, v in value.items()}
        case bytes():
            return f"{len(value)} bytes"
        case timedelta() | Decimal():
            return str(value)
    return str(value)
