"""What a version was imported from; when models and versions were deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Add the columns, which nothing that is stored has a value for, and their indexes."""
    op.add_column("model", sa.Column("deleted_at", _TEXT))
    op.create_index("ix_model_deleted_at", "model", ["deleted_at", "created_at", "name"])
    for name in ("imported", "deleted_at"):
        op.add_column("version", sa.Column(name, _TEXT))
        op.create_index(f"ix_version_{name}", "version", [name, "created_at", "model", "number"])
