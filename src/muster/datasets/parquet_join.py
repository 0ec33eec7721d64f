"""Parquet files of one schema joined into one, by copying their row groups and writing one footer that knows where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from muster.datasets.thrift import STRUCT, Struct, Value, decode, elements, encode, integer, struct
from muster.errors import DatasetError

__all__ = ["join"]

_MAGIC = b"PAR1"
_BLOCK = 1 << 20

# Numbers of fields, as Parquet's parquet.thrift has them.
_FILE_ROWS, _FILE_GROUPS = 3, 4
_GROUP_COLUMNS, _GROUP_OFFSET, _GROUP_ORDINAL = 1, 5, 7
_COLUMN_OFFSETS, _COLUMN_META = (2, 4, 6), 3
_META_OFFSETS = (9, 10, 11, 14)


def join(files: Sequence[Path], write: Callable[[bytes], object]) -> None:
    """Write the one file. The first file gives the schema and what else a footer tells; those without rows give nothing more."""
    write(_MAGIC)
    position = len(_MAGIC)
    groups: list[Value] = []
    rows = 0
    first: Struct | None = None
    for file in files:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(size - 8)
            tail = stream.read(8)
            if tail[4:] != _MAGIC:
                raise DatasetError(f"{file} is no Parquet file any more", details={"resume": False})
            body = size - 8 - int.from_bytes(tail[:4], "little")
            stream.seek(body)
            footer = decode(stream.read(size - 8 - body))
            first = first or footer
            found = _get(footer, _FILE_ROWS)
            if not found:
                continue
            rows += integer(found)
            own = elements(_get(footer, _FILE_GROUPS))
            groups += [_moved_group(struct(group), position - len(_MAGIC)) for group in own]
            stream.seek(len(_MAGIC))
            left = body - len(_MAGIC)
            while left:
                block = stream.read(min(left, _BLOCK))
                write(block)
                left -= len(block)
            position += body - len(_MAGIC)
    assert first is not None, "an output has at least one chunk"
    whole: Struct = [
        (field, kind, rows if field == _FILE_ROWS else (STRUCT, groups) if field == _FILE_GROUPS else value)
        for field, kind, value in first
    ]
    footer_bytes = encode(whole)
    write(footer_bytes + len(footer_bytes).to_bytes(4, "little") + _MAGIC)


def _get(fields: Struct, field: int) -> Value | None:
    return next((value for number, _, value in fields if number == field), None)


def _moved_group(group: Struct, by: int) -> Struct:
    """The group, `by` bytes further on. Its ordinal goes: it is optional, and too small for many groups."""
    moved: Struct = []
    for field, kind, value in group:
        if field == _GROUP_ORDINAL:
            continue
        if field == _GROUP_COLUMNS:
            columns: list[Value] = [_moved_column(struct(column), by) for column in elements(value)]
            moved.append((field, kind, (STRUCT, columns)))
        else:
            moved.append((field, kind, integer(value) + by if field == _GROUP_OFFSET and value else value))
    return moved


def _moved_column(column: Struct, by: int) -> Struct:
    return [
        (field, kind, _moved(struct(value), _META_OFFSETS, by))
        if field == _COLUMN_META
        else _moved([(field, kind, value)], _COLUMN_OFFSETS, by)[0]
        for field, kind, value in column
    ]


def _moved(fields: Struct, offsets: Sequence[int], by: int) -> Struct:
    return [(n, kind, integer(value) + by if n in offsets and value else value) for n, kind, value in fields]
