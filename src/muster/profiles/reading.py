"""Arrow arrays as the kinds of columns that are measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from muster.casts.numbers import decimal_to_float
from muster.profiles.keys import Cells, Floats
from muster.profiles.vectors import Lists

__all__ = ["booleans", "doubles", "fractions", "kind_of", "lists", "plain", "seconds"]

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_PER_DAY = 86_400


def _is_vector(kind: pa.DataType) -> bool:
    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(listed and types.is_floating(kind.value_type))


_KINDS: list[tuple[Callable[[pa.DataType], bool], str]] = [
    (types.is_null, "null"),
    (types.is_boolean, "boolean"),
    (lambda kind: types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind), "number"),
    (lambda kind: types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind), "text"),
    (types.is_date, "date"),
    (lambda kind: types.is_timestamp(kind) and kind.tz is None, "timestamp"),
    (types.is_timestamp, "timestamp_utc"),
    (types.is_time, "clock"),
    (types.is_duration, "duration"),
    (_is_vector, "vector"),
]


def kind_of(kind: pa.DataType) -> str:
    """How columns of a type are measured; `other` where they are only counted as present or missing."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind_of(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return kind_of(kind.value_type)
    return next((name for fits, name in _KINDS if fits(kind)), "other")


def plain(array: pa.Array) -> pa.Array:
    """The values, without what only says how they are written. Texts are large_string, or by dictionary if no null is in it; what is not
    measured is True where it is present.
    """
    if isinstance(array.type, pa.BaseExtensionType):
        return plain(array.storage)
    if types.is_run_end_encoded(array.type):
        rows = np.arange(array.offset, array.offset + len(array))
        runs = np.searchsorted(array.run_ends.to_numpy(), rows, side="right")
        return _decoded(pa.array(runs), plain(array.values))
    if types.is_dictionary(array.type):
        return _decoded(array.indices, plain(array.dictionary))
    if types.is_string(array.type) or types.is_string_view(array.type):
        return array.cast(pa.large_string())
    return array if kind_of(array.type) != "other" else pa.array(np.ones(len(array), np.bool_), mask=~_present(array))


def _decoded(places: pa.Array, values: pa.Array) -> pa.Array:
    if types.is_large_string(values.type) and not values.null_count:
        return pa.DictionaryArray.from_arrays(places, values)
    return values.take(places)


def _present(array: pa.Array) -> npt.NDArray[np.bool_]:
    return array.is_valid().to_numpy(zero_copy_only=False)


# The arrays below have no nulls.


def doubles(array: pa.Array) -> Floats:
    if types.is_decimal(array.type):
        rule = decimal_to_float(array.type, pa.float64())
        assert rule.run is not None  # only a rule that does nothing has none
        array, _ = rule.run(array)
    return array.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)


def booleans(array: pa.Array) -> npt.NDArray[np.bool_]:
    return array.to_numpy(zero_copy_only=False).astype(np.bool_, copy=False)


def fractions(array: pa.Array) -> Floats:
    """Times of day and durations, in seconds."""
    return _ticks(array) / float(_PER_SECOND[array.type.unit])


def seconds(array: pa.Array) -> Cells:
    """Dates and timestamps as seconds since 1970, rounded down; those with a zone by UTC."""
    if types.is_date32(array.type):
        return _ticks(array) * _PER_DAY
    return _ticks(array) // _PER_SECOND["ms" if types.is_date64(array.type) else array.type.unit]


def lists(array: pa.Array) -> Lists:
    """Lists of floats; a null among their elements is NaN."""
    if types.is_fixed_size_list(array.type):
        size = array.type.list_size
        offsets = np.arange(len(array) + 1, dtype=np.int64) * size
    else:
        places = array.offsets.to_numpy()
        offsets = places.astype(np.int64) - int(places[0])
    values = array.flatten().to_numpy(zero_copy_only=False)
    return Lists(values.astype(np.float64, copy=False), offsets)


def _ticks(array: pa.Array) -> Cells:
    wide = pa.int32() if array.type.bit_width == 32 else pa.int64()
    return array.view(wide).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
