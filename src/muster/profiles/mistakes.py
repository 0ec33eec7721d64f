"""The rows that were predicted worst, with their values: the same ones in whatever order rows are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from muster.profile import Rows
from muster.profiles.judged import Judged
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
    """At most `most`: the greatest losses, of equal ones those with the least hash. A row that was predicted right is none."""

    def __init__(self, most: int, classes: tuple[Scalar, ...] = ()) -> None:
        self.most, self.classes = most, classes
        self.worst: list[Mistake] = []

    def add(self, rows: Rows, found: Judged, shown: tuple[str, ...]) -> None:
        loss, wrong = _losses(found)
        at = np.flatnonzero(wrong)
        if not len(at) or not self.most:
            return
        if len(at) > self.most:
            least = np.partition(loss[at], len(at) - self.most)[len(at) - self.most]
            at = at[loss[at] >= least]
        at = at[np.lexsort((found.hashes[at], -loss[at]))][: self.most]
        places = found.places[at]
        values = values_of(rows.batch, places, shown)
        numbers = rows.numbers()[places]
        for n, row, row_values in zip(at.tolist(), numbers.tolist(), values, strict=True):
            known = self._known(found, n)
            self.worst.append(Mistake(float(loss[n]), int(found.hashes[n]), rows.file, row, *known, row_values))
        self._keep([])

    def merge(self, other: Mistakes) -> None:
        self._keep(other.worst)

    def _keep(self, more: list[Mistake]) -> None:
        self.worst = sorted([*self.worst, *more], key=lambda m: m.order)[: self.most]

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
            for m in self.worst
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


def _losses(found: Judged) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    measured = found.measured
    if isinstance(measured, Predicted):
        error = np.abs(measured.predicted - measured.actual)
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
    """pyarrow takes no row of a view."""
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
