"""Connections to providers, what their endpoints answered to runs that are not over, and snapshots of what stood behind versions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their tables, and the indexes by which they are listed."""
    _table("connection", ["name"], texts=["name", "kind", "created_at"])
    op.create_index("ix_connection_kind", "connection", ["kind", "created_at", "name"])
    op.create_index("ix_connection_created_at", "connection", ["created_at", "name"])
    op.create_table(
        "connection_tag",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("name", "tag", "value")),
        sa.PrimaryKeyConstraint("name", "tag"),
        sa.ForeignKeyConstraint(["name"], ["connection.name"], ondelete="CASCADE"),
    )
    op.create_index("ix_connection_tag", "connection_tag", ["tag", "value", "name"])
    _table("answer", ["run", "chunk", "first"], texts=["run", "chunk"], integers=["first"])
    _table("snapshot", ["id"], texts=["id", "model", "created_at"], integers=["number"])
    for name in ("model", "number"):
        op.create_index(f"ix_snapshot_{name}", "snapshot", [name, "created_at", "id"])
    op.create_index("ix_snapshot_created_at", "snapshot", ["created_at", "id"])


def _table(kind: str, key: list[str], *, texts: list[str], integers: list[str] | None = None) -> None:
    columns: list[sa.Column[Any]] = [sa.Column(name, _TEXT, nullable=False) for name in texts]
    columns += [sa.Column(name, _INTEGER, autoincrement=False, nullable=False) for name in integers or []]
    document = sa.Column("document", _TEXT, nullable=False)
    op.create_table(kind, *columns, document, sa.PrimaryKeyConstraint(*key))
