"""What a predictor answered, held against what the contract promises.

What is wrong with the answer as a whole (its rows, columns, types) fails the call; what is wrong with a row faults it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts import type_name
from muster.errors import ModelFailed
from muster.signature import Output

__all__ = ["OPTIONAL", "SUM_TOLERANCE", "Label", "check"]

Label: TypeAlias = Callable[[pa.Array], pa.Array]
"""Makes labels of probabilities."""

OPTIONAL = ("prediction_low", "prediction_high", "explanations", "served_by", "error")
"""What an answer may have beside `Output.schema`."""

SUM_TOLERANCE = 1e-3
"""How far from 1 probabilities may add up: services round them, and float32 adds roughly."""

_EDGE = 1e-6
"""How far outside of [0, 1] float32 arithmetic may leave a probability, which is then put on the edge."""

_Rows: TypeAlias = npt.NDArray[np.bool_]


def check(answer: pa.RecordBatch, rows: int, output: Output, label: Label | None = None) -> pa.RecordBatch:
    """The answer, with `error` and nulls in the rows that break the promise; ModelFailed if it is no answer for `rows` rows.

    With `label`, its labels stand in place of the model's own.
    """
    _check_shape(answer, rows, output)
    columns = dict(zip(answer.schema.names, answer.columns, strict=True))
    faults = _Faults(columns.pop("error", None), rows)
    if output.probabilities:
        columns["probabilities"] = _probabilities(columns["probabilities"], output, faults)
    if label is None:
        _prediction(columns["prediction"], output, faults)
    else:
        columns["prediction"] = label(columns["probabilities"])
    errors = faults.array()
    if errors is None:
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    sound = errors.is_null()
    kept = {n: c if n == "served_by" else pc.if_else(sound, c, pa.scalar(None, c.type)) for n, c in columns.items()}
    return pa.RecordBatch.from_arrays([*kept.values(), errors], names=[*kept, "error"])


def _check_shape(answer: pa.RecordBatch, rows: int, output: Output) -> None:
    if answer.num_rows != rows:
        raise ModelFailed(
            f"the model answered {answer.num_rows} rows for {rows}",
            hint="a model must answer each row it is given, in order",
        )
    schema, expected = answer.schema, output.schema
    wrong = [f"`{n}` is not in it" for n in expected.names if n not in schema.names]
    wrong += [f"`{n}` is in it twice" for n in dict.fromkeys(schema.names) if schema.names.count(n) > 1]
    wrong += [f"`{n}` is no column of an answer" for n in schema.names if n not in expected.names and n not in OPTIONAL]
    for field in (*expected, pa.field("error", pa.string())):
        have = schema.field(field.name).type if schema.names.count(field.name) == 1 else field.type
        if have != field.type:
            wrong.append(f"`{field.name}` is {type_name(have)} and not {type_name(field.type)}")
    if wrong:
        raise ModelFailed(f"the model's answer is not of its kind: {'; '.join(wrong)}", hint="register the model again")


class _Faults:
    """What is wrong with rows; what was found first of a row stands."""

    def __init__(self, given: pa.Array | None, rows: int) -> None:
        self._rows = rows
        self._texts: list[str | None] | None = None
        if given is not None and given.null_count < rows:
            self._texts = given.to_pylist()

    def add(self, faulty: _Rows, messages: Callable[[npt.NDArray[np.intp]], Iterable[str]]) -> None:
        """Fault these rows. Nothing that is told of a row with an error already counts."""
        places = np.flatnonzero(faulty)
        if not places.size:
            return
        texts = self._texts = self._texts or [None] * self._rows
        for place, message in zip(places.tolist(), messages(places), strict=True):
            texts[place] = texts[place] or message

    def array(self) -> pa.Array | None:
        return None if self._texts is None else pa.array(self._texts, pa.string())


def _mask(array: pa.Array) -> _Rows:
    return array.to_numpy(zero_copy_only=False).astype(np.bool_, copy=False)


def _none(array: pa.Array, what: str, faults: _Faults) -> None:
    if array.null_count:
        faults.add(_mask(array.is_null()), lambda places: [f"the model gave no {what}"] * len(places))


def _prediction(array: pa.Array, output: Output, faults: _Faults, of: str = "") -> None:
    """Nulls, numbers that are none, labels that are no classes. A task of `other` may answer anything."""
    if output.task == "other":
        return
    _none(array, f"prediction{of}", faults)
    if output.task == "multioutput":
        for name, child in zip(array.type.names, array.flatten(), strict=True):
            if name in output.targets:
                _prediction(child, output.targets[name], faults, f" of `{name}`")
    elif output.task in {"binary", "multiclass"}:
        _labels(array, output, faults, of)
    elif output.task == "regression" and pa.types.is_floating(array.type):
        values = array.to_numpy(zero_copy_only=False)
        if not np.isfinite(values.min(initial=0) + values.max(initial=0)):
            bad = ~np.isfinite(values) & _mask(array.is_valid())
            faults.add(bad, lambda places: [f"the model's prediction{of} is {v}" for v in values[places]])


def _labels(array: pa.Array, output: Output, faults: _Faults, of: str) -> None:
    known = pc.is_in(array, value_set=pa.array([*output.classes, None], output.type))
    if known.true_count == len(array):
        return
    classes = ", ".join(map(str, output.classes))
    faults.add(
        ~_mask(known),
        lambda places: [
            f"the model answered{of} `{v}`, which is none of its classes ({classes})"
            for v in array.take(pa.array(places)).to_pylist()
        ],
    )


def _probabilities(array: pa.Array, output: Output, faults: _Faults, of: str = "") -> pa.Array:
    """The probabilities, put on the edge where they are a breath outside."""
    if output.task == "multioutput":
        _none(array, "probabilities", faults)
        children = [
            _probabilities(child, output.targets[name], faults, f" of `{name}`")
            for name, child in zip(array.type.names, array.flatten(), strict=True)
        ]
        return pa.StructArray.from_arrays(children, fields=list(array.type), mask=array.is_null())
    _none(array, f"probabilities{of}", faults)
    valid = _mask(array.is_valid())
    values = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(output.classes))
    single = output.task == "multilabel"
    if _sound(values, single=single):
        return array
    _fault_rows(values, np.flatnonzero(valid), faults, of, single=single)
    clipped = np.zeros((len(array), len(output.classes)))
    clipped[valid] = np.clip(values, 0, 1)
    return pa.FixedSizeListArray.from_arrays(pa.array(clipped.ravel()), type=array.type, mask=array.is_null())


def _sound(values: npt.NDArray[Any], *, single: bool) -> bool:
    """Whether nothing at all is wrong; NaN compares as wrong."""
    if not values.size:
        return True
    if not (values.min() >= 0 and values.max() <= 1):
        return False
    return single or bool(np.abs(values @ np.ones(values.shape[1]) - 1).max() <= SUM_TOLERANCE)


def _fault_rows(
    values: npt.NDArray[Any], places: npt.NDArray[np.intp], faults: _Faults, of: str, *, single: bool
) -> None:
    """`places` are the rows of the answer that `values` has."""

    def add(bad: _Rows, text: Callable[[npt.NDArray[Any]], str]) -> None:
        faulty = np.zeros(faults_rows, np.bool_)
        faulty[places[bad]] = True
        faults.add(faulty, lambda _: [f"the model's probabilities{of} {text(row)}" for row in values[bad]])

    faults_rows = int(places[-1]) + 1
    finite = np.isfinite(values).all(axis=1)
    inside = ((values >= -_EDGE) & (values <= 1 + _EDGE)).all(axis=1)
    add(~finite, lambda row: f"are not finite: {_list(row)}")
    add(finite & ~inside, lambda row: f"are not within 0 and 1: {_list(row)}")
    if not single:
        with np.errstate(invalid="ignore"):
            apart = np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE
        add(finite & inside & apart, lambda row: f"add up to {row.sum():.6g}, not 1: {_list(row)}")


def _list(row: npt.NDArray[Any]) -> str:
    return ", ".join(f"{v:.6g}" for v in row[:8]) + (", …" if len(row) > 8 else "")
