from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import muster.stores
from muster.errors import StoreError, TooNew
from muster.records import Model
from muster.stores import schema
from muster.stores.sql import SqlRecords
from muster.stores.tables import METADATA, REVISION
from muster.testing.records import a_model, insert

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"

def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
    {more}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "muster.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlRecords]:
    store = SqlRecords(path)
    yield store
    store.close()


def _release_next(patch: pytest.MonkeyPatch, folder: Path, more: str = "") -> None:
    """From now on the program is a later release, whose schema is 9999."""
    scripts = folder / "migrations"
    shutil.copytree(Path(muster.stores.__path__[0]) / "migrations", scripts, dirs_exist_ok=True)
    (scripts / "versions" / "r9999_later.py").write_text(NEXT.format(before=REVISION, more=more))
    patch.setattr(schema, "_SCRIPTS", str(scripts))
    patch.setattr(schema, "REVISION", "9999")
    patch.setattr("muster.stores.sql.REVISION", "9999")


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_the_migrations_make_the_tables_that_are_declared(store: SqlRecords) -> None:
    with store._database.connect() as connection:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_this_release_writes_the_newest_schema() -> None:
    config = Config()
    config.set_main_option("script_location", schema._SCRIPTS)
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_a_new_store_is_made_by_the_migrations(store: SqlRecords) -> None:
    assert store.upgrade() == ("", REVISION)
    assert store.upgrade() == ("", REVISION)


def test_opening_again_does_nothing(store: SqlRecords, path: Path) -> None:
    with closing(SqlRecords(path)) as again:
        assert again.upgrade() == (REVISION, REVISION)


def test_an_older_store_is_upgraded_when_it_is_opened(
    store: SqlRecords, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, a_model("churn"))
    with monkeypatch.context() as patch:
        _release_next(patch, tmp_path)
        with closing(SqlRecords(path)) as later:
            assert later.upgrade() == (REVISION, "9999")
            assert later.count(Model) == 1
            insert(later, a_model("fraud"))
    assert "later" in _tables(path)
    # The earlier release, which had the store open all the time, can read and no longer write.
    assert store.count(Model) == 2
    with pytest.raises(TooNew, match=f"became 9999 while it was open here, and this release writes {REVISION}"):
        insert(store, a_model("price"))
    with pytest.raises(TooNew, match=rf"later release of Muster \(schema 9999; this one knows {REVISION}\)") as caught:
        SqlRecords(path)
    assert "pip install --upgrade" in caught.value.hint


def test_many_may_upgrade_at_once(
    store: SqlRecords, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    _release_next(monkeypatch, tmp_path)
    found: list[tuple[str, str]] = []

    def open_and_close() -> None:
        with closing(SqlRecords(path)) as opened:
            found.append(opened.upgrade())

    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert {after for _, after in found} == {"9999"}


def test_an_upgrade_that_fails_leaves_what_was_there(
    store: SqlRecords, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, a_model("churn"))
    before = _tables(path)
    with monkeypatch.context() as patch:
        _release_next(patch, tmp_path, more="op.execute('INSERT INTO nowhere VALUES (1)')")
        with pytest.raises(StoreError, match="nowhere"):
            SqlRecords(path)
    assert _tables(path) == before
    insert(store, a_model("fraud"))
    assert store.count(Model) == 2


@pytest.mark.parametrize("found", ["x1", "8a6f0e2b"])
def test_a_schema_that_is_none_of_ours(store: SqlRecords, path: Path, found: str) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE muster_schema SET version_num = ?", (found,))
        other.commit()
    with pytest.raises(StoreError, match=f"the schema `{found}`"):
        SqlRecords(path)


def test_opening_imports_alembic_only_to_make_or_upgrade(store: SqlRecords, path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from muster.stores.sql import SqlRecords;"
        f"SqlRecords(Path({str(path)!r})).close(); sys.exit('alembic' in sys.modules or 'sqlalchemy.orm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
