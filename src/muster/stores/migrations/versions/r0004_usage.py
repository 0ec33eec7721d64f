"""What was spent over connections, and what is lent of their caps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    columns = (sa.Column(name, _TEXT, nullable=False) for name in ("connection", "document"))
    op.create_table("usage", *columns, sa.PrimaryKeyConstraint("connection"))
