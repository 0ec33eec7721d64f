"""Arrow values as JSON: whole columns at once, but for what is nested."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.text import spread

__all__ = ["base64_texts", "json_lines", "json_texts", "plain"]

_ROWS = 8_192


def plain(value: object, *, endless: bool = False) -> object:
    """A Python value with only what JSON knows: times in ISO form, bytes in base64.

    A number that is not finite becomes null, or its name where `endless` asks for it.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else (str(value) if endless else None)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {str(k): plain(v, endless=endless) for k, v in value.items()}
        case list() | tuple():
            return [plain(v, endless=endless) for v in value]
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat is not None else str(value)


def json_lines(table: pa.Table) -> pa.Buffer:
    """An object on a line for each row."""
    return pa.py_buffer(b"".join(_lines(batch) for batch in table.to_batches(max_chunksize=_ROWS)))


def _lines(batch: pa.RecordBatch) -> bytes:
    if batch.num_columns == 0:
        return b"{}\n" * batch.num_rows
    parts: list[object] = []
    for i, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        parts += [("," if i else "{") + json.dumps(name, ensure_ascii=False) + ":", json_texts(column, null="null")]
    lines = pc.binary_join_element_wise(*parts, "}\n", "")
    return spread(lines)[1].tobytes()


def json_texts(values: pa.Array, null: str | None = None) -> pa.Array:
    """Each value as JSON; a null value is null, or `null`."""
    texts = next(write for applies, write in _WRITERS if applies(values.type))(values)
    return texts if null is None or not texts.null_count else pc.fill_null(texts, null)


def _numbers(values: pa.Array) -> pa.Array:
    return pc.cast(values, pa.string())


def _floats(values: pa.Array) -> pa.Array:
    """Whole ones keep their `.0`, so that they are read as what they were."""
    values = pc.cast(values, pa.float32()) if values.type == pa.float16() else values
    texts = pc.cast(pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type)), pa.string())
    whole = pc.and_(pc.equal(pc.trunc(values), values), pc.less(pc.abs(values), 1e15))
    if not pc.any(whole).as_py():
        return texts
    return pc.if_else(
        pc.and_(whole, pc.invert(pc.match_substring(texts, "e"))), pc.binary_join_element_wise(texts, ".0", ""), texts
    )


def _quoted(texts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', texts, '"', "")


def _strings(values: pa.Array) -> pa.Array:
    texts = pc.cast(values, pa.string())
    present = texts.drop_null()
    _, content = spread(present)
    if not np.any((content < 0x20) | (content == ord('"')) | (content == ord("\\"))):
        return _quoted(texts)
    return pa.array([None if v is None else json.dumps(v, ensure_ascii=False) for v in texts.to_pylist()], pa.string())


def _times(values: pa.Array) -> pa.Array:
    kind = values.type
    if kind.tz is not None:
        values = pc.cast(values, pa.timestamp(kind.unit, "UTC"))
    return _quoted(pc.replace_substring(pc.cast(values, pa.string()), " ", "T", max_replacements=1))


def _dictionary(values: pa.Array) -> pa.Array:
    return json_texts(pc.cast(values, values.type.value_type))


def _extension(values: pa.Array) -> pa.Array:
    return json_texts(values.storage)


def base64_texts(values: pa.Array) -> pa.Array:
    return pa.array([None if v is None else base64.b64encode(v).decode() for v in values.to_pylist()], pa.string())


def _nested(values: pa.Array) -> pa.Array:
    return pa.array([None if v is None else _compact(plain(v)) for v in _python(values)], pa.string())


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _python(values: pa.Array) -> Iterator[object]:
    """Python values; a map is an object, as in JSON."""
    if pa.types.is_map(values.type):
        return (None if v is None else dict(v) for v in values.to_pylist())
    return iter(values.to_pylist())


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)


_WRITERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extension),
    (_is_number, _numbers),
    (pa.types.is_floating, _floats),
    (pa.types.is_duration, _numbers),
    (pa.types.is_timestamp, _times),
    (pa.types.is_dictionary, _dictionary),
    (_is_bytes, lambda values: _quoted(base64_texts(values))),
    (pa.types.is_nested, _nested),
    (lambda _: True, _strings),
)
