"""A table in types that every database has."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.json_text import json_texts

__all__ = ["sql_schema", "sql_table"]

_WHOLE = {
    pa.int8(): pa.int16(), pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0),
}  # fmt: skip


def sql_schema(schema: pa.Schema) -> tuple[pa.Schema, list[str]]:
    """The schema with the nearest types that hold every value (JSON for nested ones), and the columns that have none."""
    fields = [pa.field(f.name, _stored(f.type)) for f in schema]
    problems = [f"`{f.name}` is {f.type}, which is not written to a database" for f in schema if _unknown(f.type)]
    return pa.schema(fields), problems


def _unknown(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_duration(kind) or pa.types.is_interval(kind) or (pa.types.is_decimal(kind) and kind.precision > 38)
    )


def _stored(kind: pa.DataType) -> pa.DataType:
    if kind in _WHOLE:
        return _WHOLE[kind]
    if pa.types.is_dictionary(kind):
        return _stored(kind.value_type)
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_time(kind):
        return pa.time64("us")
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", None if kind.tz is None else "UTC")
    if pa.types.is_decimal(kind):
        return pa.decimal128(min(kind.precision, 38), kind.scale)
    if pa.types.is_boolean(kind) or pa.types.is_primitive(kind):
        return kind
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return pa.binary() if binary or pa.types.is_binary_view(kind) else pa.string()


def sql_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in the types of `sql_schema`. ArrowInvalid where a value does not fit."""
    columns = [_column(table.column(f.name), f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pc.cast(column, column.type.storage_type)
    if pa.types.is_nested(column.type):
        return pa.chunked_array([json_texts(chunk) for chunk in column.chunks], pa.string())
    return column if column.type == kind else pc.cast(column, kind)
