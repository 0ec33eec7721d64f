"""One schema for files that each have their own."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.chunks import batch_of
from muster.datasets.files import File
from muster.errors import DatasetError

__all__ = ["fitted", "same_columns", "united"]


def same_columns(files: Sequence[File], columns: Sequence[Sequence[str]]) -> None:
    """Every file has the columns of the first, in any order; otherwise all that do not are named."""
    first = set(columns[0])
    _refuse(
        [
            _other_columns(files[0], columns[0], f, names)
            for f, names in zip(files, columns, strict=True)
            if set(names) != first
        ]
    )


def united(files: Sequence[File], schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of all files, in the order of the first, each of a type that takes the values of every file.

    null gives way to any type, numbers to wider ones, units of time to finer ones, dictionaries to plain values. Values
    are checked as they are cast, so none changes. Other differences are refused, all of them named.
    """
    same_columns(files, [schema.names for schema in schemas])
    problems: list[str] = []
    fields = {f.name: _plain(f) for f in schemas[0]}
    origin = dict.fromkeys(fields, files[0].name)
    for file, schema in zip(files, schemas, strict=True):
        if schema.equals(schemas[0]):
            continue
        for found in map(_plain, schema):
            known = fields[found.name]
            better = _promoted(known, found)
            if better is None:
                problems.append(
                    f"`{found.name}` is {known.type} in {origin[found.name]} and {found.type} in {file.name}"
                )
            elif better.type != known.type:
                fields[found.name], origin[found.name] = better, file.name
    _refuse(problems)
    return pa.schema(list(fields.values()))


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise DatasetError(
            "the files do not make one table: " + "; ".join(problems[:8]) + more,
            hint="write them anew with the same columns and types, or pick those that agree with a glob",
        )


def _plain(field: pa.Field) -> pa.Field:
    """Without what only says how it was stored."""
    return pa.field(field.name, field.type)


def _other_columns(first: File, known: Sequence[str], other: File, names: Sequence[str]) -> str:
    lacks = [f"`{n}`" for n in known if n not in names]
    adds = [f"`{n}`" for n in names if n not in known]
    told = [f"lacks {', '.join(lacks[:8])}"] if lacks else []
    told += [f"has {', '.join(adds[:8])} besides"] if adds else []
    return f"{other.name} {' and '.join(told)}, beside {first.name}"


def _promoted(a: pa.Field, b: pa.Field) -> pa.Field | None:
    if a.type == b.type:
        return a
    if pa.types.is_dictionary(a.type) != pa.types.is_dictionary(b.type):
        a, b = _decoded(a), _decoded(b)
    if _is_bytes(a.type) != _is_bytes(b.type) and pa.null() not in (a.type, b.type):
        return None
    try:
        better = pa.unify_schemas([pa.schema([a]), pa.schema([b])], promote_options="permissive").field(0)
    except pa.ArrowException:
        return None
    return None if _rounded(a.type, better.type) or _rounded(b.type, better.type) else better


def _rounded(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether decimals become floats, which have not all of them: a cast that Arrow does not check."""
    if pa.types.is_struct(source) and pa.types.is_struct(target):
        return any(_rounded(f.type, target.field(f.name).type) for f in source)
    if pa.types.is_nested(source) and pa.types.is_nested(target):
        return any(_rounded(source.field(i).type, target.field(i).type) for i in range(source.num_fields))
    return bool(pa.types.is_decimal(source) and pa.types.is_floating(target))


def _decoded(field: pa.Field) -> pa.Field:
    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch in the schema of the dataset. A value that its type cannot hold exactly is a DatasetError."""
    arrays = []
    for field in schema:
        array = batch.column(field.name)
        if array.type != field.type:
            try:
                array = pc.cast(array, field.type)
            except pa.ArrowInvalid as error:
                raise DatasetError(
                    f"`{field.name}` is {array.type} here and {field.type} in other files, which cannot hold all of its values: {error}",
                    hint="write the files anew with one type",
                ) from None
        arrays.append(array)
    return batch_of(arrays, schema, batch.num_rows)
