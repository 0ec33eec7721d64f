"""Columns of a batch as lists of JSON values, a column at a time: for numbers no call of Python's is made for each."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts import is_list
from muster.errors import InvalidInput
from muster.predictors.external.codecs.request import RequestSpec
from muster.predictors.external.codecs.template import OMIT
from muster.signature import TENSOR

__all__ = ["plain_column", "wire_column"]

Values: TypeAlias = list[Any]
_Mask: TypeAlias = npt.NDArray[np.bool_]


def plain_column(array: pa.Array) -> pa.Array:
    """Without what is only a way of storing: dictionaries, extensions, runs."""
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def wire_column(array: pa.Array, field: pa.Field, spec: RequestSpec) -> Values:
    """The column as it is sent. What stands for a missing value is put in place of nulls and of numbers that are not finite."""
    array = plain_column(array)
    values, missing = _written(array, spec)
    shape = _shape(field)
    if shape is not None:
        values = [v if v is None else np.reshape(np.array(v, object), shape).tolist() for v in values]
    if missing is not None:
        stand = _stand_in(spec)
        for place in np.flatnonzero(missing).tolist():
            values[place] = stand(values[place])
    return values


def _shape(field: pa.Field) -> tuple[int, ...] | None:
    """That of a row, where the column holds tensors of more axes than one."""
    told = (field.metadata or {}).get(TENSOR)
    if told is None:
        return None
    shape = tuple(json.loads(told)["shape"][1:])
    return shape if len(shape) > 1 and sum(n < 0 for n in shape) < 2 else None


def _stand_in(spec: RequestSpec) -> Callable[[Any], Any]:
    if spec.nan == "NaN":
        if spec.strings_only:
            return lambda value: "NaN" if value is None else _endless(value)
        return lambda value: math.nan if value is None else value
    stand: Any = {"null": None, "empty": None if spec.format == "csv" else "", "omit": OMIT}[spec.nan]
    return lambda _: stand


def _endless(value: Any) -> str:
    """The names that JSON's dialects have for what is no number."""
    return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")  # noqa: PLR0124  # NaN


def _written(array: pa.Array, spec: RequestSpec) -> tuple[Values, _Mask | None]:
    """The values, and which of them are missing."""
    write = next(write for applies, write in _WRITERS if applies(array.type))
    values, endless = write(array, spec)
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if endless is not None:
        missing = endless if missing is None else missing | endless
    if spec.strings_only and not pa.types.is_nested(array.type):
        values = _texts(values, missing)
    return values, missing


