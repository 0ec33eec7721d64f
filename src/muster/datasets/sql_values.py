"""Values of a database without types of its own, as Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from muster.dataset import Fault
from muster.datasets.chunks import Piece, batch_of
from muster.datasets.text import convert
from muster.errors import shortened

__all__ = ["decided", "piece_of"]


def decided(kinds: set[str]) -> pa.DataType:
    """The type of a column whose values are of these kinds, as SQLite names them. Kinds that do not go together make text."""
    found = kinds - {"null", ""}
    match sorted(found):
        case []:
            return pa.null()
        case ["integer"]:
            return pa.int64()
        case ["real"] | ["integer", "real"]:
            return pa.float64()
        case ["blob"]:
            return pa.binary()
    return pa.string()


def piece_of(rows: Sequence[Sequence[object]], schema: pa.Schema) -> Piece:
    """Rows as a piece; one with a value that is not of its column's type is a fault."""
    columns = [list(values) for values in zip(*rows, strict=True)]
    bad: dict[int, str] = {}
    arrays = [_array(values, field, bad) for values, field in zip(columns, schema, strict=True)]
    batch = batch_of(arrays, schema, len(rows))
    if not bad:
        return Piece(len(rows), batch)
    kept = pa.array([row for row in range(len(rows)) if row not in bad], pa.int64())
    faults = tuple(Fault(row, bad[row], dict(zip(schema.names, rows[row], strict=True))) for row in sorted(bad))
    return Piece(len(rows), batch.take(kept), faults)


def _array(values: list[object], field: pa.Field, bad: dict[int, str]) -> pa.Array:
    kind = field.type
    if not _by_text(kind):
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return pa.array([_one(value, row, field, bad) for row, value in enumerate(values)], kind)
    texts = [None if v is None else v if isinstance(v, str) else _number(v, kind) for v in values]
    asked = pa.array([t or "" for t in texts], pa.string())
    array, wrong = convert(asked, kind)
    for row, (value, text) in enumerate(zip(values, texts, strict=True)):
        if value is not None and (text is None or (wrong is not None and wrong[row]) or not array[row].is_valid):
            bad.setdefault(row, _message(field, value))
    return array


def _by_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) or pa.types.is_boolean(kind))


def _number(value: object, kind: pa.DataType) -> str | None:
    """A truth value that is stored as 0 or 1; dates are text."""
    return str(value) if pa.types.is_boolean(kind) and value in (0, 1) and isinstance(value, int) else None


def _one(value: object, row: int, field: pa.Field, bad: dict[int, str]) -> object:
    if pa.types.is_string(field.type) and isinstance(value, (int, float)):
        return str(value)
    try:
        pa.scalar(value, field.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        bad.setdefault(row, _message(field, value))
        return None
    return value


def _message(field: pa.Field, value: object) -> str:
    return f"`{field.name}`: {shortened(repr(value))} is not of the type {field.type}"
