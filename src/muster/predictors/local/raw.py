"""Columns of a model's raw answer as numpy: numbers by row and class, and labels by their place among the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts import type_name
from muster.errors import ModelFailed, plural
from muster.signature import Scalar, canonical

__all__ = [
    "MISSING",
    "UNKNOWN",
    "Floats",
    "column",
    "counted",
    "flat",
    "inexact",
    "is_list",
    "is_number",
    "is_text",
    "matrix",
    "places",
    "texts",
]

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int64]

UNKNOWN = -1
"""The place of a label that is no class."""
MISSING = -2
"""The place of a label that is null."""


def is_list(kind: pa.DataType) -> bool:
    """Lists of any length."""
    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def is_number(kind: pa.DataType) -> bool:
    """Integers, floats and decimals; bools are none."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """Text, also as a dictionary."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def column(raw: pa.RecordBatch, name: str) -> pa.Array:
    """The raw output of that name; ModelFailed if the model gave none."""
    if name not in raw.schema.names:
        raise ModelFailed(
            f"the model's answer has no `{name}`, which it had when it was registered; it has {', '.join(raw.schema.names)}",
            hint="a model must answer in one form: register it again if its form has changed",
        )
    return raw.column(name)


def flat(array: pa.Array) -> pa.Array:
    """A column of lists of one value as a column of these values: libraries give (n, 1) where they mean (n,)."""
    if pa.types.is_fixed_size_list(array.type) and array.type.list_size == 1:
        return pc.list_element(array, 0)
    return array


def floats(array: pa.Array, name: str) -> Floats:
    """The numbers of a column, NaN where it is null."""
    if not (is_number(array.type) or pa.types.is_boolean(array.type)):
        raise ModelFailed(
            f"the model's `{name}` holds {type_name(array.type)}, where numbers are expected",
            hint="register the model again",
        )
    # Arrow refuses whole numbers beyond 2**53, also those that a double holds: where each digit counts, `inexact` is asked.
    return array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def inexact(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a whole number is none that `floats` gives exactly."""
    if not pa.types.is_integer(array.type) or array.type.bit_width < 64:
        return np.zeros(len(array), np.bool_)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    rounded = values.astype(np.float64)
    most = 2.0**63 if values.dtype.kind == "i" else 2.0**64
    within = rounded < most
    return ~within | (np.where(within, rounded, 0).astype(values.dtype) != values)


def matrix(array: pa.Array, name: str, classes: Sequence[Scalar]) -> Floats:
    """A column as rows by numbers: lists, structs with a field per class, or single numbers, which make one column.

    A row of another length than most is NaN; ModelFailed if no row has as many numbers as there are classes, or one.
    """
    if pa.types.is_struct(array.type):
        return _by_class(array, name, classes)
    if not is_list(array.type):
        return floats(array, name).reshape(-1, 1)
    if pa.types.is_fixed_size_list(array.type) and not array.null_count:
        size = array.type.list_size
        _check_width(name, size, classes)
        return floats(array.flatten(), name).reshape(-1, size)
    lengths = pc.list_value_length(array).cast(pa.int64()).to_numpy(zero_copy_only=False)
    found = lengths[lengths == lengths]  # noqa: PLR0124  # NaN, where the list is null, equals nothing
    size = len(classes) if (found == len(classes)).any() or not found.size else int(found[0])
    _check_width(name, size, classes)
    whole = lengths == size
    values = np.full((len(array), size), np.nan)
    values[whole] = floats(array.filter(pa.array(whole)).flatten(), name).reshape(-1, size)
    return values


def _check_width(name: str, size: int, classes: Sequence[Scalar]) -> None:
    if classes and size not in {1, len(classes)}:
        raise ModelFailed(
            f"the model's `{name}` has {plural(size, 'number')} in a row, and there are {len(classes)} classes: {texts(classes)}",
            hint="declare as many classes as the model has, in its order",
        )


def _by_class(array: pa.Array, name: str, classes: Sequence[Scalar]) -> Floats:
    fields = {canonical(f.name): i for i, f in enumerate(array.type)}
    lacking = [c for c in classes if canonical(c) not in fields]
    if lacking:
        raise ModelFailed(
            f"the model's `{name}` has {len(fields)} fields ({texts([f.name for f in array.type])}) and none for {texts(lacking)}",
            hint="declare the classes by the names that the model gives them",
        )
    columns = [floats(pc.struct_field(array, fields[canonical(c)]), name) for c in classes]
    return np.column_stack(columns) if columns else np.empty((len(array), 0))


def places(labels: pa.Array, classes: Sequence[Scalar], *, codes: bool = False) -> Places:
    """The place of each label among the classes; UNKNOWN and MISSING are below 0.

    Where no class reads as a number, whole numbers are places themselves: what a model gives that was trained on codes.
    With `codes` they are in any case, also where the classes are other numbers.
    """
    labels = flat(labels)
    encoded = labels if pa.types.is_dictionary(labels.type) else _distinct(labels)
    values = encoded.dictionary.to_pylist()
    known = {canonical(c): i for i, c in enumerate(classes)}
    if classes and not any(_numeric(c) for c in known):
        codes = codes or is_number(encoded.type.value_type)
    elif codes:
        known = {}
    if codes:
        known |= {str(i): i for i in range(len(classes))}
    table = np.array([MISSING if v is None else known.get(canonical(v), UNKNOWN) for v in values] + [MISSING], np.int64)
    return table[encoded.indices.cast(pa.int64()).fill_null(len(values)).to_numpy(zero_copy_only=False)]


def _distinct(labels: pa.Array) -> pa.DictionaryArray:
    if pa.types.is_nested(labels.type):
        raise ModelFailed(
            f"the model's labels are {type_name(labels.type)}, where one label for each row is expected",
            hint="declare the task, or where the labels are: output={'label': …}",
        )
    return labels.dictionary_encode()


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in {"true", "false"}
    return True


def counted(probabilities: int) -> str:
    """1 probability, 3 probabilities."""
    return "1 probability" if probabilities == 1 else f"{probabilities:,} probabilities"


def texts(values: Sequence[Any], most: int = 12) -> str:
    """Values as a message shows them: `no`, `yes`."""
    shown = ", ".join(f"`{v}`" for v in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown
