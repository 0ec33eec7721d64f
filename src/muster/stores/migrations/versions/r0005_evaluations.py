"""Evaluations, and their labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their tables, and the indexes by which they are listed."""
    op.create_table(
        "evaluation",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("model", _TEXT, nullable=True),
        sa.Column("number", _INTEGER, autoincrement=False, nullable=True),
        *(sa.Column(name, _TEXT, nullable=False) for name in ("task", "data", "created_at", "document")),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("model", "number", "task", "data"):
        op.create_index(f"ix_evaluation_{name}", "evaluation", [name, "created_at", "id"])
    op.create_index("ix_evaluation_created_at", "evaluation", ["created_at", "id"])
    op.create_table(
        "evaluation_tag",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("id", "tag", "value")),
        sa.PrimaryKeyConstraint("id", "tag"),
        sa.ForeignKeyConstraint(["id"], ["evaluation.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_evaluation_tag", "evaluation_tag", ["tag", "value", "id"])
