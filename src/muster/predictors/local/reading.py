"""A model's raw answer becomes the one prediction shape: labels of the registered type, probabilities in the registered order.

What the answer says of a row is taken as it is; whether probabilities are finite and add up is asked once, for local and
external models alike, in `predictors/answers.py`. Here a row gets an `error` only where its label cannot be understood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts import type_name
from muster.errors import ModelFailed
from muster.predictors.local.raw import (
    MISSING,
    Floats,
    column,
    counted,
    flat,
    floats,
    inexact,
    is_list,
    is_text,
    matrix,
    places,
    texts,
)
from muster.records import Reading
from muster.signature import Output, Scalar, canonical

__all__ = ["read", "scores", "wanted"]


def wanted(reading: Reading) -> tuple[str, ...]:
    """The raw outputs that `read` needs; empty where it needs all."""
    if reading.value is None and reading.label is None and not reading.probabilities:
        return ()
    return tuple(n for n in (reading.label, reading.value, *reading.probabilities) if n is not None)


def read(raw: pa.RecordBatch, reading: Reading, output: Output) -> pa.RecordBatch:
    """`prediction`, `probabilities` where the output has them, and `error` if a row has one.

    ModelFailed if the answer is not of the form that was registered.
    """
    prediction, probabilities, errors = _READERS[output.task](raw, reading, output)
    columns = {"prediction": prediction}
    if output.probabilities:
        columns["probabilities"] = probabilities
    if errors is not None and errors.null_count < len(errors):
        sound = errors.is_null()
        columns = {n: pc.if_else(sound, c, pa.scalar(None, c.type)) for n, c in columns.items()}
        columns["error"] = errors
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


_Parts = tuple[pa.Array, pa.Array | None, pa.Array | None]
"""Predictions, probabilities, errors."""


def _classified(raw: pa.RecordBatch, reading: Reading, output: Output) -> _Parts:
    native = reading.classes or output.classes
    order = _order(native, output.classes)
    registered = None if not reading.probabilities else _permuted(scores(raw, reading, native), order)
    errors = None
    if reading.label is not None:
        labels = column(raw, reading.label)
        found = places(labels, native, codes=reading.codes)
        errors = _unknown(labels, found, native)
        # A place among the native classes becomes one among the registered; those below 0 stay below.
        found = np.append(np.argsort(order), [MISSING, MISSING])[found]
    else:
        assert registered is not None, "a reading has labels or probabilities"
        found = _chosen(registered)
    values = pa.array(list(output.classes), output.type)
    prediction = values.take(pa.array(found, mask=found < 0))
    return prediction, None if registered is None else _as_lists(registered, output), errors


def _order(native: Sequence[Scalar], registered: Sequence[Scalar]) -> npt.NDArray[np.intp]:
    """For each registered class its place in the model's own order."""
    known = {canonical(c): i for i, c in enumerate(native)}
    return np.array([known[canonical(c)] for c in registered], np.intp)


def _permuted(found: Floats, order: npt.NDArray[np.intp]) -> Floats:
    return found if (order == np.arange(len(order))).all() else found[:, order]


def scores(raw: pa.RecordBatch, reading: Reading, classes: Sequence[Scalar]) -> Floats:
    """Rows by classes, in the model's own order. One number a row is the last class's."""
    parts = [matrix(column(raw, name), name, classes) for name in reading.probabilities]
    found = _ACTIVATIONS[reading.activation](parts[0] if len(parts) == 1 else np.hstack(parts))
    if found.shape[1] == 1 and len(classes) == 2:
        return np.hstack([1.0 - found, found])
    if found.shape[1] != len(classes):
        raise ModelFailed(
            f"the model gives {counted(found.shape[1])} for each row, and it has {len(classes)} classes: {texts(classes)}",
            hint="register the model again if its classes have changed",
        )
    return found


def _sigmoid(raw: Floats) -> Floats:
    # Written with exp(-|x|), which never overflows.
    small = np.exp(-np.abs(raw))
    return np.where(raw >= 0, 1 / (1 + small), small / (1 + small))