def _texts(values: Values, missing: _Mask | None) -> Values:
    if all(isinstance(v, str) for v in values[:1]) and missing is None:
        return list(map(_text, values))
    skip = missing if missing is not None else np.zeros(len(values), np.bool_)
    return [v if bad else _text(v) for v, bad in zip(values, skip.tolist(), strict=True)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _integers(array: pa.Array, _spec: RequestSpec) -> tuple[Values, _Mask | None]:
    array = array.fill_null(0) if array.null_count else array
    return array.to_numpy(zero_copy_only=False).tolist(), None


def _floats(array: pa.Array, _spec: RequestSpec) -> tuple[Values, _Mask | None]:
    numbers = array.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        sound = bool(np.isfinite(numbers).all())
    # The shortest digits that are this float32, and not those of the double that it is too.
    shortest = numbers.dtype == np.float32
    values: Values = list(map(float, numbers.astype("U32").tolist())) if shortest else numbers.astype(float).tolist()
    if sound:
        return values, None
    for place in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
        values[place] = None
    return values, ~np.isfinite(numbers)


def _booleans(array: pa.Array, spec: RequestSpec) -> tuple[Values, _Mask | None]:
    flags = array.fill_null(False).to_numpy(zero_copy_only=False).tolist()
    yes, no = spec.booleans.split("/")
    words: tuple[Any, Any] = {("true", "false"): (False, True), ("1", "0"): (0, 1)}.get((yes, no), (no, yes))
    return flags if words == (False, True) and words[0] is False else [words[f] for f in flags], None


def _strings(array: pa.Array, _spec: RequestSpec) -> tuple[Values, _Mask | None]:
    try:
        return array.to_numpy(zero_copy_only=False).tolist(), None
    except (UnicodeDecodeError, pa.ArrowException):
        raise InvalidInput("a text is no UTF-8", hint="mend the data, or send the column as bytes") from None


def _bytes(array: pa.Array, _spec: RequestSpec) -> tuple[Values, _Mask | None]:
    return [None if v is None else base64.b64encode(v).decode() for v in array.to_pylist()], None


def _decimals(array: pa.Array, spec: RequestSpec) -> tuple[Values, _Mask | None]:
    return [None if v is None else _decimal(v, spec) for v in array.to_pylist()], None


def _decimal(value: Decimal, spec: RequestSpec) -> Any:
    if spec.decimals == "string" or spec.strings_only or spec.format == "csv":
        return format(value, "f")
    return int(value) if value.as_tuple().exponent == 0 else float(value)


def _times(array: pa.Array, spec: RequestSpec) -> tuple[Values, _Mask | None]:
    if pa.types.is_date(array.type) and spec.dates.startswith("epoch"):
        array = array.cast(pa.timestamp("s"))
    if spec.dates == "iso":
        return _iso(array), None
    if spec.dates.startswith("epoch"):
        return _epoch(array, 1 if spec.dates == "epoch_s" else 1_000), None
    return [None if v is None else v.strftime(spec.dates) for v in _moments(array)], None


def _iso(array: pa.Array) -> Values:
    kind = array.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        array = array.cast(pa.timestamp(kind.unit, "UTC"))
    if pa.types.is_date64(kind):
        array = array.cast(pa.date32())
    texts = pc.replace_substring(array.cast(pa.string()), " ", "T", max_replacements=1)
    return texts.to_numpy(zero_copy_only=False).tolist()


_PER_SECOND: Mapping[str, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _epoch(array: pa.Array, per_second: int) -> Values:
    """Whole numbers where all of them are; else with fractions, rather than cut."""
    unit = _PER_SECOND[array.type.unit]
    ticks = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    if unit <= per_second:
        return (ticks * (per_second // unit)).tolist()
    step = unit // per_second
    return (ticks // step if not np.any(ticks % step) else ticks / step).tolist()


def _moments(array: pa.Array) -> list[date | datetime | None]:
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        array = array.cast(pa.timestamp("us", array.type.tz), safe=False)
    return array.to_pylist()


def _clock(array: pa.Array, _spec: RequestSpec) -> tuple[Values, _Mask | None]:
    return array.cast(pa.string()).to_numpy(zero_copy_only=False).tolist(), None


def _durations(array: pa.Array, _spec: RequestSpec) -> tuple[Values, _Mask | None]:
    """In seconds."""
    return _epoch(array, 1), None


def _nested(array: pa.Array, spec: RequestSpec) -> tuple[Values, _Mask | None]:
    flat = _flat_lists(array, spec)
    if flat is not None:
        return flat, None
    if pa.types.is_map(array.type):
        return [None if v is None else _inner(dict(v), spec) for v in array.to_pylist()], None
    return [_inner(v, spec) if v is not None else None for v in array.to_pylist()], None


def _flat_lists(array: pa.Array, spec: RequestSpec) -> Values | None:
    """Lists of whole or finite numbers, cut from one list of all; None for others."""
    if not is_list(array.type) or array.null_count or spec.strings_only or not _is_number(array.type.value_type):
        return None
    inner = array.flatten()
    values, missing = _written(inner, spec)
    if missing is not None:
        return None
    lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths).tolist()
    return [values[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)] if len(array) else []


def _inner(value: Any, spec: RequestSpec) -> Any:
    """A value within a nested one."""
    match value:
        case None:
            return _stand_in(spec)(None)
        case float() if not math.isfinite(value):
            return _stand_in(spec)(value)
        case dict():
            members = {str(k): _inner(v, spec) for k, v in value.items()}
            return {k: v for k, v in members.items() if v is not OMIT}
        case list() | tuple():
            return [None if (w := _inner(v, spec)) is OMIT else w for v in value]
        case bool() | int() | float() | str():
            return _scalar(value, spec)
    if isinstance(value, Decimal):
        return _decimal(value, spec)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, timedelta):
        return _text(value.total_seconds()) if spec.strings_only else value.total_seconds()
    if isinstance(value, (date, datetime)):
        return _scalar(_moment(value, spec), spec)
    return str(value)


def _scalar(value: Any, spec: RequestSpec) -> Any:
    if isinstance(value, bool):
        value = _booleans(pa.array([value]), spec)[0][0]
    return _text(value) if spec.strings_only else value


def _moment(value: date | datetime, spec: RequestSpec) -> Any:
    kind = pa.timestamp("us", "UTC" if getattr(value, "tzinfo", None) else None)
    return _times(pa.array([value], kind if isinstance(value, datetime) else pa.date32()), spec)[0][0]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


_Writer: TypeAlias = Callable[[pa.Array, RequestSpec], tuple[Values, "_Mask | None"]]

_WRITERS: tuple[tuple[Callable[[pa.DataType], bool], _Writer], ...] = (
    (pa.types.is_integer, _integers),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _booleans),
    (pa.types.is_decimal, _decimals),
    (lambda kind: pa.types.is_date(kind) or pa.types.is_timestamp(kind), _times),
    (pa.types.is_time, _clock),
    (pa.types.is_duration, _durations),
    (_is_bytes, _bytes),
    (pa.types.is_nested, _nested),
    (pa.types.is_null, lambda array, _: ([None] * len(array), None)),
    (lambda _: True, _strings),
)
