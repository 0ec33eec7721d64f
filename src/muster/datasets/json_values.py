"""Lines of JSON as columns, through Arrow's parser where it reads them as they are meant, line by line where it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from muster.casts import is_list
from muster.dataset import Fault
from muster.datasets.chunks import batch_of
from muster.datasets.json_fit import UNFIT, Object, fit, loads, twice
from muster.datasets.text import convert, spread, without_faulty
from muster.signature import Json

__all__ = ["parsed_types", "parsed_values", "told", "union"]

Types: TypeAlias = dict[str, pa.DataType]
Mask: TypeAlias = "npt.NDArray[np.bool_]"


_BIG = pa.decimal256(76, 0)
"""Stands for whole numbers beyond int64 until all values were seen: they are text, unless there are decimals too."""

_NUMBERS = (pa.int64(), _BIG, pa.float64())
"""Each takes the place of those before it."""

_LONG = re.compile(rb"[0-9]{19}")


class _NoRow(ValueError):
    """Why a line is no row."""


def union(a: Types, b: Types) -> Types:
    """The columns of both, each of a type that takes the values of both."""
    return {**a, **{name: _wider(a[name], kind) if name in a else kind for name, kind in b.items()}}


def _wider(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    if a in _NUMBERS and b in _NUMBERS:
        return max(a, b, key=_NUMBERS.index)
    if pa.types.is_list(a) and pa.types.is_list(b):
        return pa.list_(_wider(a.value_type, b.value_type))
    if pa.types.is_struct(a) and pa.types.is_struct(b):
        return pa.struct(union({f.name: f.type for f in a}, {f.name: f.type for f in b}))
    return pa.string()


def parsed_types(lines: pa.Array) -> tuple[Types, int]:
    """The columns of these lines, and how many lines are rows; the others count for nothing."""
    table = _parsed(lines, None)
    if table is not None and not (any(_has(_huge, c) for c in _arrays(table)) and _LONG.search(spread(lines)[1].data)):
        return {f.name: told(f.type) for f in table.schema}, len(lines)
    types: Types = {}
    rows = _rows(lines, None)[0]
    for row in rows:
        types = union(types, {name: _type_of(value) for name, value in row.items()})
    return types, len(rows)


def told(kind: pa.DataType) -> pa.DataType:
    """What a column is: Arrow takes some strings for times, but JSON says that they are strings; so are numbers that no type holds."""
    if pa.types.is_timestamp(kind) or kind == _BIG:
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(told(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(f.name, told(f.type)) for f in kind])
    return kind


def _type_of(value: Json) -> pa.DataType:
    match value:
        case None:
            return pa.null()
        case bool():
            return pa.bool_()
        case int():
            return pa.int64() if -(2**63) <= value < 2**63 else _BIG
        case float():
            return pa.float64()
        case str():
            return pa.string()
        case list():
            inner = pa.null()
            for item in value:
                inner = _wider(inner, _type_of(item))
            return pa.list_(inner)
    return pa.struct([(name, _type_of(item)) for name, item in value.items()])


def parsed_values(lines: pa.Array, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
    """The lines as rows of `schema`, and those that cannot be."""
    table = _parsed(lines, pa.schema([(f.name, f.type if _native(f.type) else pa.string()) for f in schema]))
    if table is None:
        return _one_by_one(lines, schema)
    arrays = []
    for field in schema:
        array = _whole(table.column(field.name))
        if array.type != field.type:
            array, bad = convert(array, field.type)
            if bad is not None:
                return _one_by_one(lines, schema)
        if _has(pc.is_inf, array):  # Arrow makes it of numbers that are too large, which are no values
            return _one_by_one(lines, schema)
        arrays.append(array)
    return batch_of(arrays, schema, len(lines)), ()


def _has(what: Callable[[pa.Array], pa.Array], array: pa.Array) -> bool:
    """Whether it holds of a float in it."""
    kind = array.type
    if pa.types.is_floating(kind):
        return bool(pc.any(what(array)).as_py())
    if pa.types.is_struct(kind):
        return any(_has(what, child) for child in array.flatten())
    return is_list(kind) and _has(what, array.flatten())


def _huge(array: pa.Array) -> pa.Array:
    """What may be a whole number beyond int64, which Arrow reads as a float."""
    return pc.greater_equal(pc.abs(array), 2.0**63)


def _arrays(table: pa.Table) -> list[pa.Array]:
    return [_whole(column) for column in table.columns]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.nulls(0, column.type)
    )


def _native(kind: pa.DataType) -> bool:
    """Whether Arrow's parser reads the type as it is meant here; others are read as text first, or one by one."""
    if pa.types.is_list(kind) or pa.types.is_struct(kind):
        # Of lists of nothing but null the parser makes arrays that are shorter than they say.
        return all(_native(kind.field(i).type) and kind.field(i).type != pa.null() for i in range(kind.num_fields))
    if pa.types.is_floating(kind):
        return kind != pa.float16()
    return any(applies(kind) for applies in _NATIVE)


