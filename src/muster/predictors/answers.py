"""What a predictor answered, held against what the contract promises.

What is wrong with the answer as a whole (its rows, columns, types) fails the call; what is wrong with a row faults it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts import nulled, type_name
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
    faulty = _mask(errors.is_valid())
    kept = {n: c if n == "served_by" else nulled(c, faulty) for n, c in columns.items()}
    return pa.RecordBatch.from_arrays([*kept.values(), errors], names=[*kept, "error"])


def _check_shape(answer: pa.RecordBatch, rows: int, output: Output) -> None:
    if not isinstance(answer, pa.RecordBatch):
        raise ModelFailed(
            f"the predictor answered a {type(answer).__name__}", hint="a predictor must answer a record batch"
        )
    if answer.num_rows != rows:
        raise ModelFailed(
            f"the model answered {answer.num_rows} rows for {rows}",
            hint="a model must answer each row it is given, in order",
        )
    names, expected = answer.schema.names, output.schema
    wrong = [f"`{n}` is not in it" for n in expected.names if n not in names]
    wrong += [f"`{n}` is in it twice" for n in dict.fromkeys(names) if names.count(n) > 1]
    wrong += [f"`{n}` is no column of an answer" for n in names if n not in expected.names and n not in OPTIONAL]
    for field in (*expected, _ERROR):
        have = answer.schema.field(field.name).type if names.count(field.name) == 1 else field.type
        if have != field.type:
            wrong.append(f"`{field.name}` is {type_name(have)} and not {type_name(field.type)}")
    if wrong:
        raise ModelFailed(f"the model's answer is not of its kind: {'; '.join(wrong)}", hint="register the model again")


_ERROR = pa.field("error", pa.string())


class _Faults:
    """What is wrong with rows; what was found first of a row stands."""

    def __init__(self, given: pa.Array | None, rows: int) -> None:
        self.rows = rows
        self._texts: list[str | None] | None = None
        if given is not None and given.null_count < rows:
            self._texts = given.to_pylist()

    def add(self, places: npt.NDArray[np.intp], messages: Iterable[str]) -> None:
        """Fault these rows. What is wrong with a row that has an error already says nothing new."""
        if not places.size:
            return
        texts = self._texts = self._texts or [None] * self.rows
        for place, message in zip(places.tolist(), messages, strict=True):
            texts[place] = texts[place] or message

    def array(self) -> pa.Array | None:
        return None if self._texts is None else pa.array(self._texts, pa.string())


def _mask(array: pa.Array) -> _Rows:
    return array.to_numpy(zero_copy_only=False)


def _none(array: pa.Array, what: str, faults: _Faults) -> None:
    if array.null_count:
        places = np.flatnonzero(_mask(array.is_null()))
        faults.add(places, [f"the model gave no {what}"] * len(places))


def _prediction(array: pa.Array, output: Output, faults: _Faults, of: str = "") -> None:
    """Nulls, numbers that are none, labels that are no classes. A task of `other` may answer anything."""
    if output.task == "other":
        return
    _none(array, f"prediction{of}", faults)
    match output.task:
        case "multioutput":
            for name, child in zip(array.type.names, array.flatten(), strict=True):
                if name in output.targets:
                    _prediction(child, output.targets[name], faults, f" of `{name}`")
        case "multilabel":
            _flags(array, faults)
        case "regression":
            _numbers(array, faults, of)
        case _:
            _labels(array, output, faults, of)


def _labels(array: pa.Array, output: Output, faults: _Faults, of: str) -> None:
    known = pc.is_in(array, value_set=pa.array([*output.classes, None], output.type))
    if known.true_count == len(array):
        return
    places = np.flatnonzero(~_mask(known))
    classes = ", ".join(map(str, output.classes))
    given = array.take(pa.array(places)).to_pylist()
    faults.add(
        places, [f"the model answered{of} `{label}`, which is none of its classes ({classes})" for label in given]
    )


def _flags(array: pa.Array, faults: _Faults) -> None:
    flags = array.flatten()
    if flags.null_count:
        rows = np.repeat(np.flatnonzero(_mask(array.is_valid())), array.type.list_size)
        places = np.unique(rows[_mask(flags.is_null())])
        faults.add(places, ["the model left a class undecided"] * len(places))


def _numbers(array: pa.Array, faults: _Faults, of: str) -> None:
    if not pa.types.is_floating(array.type):
        return
    values = array.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(values.min(initial=0) - values.max(initial=0))
    if not sound:
        places = np.flatnonzero(~np.isfinite(values) & _mask(array.is_valid()))
        faults.add(places, [f"the model's prediction{of} is {value}" for value in values[places]])


def _probabilities(array: pa.Array, output: Output, faults: _Faults, of: str = "") -> pa.Array:
    """The probabilities, put on the edge where they are a breath outside."""
    mask = array.is_null() if array.null_count else None
    if output.task == "multioutput":
        children = [
            _probabilities(child, output.targets[name], faults, f" of `{name}`")
            for name, child in zip(array.type.names, array.flatten(), strict=True)
        ]
        return pa.StructArray.from_arrays(children, fields=list(array.type), mask=mask)
    _none(array, f"probabilities{of}", faults)
    values = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(output.classes))
    together = output.task != "multilabel"
    if _sound(values, together=together):
        return array
    places = np.flatnonzero(_mask(array.is_valid()))
    for bad, text in _unsound(values, together=together):
        faults.add(places[bad], [f"the model's probabilities{of} {text}: {_shown(row)}" for row in values[bad]])
    clipped = np.zeros((len(array), values.shape[1]))
    clipped[places] = np.clip(values, 0, 1)
    return pa.FixedSizeListArray.from_arrays(pa.array(clipped.ravel()), type=array.type, mask=mask)


def _sound(values: npt.NDArray[np.float64], *, together: bool) -> bool:
    """Whether nothing at all is wrong, which is quick to see. NaN compares as wrong."""
    if not values.size:
        return True
    if not (values.min() >= 0 and values.max() <= 1):
        return False
    return not together or bool(np.abs(values @ np.ones(values.shape[1]) - 1).max() <= SUM_TOLERANCE)


def _unsound(values: npt.NDArray[np.float64], *, together: bool) -> Iterator[tuple[_Rows, str]]:
    """The rows that break a rule, and which."""
    finite: _Rows = np.all(np.isfinite(values), axis=1)
    yield ~finite, "are not finite"
    inside: _Rows = np.all((values >= -_EDGE) & (values <= 1 + _EDGE), axis=1)
    yield finite & ~inside, "are not within 0 and 1"
    if together:
        apart = np.abs(np.where(inside, values.sum(axis=1, where=inside[:, None]), 1) - 1) > SUM_TOLERANCE
        yield apart, "do not add up to 1"


def _shown(row: npt.NDArray[np.float64]) -> str:
    return ", ".join(f"{v:.6g}" for v in row[:8]) + (", …" if len(row) > 8 else "")
