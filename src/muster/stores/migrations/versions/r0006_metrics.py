"""Metrics of the user's own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their table, and the indexes by which they are listed."""
    op.create_table(
        "metric",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("number", _INTEGER, autoincrement=False, nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in ("id", "kind", "digest", "created_at", "document")),
        sa.PrimaryKeyConstraint("name", "number"),
    )
    op.create_index("uq_metric_id", "metric", ["id"], unique=True)
    for name in ("kind", "digest"):
        op.create_index(f"ix_metric_{name}", "metric", [name, "created_at", "name", "number"])
    op.create_index("ix_metric_created_at", "metric", ["created_at", "name", "number"])
