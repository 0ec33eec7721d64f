"""The tables: one per kind of record, one for the tags of each kind that has them, and the head of the audit chain.

A record lies whole in `document`; the other columns are what it is found by. The tables here are those of REVISION;
`migrations/` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, MetaData, Table, Text

from muster.records import KINDS
from muster.stores.shape import Field, Row, Shape, shape

__all__ = ["CHAIN", "METADATA", "REVISION", "Tables", "cells", "tables"]

REVISION = "0006"
"""The schema that this release reads and writes: the newest of `migrations/versions`. Revisions count up."""

METADATA = MetaData()

# PostgreSQL would sort by its locale; SQLite compares bytes and knows no other collation of that name.
_TEXT = Text(collation="C").with_variant(Text(), "sqlite")
_INTEGER = BigInteger().with_variant(Integer(), "sqlite")

CHAIN = Table(
    "chain",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", _INTEGER, nullable=False),
    Column("hash", _TEXT, nullable=False),
)
"""One row: the last event. Whoever writes events holds it."""


class Tables(NamedTuple):
    """Those of one kind; `tags` only where it has any."""

    records: Table
    tags: Table | None


def cells(row: Row) -> dict[str, Any]:
    """A row as the columns of its table."""
    return {**row.cells, "document": row.text}


def tables(shape: Shape) -> Tables:
    """Those of a kind."""
    return _TABLES[shape]


def _declare(shape: Shape) -> Tables:
    key = [f.name for f in shape.key]
    columns = [_column(f, in_key=f.name in key) for f in shape.fields.values()]
    records = Table(shape.name, METADATA, *columns, Column("document", _TEXT, nullable=False))
    for name in shape.fields:
        if name == shape.unique:
            Index(f"uq_{shape.name}_{name}", records.c[name], unique=True)
        elif name not in key:
            # A list by one field is mostly read from the newest on, so the time comes before the key.
            newest = ["created_at"] if "created_at" in shape.fields and name != "created_at" else []
            Index(f"ix_{shape.name}_{name}", records.c[name], *(records.c[n] for n in [*newest, *key]))
    return Tables(records, _tags(shape) if shape.tags else None)


def _column(field: Field, *, in_key: bool) -> Column[Any]:
    kind = _INTEGER if field.type == "integer" else _TEXT
    return Column(field.name, kind, primary_key=in_key, autoincrement=False, nullable=field.nullable)


def _tags(shape: Shape) -> Table:
    key = [f.name for f in shape.key]
    table = Table(
        f"{shape.name}_tag",
        METADATA,
        *(_column(f, in_key=True) for f in shape.key),
        Column("tag", _TEXT, primary_key=True),
        Column("value", _TEXT, nullable=False),
        ForeignKeyConstraint(key, [f"{shape.name}.{k}" for k in key], ondelete="CASCADE"),
    )
    Index(f"ix_{shape.name}_tag", table.c.tag, table.c.value, *(table.c[k] for k in key))
    return table


_TABLES: Mapping[Shape, Tables] = {known: _declare(known) for known in map(shape, KINDS.values())}
