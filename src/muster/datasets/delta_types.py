"""The types that a Delta table has, for those that an output has."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

__all__ = ["delta_schema"]

_WHOLE = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0)}


def delta_schema(schema: pa.Schema) -> tuple[pa.Schema, list[str]]:
    """The schema with the nearest types that hold every value, and what cannot be stored: columns without one."""
    problems: list[str] = []
    fields = []
    for field in schema:
        kind = _stored(field.type)
        if kind is None:
            problems.append(f"`{field.name}` is {field.type}, which no Delta table holds")
        fields.append(pa.field(field.name, kind or pa.string()))
    folded = Counter(name.casefold() for name in schema.names)
    alike = [f"`{name}`" for name in schema.names if folded[name.casefold()] > 1]
    problems += [f"{', '.join(alike)} differ only in case, which Delta does not tell apart"] if alike else []
    return pa.schema(fields), problems


def _stored(kind: pa.DataType) -> pa.DataType | None:
    if kind in _WHOLE:
        return _WHOLE[kind]
    if pa.types.is_integer(kind) or kind in (pa.float32(), pa.float64(), pa.bool_(), pa.date32()):
        return kind
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if any(
        test(kind)
        for test in (
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
            pa.types.is_binary_view,
        )
    ):
        return pa.binary()
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", None if kind.tz is None else "UTC")
    if pa.types.is_decimal(kind) and kind.precision <= 38:
        return pa.decimal128(kind.precision, max(kind.scale, 0))
    if pa.types.is_dictionary(kind):
        return _stored(kind.value_type)
    return _nested(kind)


def _nested(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_struct(kind):
        fields = [(f.name, _stored(f.type)) for f in kind]
        return None if any(t is None for _, t in fields) else pa.struct(fields)
    if pa.types.is_map(kind):
        key, item = _stored(kind.key_type), _stored(kind.item_type)
        return None if key is None or item is None else pa.map_(key, item)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        value = _stored(kind.value_type)
        return None if value is None else pa.list_(value)
    return None
