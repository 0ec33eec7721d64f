"""The tables of the first release."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables, and the chain with its one row."""
    chain = op.create_table(
        "chain", _integer("id", sa.Integer()), _integer("seq"), _text("hash"), sa.PrimaryKeyConstraint("id")
    )
    op.bulk_insert(chain, [{"id": 1, "seq": 0, "hash": "0" * 64}])
    _records("event", [_integer("seq"), _text("at"), _text("actor"), _text("action"), _text("subject")], ["seq"])
    _index("event", ["at", "actor", "action", "subject"], ["seq"])
    _models()
    _runs()


def _models() -> None:
    columns = [_text("name"), _text("id"), _text("project"), _text("task"), _text("target", nullable=True)]
    _records("model", [*columns, _text("created_at"), _text("updated_at")], ["name"])
    _index("model", ["created_at"], ["name"])
    _index("model", ["project", "task", "target", "updated_at"], ["created_at", "name"])
    op.create_index("uq_model_id", "model", ["id"], unique=True)
    _tags("model", [_text("name")])

    columns = [_text("model"), _integer("number"), _text("id"), _text("origin"), _text("digest"), _text("created_at")]
    _records("version", columns, ["model", "number"])
    _index("version", ["created_at"], ["model", "number"])
    _index("version", ["origin", "digest"], ["created_at", "model", "number"])
    op.create_index("uq_version_id", "version", ["id"], unique=True)
    _tags("version", [_text("model"), _integer("number")])

    _records("alias", [_text("model"), _text("name"), _integer("number")], ["model", "name"])
    _index("alias", ["number"], ["model", "name"])
    _records("counter", [_text("name")], ["name"])
    _records("dataset", [_text("name"), _text("created_at")], ["name"])
    _index("dataset", ["created_at"], ["name"])
    _tags("dataset", [_text("name")])


def _runs() -> None:
    columns = [
        _text("id"),
        _text("kind"),
        _text("status"),
        _text("model", nullable=True),
        _integer("number", nullable=True),
    ]
    _records("run", [*columns, _text("created_at")], ["id"])
    _index("run", ["created_at"], ["id"])
    _index("run", ["kind", "status", "model", "number"], ["created_at", "id"])
    _records("progress", [_text("run")], ["run"])
    _records("lease", [_text("run")], ["run"])
    _records("chunk", [_text("run"), _integer("part"), _integer("index")], ["run", "part", "index"])


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=nullable)


def _integer(name: str, kind: sa.types.TypeEngine[int] = _INTEGER, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, autoincrement=False, nullable=nullable)


def _records(kind: str, columns: list[sa.Column[Any]], key: list[str]) -> None:
    op.create_table(kind, *columns, _text("document"), sa.PrimaryKeyConstraint(*key))


def _index(kind: str, fields: list[str], then: list[str]) -> None:
    for field in fields:
        op.create_index(f"ix_{kind}_{field}", kind, [field, *then])


def _tags(kind: str, key: list[sa.Column[Any]]) -> None:
    names = [c.name for c in key]
    op.create_table(
        f"{kind}_tag",
        *key,
        _text("tag"),
        _text("value"),
        sa.PrimaryKeyConstraint(*names, "tag"),
        sa.ForeignKeyConstraint(names, [f"{kind}.{n}" for n in names], ondelete="CASCADE"),
    )
    op.create_index(f"ix_{kind}_tag", f"{kind}_tag", ["tag", "value", *names])