def _softmax(raw: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # infinities become NaN, which is a fault of the row
        shifted = np.exp(raw - raw.max(axis=1, keepdims=True, initial=-np.inf))
        return shifted / shifted.sum(axis=1, keepdims=True)


def _normalised(raw: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):  # so does a row of zeros
        return raw / raw.sum(axis=1, keepdims=True)


def _exp(raw: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.exp(raw)


_ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "none": lambda raw: raw,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "exp": _exp,
    "normalise": _normalised,
}


def _chosen(found: Floats) -> npt.NDArray[np.intp]:
    """The place of the label where the model gives none: positive from 0.5 on, else the most probable class."""
    return (found[:, 1] >= 0.5).astype(np.intp) if found.shape[1] == 2 else found.argmax(axis=1)


def _as_lists(found: Floats, output: Output) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(
        pa.array(np.ascontiguousarray(found).ravel()), type=output.probabilities_type
    )


def _unknown(labels: pa.Array, found: npt.NDArray[np.int64], classes: Sequence[Scalar]) -> pa.Array | None:
    faulty = np.flatnonzero(found < 0)
    if not faulty.size:
        return None
    messages: list[str | None] = [None] * len(found)
    for row, label in zip(faulty.tolist(), flat(labels).take(pa.array(faulty)).to_pylist(), strict=True):
        messages[row] = (
            "the model gave no label"
            if label is None
            else f"the model answered `{label}`, which is none of its classes ({texts(classes)})"
        )
    return pa.array(messages, pa.string())


def _multilabel(raw: pa.RecordBatch, reading: Reading, output: Output) -> _Parts:
    native = reading.classes or output.classes
    order = _order(native, output.classes)
    found = _permuted(_independent(raw, reading, native), order) if reading.probabilities else None
    if reading.label is not None:
        held = _permuted(_held(column(raw, reading.label), reading.label, native), order)
    else:
        assert found is not None, "a reading has labels or probabilities"
        held = found
    mask = pa.array(~np.isfinite(held).all(axis=1))
    chosen = pa.array((held >= 0.5).ravel())
    prediction = pa.FixedSizeListArray.from_arrays(chosen, type=output.type, mask=mask)
    return prediction, None if found is None else _as_lists(found, output), None


def _independent(raw: pa.RecordBatch, reading: Reading, classes: Sequence[Scalar]) -> Floats:
    """A probability for each class: one column of lists, or a column for each class, where of (no, yes) the last counts."""
    columns = [column(raw, name) for name in reading.probabilities]
    if len(columns) == 1:
        return _ACTIVATIONS[reading.activation](matrix(columns[0], reading.probabilities[0], classes))
    each = [matrix(c, n, ())[:, -1] for c, n in zip(columns, reading.probabilities, strict=True)]
    return _ACTIVATIONS[reading.activation](np.column_stack(each))


def _held(labels: pa.Array, name: str, classes: Sequence[Scalar]) -> Floats:
    """1 where a row has the class, else 0; from flags in class order, or from lists of class names. NaN where the model gave null."""
    if not (is_list(labels.type) and is_text(labels.type.value_type)):
        flags = matrix(labels, name, classes)
        return np.where(np.isnan(flags), np.nan, flags > 0)
    held = np.zeros((len(labels), len(classes)))
    held[labels.is_null().to_numpy(zero_copy_only=False)] = np.nan
    found = places(labels.flatten(), classes)
    if (found < 0).any():
        raise ModelFailed(
            f"the model's `{name}` has labels that are none of its classes ({texts(classes)})",
            hint="declare all classes",
        )
    held[pc.list_parent_indices(labels).to_numpy(zero_copy_only=False), found] = 1
    return held


def _regressed(raw: pa.RecordBatch, reading: Reading, output: Output) -> _Parts:
    assert reading.value is not None, "a regression reads a value"
    given = flat(column(raw, reading.value))
    values = pa.array(floats(given, reading.value)).cast(output.type)
    lost = inexact(given)
    if not lost.any():
        return values, None, None
    numbers = given.filter(pa.array(lost)).to_pylist()
    said = [f"the model answered {n}, which has more digits than a prediction holds" for n in numbers]
    errors = pa.array(said, pa.string()).take(pa.array(np.cumsum(lost) - 1, mask=~lost))
    return values, None, errors


def _targets(raw: pa.RecordBatch, reading: Reading, output: Output) -> _Parts:
    """Each target is read as a model of its own; what is wrong with one is wrong with the row."""
    values = _by_target(raw, reading, tuple(output.targets))
    known = dict(zip(_with_probabilities(output), reading.probabilities, strict=True))
    predictions, probabilities, errors = [], [], []
    for name, target in output.targets.items():
        part, own = {"value": values[name]}, Reading(value="value")
        if target.classes:
            own = replace(own, value=None, label="value", classes=target.classes, activation=reading.activation)
        if name in known:
            part["probabilities"] = column(raw, known[name])
            own = replace(own, probabilities=("probabilities",))
        prediction, found, error = _READERS[target.task](pa.record_batch(part), own, target)
        predictions.append(prediction)
        probabilities += [] if found is None else [found]
        errors += [] if error is None else [error]
    whole = pa.StructArray.from_arrays(predictions, fields=list(output.type))
    scored = (
        pa.StructArray.from_arrays(probabilities, fields=list(output.probabilities_type))
        if output.probabilities
        else None
    )
    return whole, scored, pc.coalesce(*errors) if errors else None


def _with_probabilities(output: Output) -> list[str]:
    return [n for n, t in output.targets.items() if t.probabilities]


def _by_target(raw: pa.RecordBatch, reading: Reading, names: tuple[str, ...]) -> dict[str, pa.Array]:
    """The values of each target: columns of their names, or the places of one column of lists or structs."""
    if reading.value is None:
        return {n: column(raw, n) for n in names}
    values = column(raw, reading.value)
    if pa.types.is_struct(values.type):
        return {n: pc.struct_field(values, n) for n in names}
    if not pa.types.is_fixed_size_list(values.type) or values.type.list_size != len(names):
        raise ModelFailed(
            f"the model's `{reading.value}` is {type_name(values.type)}, and there are {len(names)} targets: {texts(names)}",
            hint="register the model again",
        )
    return {n: pc.list_element(values, i) for i, n in enumerate(names)}


def _other(raw: pa.RecordBatch, reading: Reading, output: Output) -> _Parts:
    """The answer as it is: one column, or all of them as a struct."""
    value: Any = raw.to_struct_array() if reading.value is None else column(raw, reading.value)
    if value.type == output.type:
        return value, None, None
    try:
        return value.cast(output.type), None, None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        raise ModelFailed(
            f"the model answered {type_name(value.type)}, and {type_name(output.type)} when it was registered",
            hint="a model must answer in one form: register it again if its form has changed",
        ) from None


_READERS: dict[str, Callable[[pa.RecordBatch, Reading, Output], _Parts]] = {
    "binary": _classified,
    "multiclass": _classified,
    "multilabel": _multilabel,
    "regression": _regressed,
    "multioutput": _targets,
    "other": _other,
}
