"""One JSON value as one that Arrow takes for a type and that means the same: nothing is cut off, rounded away or left out unsaid."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Self

import numpy as np
import pyarrow as pa

from muster.casts import dtype
from muster.signature import Json

__all__ = ["INEXACT", "UNFIT", "Number", "Object", "fit", "loads", "twice"]

UNFIT = (ValueError, TypeError, OverflowError, AttributeError, pa.ArrowException)
"""What says that a value is none of a type."""

INEXACT = 2**53
"""From here on a float may be another whole number than the one that was meant."""

_FAR = 1_000
"""Powers of ten beyond those of any type: such a number is not even tried, for its digits would fill the memory."""


class Number(float):
    """A number with a fraction or an exponent. A float has not all of its digits, so it is kept as it was written, too."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[object, ...]:
        return Number, (self.text,)


class Object(dict[str, Json]):
    """A JSON object; `twice` are the keys that it had more than once."""

    def __init__(self, pairs: Sequence[tuple[str, Json]]) -> None:
        super().__init__(pairs)
        self.twice = (
            sorted({k for k, _ in pairs if [n for n, _ in pairs].count(k) > 1}) if len(self) < len(pairs) else []
        )


def loads(text: str) -> Json:
    """ValueError if it is no JSON, RecursionError if it is nested too deeply."""
    value: Json = json.loads(text, object_pairs_hook=Object, parse_float=Number)
    return value


def twice(value: Json) -> list[str]:
    """Keys that stand twice in an object somewhere in the value."""
    if isinstance(value, Object):
        return value.twice or [k for inner in value.values() for k in twice(inner)]
    return [k for inner in value for k in twice(inner)] if isinstance(value, list) else []


def fit(value: Json, kind: pa.DataType) -> object:
    """A value that `pa.array` takes for `kind` and means the same, or an error of `UNFIT`."""
    if value is None:
        return None
    if pa.types.is_nested(kind) and isinstance(value, (dict, list)):
        return _nested(value, kind)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text(value)
    if pa.types.is_boolean(kind) and isinstance(value, bool):
        return value
    if isinstance(value, str) and (pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind)):
        return base64.b64decode(value, validate=True)
    if isinstance(value, (bool, str, list, dict)):
        raise TypeError(value)
    if pa.types.is_floating(kind):
        return _float(value, kind)
    if pa.types.is_decimal(kind):
        return _exact(value)
    if pa.types.is_integer(kind) or pa.types.is_duration(kind):
        return _integer(value)
    raise TypeError(value)


def _nested(value: dict[str, Json] | list[Json], kind: pa.DataType) -> object:
    if isinstance(value, list):
        return [fit(v, kind.value_type) for v in value]
    if pa.types.is_map(kind):
        return [(k, fit(v, kind.item_type)) for k, v in value.items()]
    if pa.types.is_struct(kind):
        return {f.name: fit(value.get(f.name), f.type) for f in kind}
    raise TypeError(value)


def _text(value: Json) -> str:
    """JSON, of numbers as they were written; strings are themselves."""
    if isinstance(value, str):
        return value
    return value.text if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _float(value: float, kind: pa.DataType) -> float:
    near = float(value)
    with np.errstate(over="ignore"):
        stored = np.array(near).astype(dtype(kind))
    if np.isinf(stored) and (isinstance(value, Number) or math.isfinite(near)):
        raise OverflowError(value)
    return near


def _exact(value: float) -> Decimal:
    try:
        exact = Decimal(repr(value))
    except ArithmeticError:
        raise ValueError(value) from None
    if exact and exact.is_finite() and abs(exact.adjusted()) > _FAR:
        raise OverflowError(value)
    return exact


def _integer(value: float) -> int | None:
    """NaN stands for null, as it does in text."""
    if math.isnan(value):
        return None
    if isinstance(value, float) and (abs(value) >= INEXACT or int(value) != _exact(value)):
        raise ValueError(value)
    return int(value)