_NATIVE = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
)


def _parsed(lines: pa.Array, schema: pa.Schema | None) -> pa.Table | None:
    """What Arrow makes of the lines, if each is one whole object; None where they must be looked at one by one."""
    where, content = spread(lines)
    if not len(lines):
        return (schema or pa.schema([])).empty_table()
    if not _framed(where, content):
        return None
    buffer = pa.py_buffer(content)
    ignore = "infer" if schema is None else "ignore"
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, pa.py_buffer(np.array([0, content.size])), buffer]).validate(
            full=True
        )
        table = pa_json.read_json(
            pa.BufferReader(buffer),
            pa_json.ReadOptions(use_threads=False, block_size=content.size + 1),
            pa_json.ParseOptions(explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior=ignore),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table if table.num_rows == len(lines) else None


def _framed(where: npt.NDArray[np.int64], content: npt.NDArray[np.uint8]) -> bool:
    """Whether every line begins with `{` and ends with `}`.

    Arrow's parser cares for no line ends: it takes two objects on a line for two rows, and one on two lines for one. Where
    all lines are framed, no object can go on in the next, so as many rows as lines means one on each.
    """
    ends = where[1:] - 2
    ends = ends - (content[ends] == ord("\r"))
    return bool(np.all(content[where[:-1]] == ord("{")) and np.all(content[ends] == ord("}")))


def _row(line: bytes) -> Object:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise _NoRow(f"the line is no UTF-8: byte 0x{line[error.start]:02x} at {error.start}") from None
    try:
        row = loads(text)
    except RecursionError:
        raise _NoRow("the line is nested too deeply") from None
    except ValueError as error:
        raise _NoRow(f"the line is no JSON: {error}") from None
    if not isinstance(row, Object):
        raise _NoRow("the line is JSON, but no object")
    if "\\u" in text and any(0xD800 <= ord(c) < 0xE000 for c in json.dumps(row, ensure_ascii=False)):
        raise _NoRow("the line has half of a surrogate pair, which is no character")
    return row


def _rows(lines: pa.Array, names: Sequence[str] | None) -> tuple[list[Object], list[int], list[Fault]]:
    """The objects, their positions, and the lines that are none. With `names`, only these columns are cared for."""
    rows: list[Object] = []
    at: list[int] = []
    faults: list[Fault] = []
    for position, line in enumerate(lines.to_pylist()):
        try:
            row = _row(line)
            wanted = list(row) if names is None else [n for n in names if n in row]
            if again := [k for k in row.twice if k in wanted] or [k for n in wanted for k in twice(row[n])]:
                raise _NoRow(f"the line has the key {', '.join(f'`{k}`' for k in again)} twice")
        except _NoRow as error:
            faults.append(Fault(position, str(error), {"line": line.decode(errors="replace").rstrip("\r\n")}))
        else:
            rows.append(row)
            at.append(position)
    return rows, at, faults


def _one_by_one(lines: pa.Array, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
    rows, at, faults = _rows(lines, schema.names)
    read = {f.name: _column([row.get(f.name) for row in rows], f.type) for f in schema}
    batch, found = without_faulty(read, schema, len(rows), lambda i: {n: rows[i].get(n) for n in schema.names})
    faults += [Fault(at[f.row], f.error, f.values) for f in found]
    return batch, tuple(sorted(faults, key=lambda f: f.row))


def _column(values: list[Json], kind: pa.DataType) -> tuple[pa.Array, Mask | None]:
    """JSON values as `kind`: strings by the rules of text, and the others as what they are."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array([fit(v, kind) for v in values], kind), None
    array, bad = convert(pa.array([v if isinstance(v, str) else None for v in values], pa.string()), kind)
    others = [None if isinstance(v, str) else v for v in values]
    if all(v is None for v in others):
        return array, bad
    found, wrong = _fitted(others, kind)
    texts = np.array([isinstance(v, str) for v in values])
    picked = pa.concat_arrays([array, found]).take(pa.array(np.where(texts, 0, len(values)) + np.arange(len(values))))
    return picked, wrong if bad is None else bad | wrong


def _fitted(values: Sequence[Json], kind: pa.DataType) -> tuple[pa.Array, Mask]:
    bad = np.zeros(len(values), np.bool_)
    try:
        return pa.array([fit(v, kind) for v in values], kind), bad
    except UNFIT:
        singles = []
        for i, value in enumerate(values):
            try:
                singles.append(pa.array([fit(value, kind)], kind))
            except UNFIT:
                bad[i] = True
                singles.append(pa.nulls(1, kind))
        return pa.concat_arrays(singles), bad
