"""Backups, restoring and the head of the audit trail, as they are typed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.helpers import call


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A hub with two events."""
    for name in ("a", "b"):
        pq.write_table(pa.table({"x": [1]}), tmp_path / f"{name}.parquet")
        done = call("dataset", "register", name, tmp_path / f"{name}.parquet", "--hub", tmp_path / "hub")
        assert done.code == 0, done.err
    return tmp_path / "hub"


def test_a_backup_is_restored_elsewhere(hub: Path, tmp_path: Path) -> None:
    made = call("db", "backup", tmp_path / "backup", "--hub", hub)
    assert made.code == 0
    assert "2 events" in made.out
    assert "db restore" in made.err
    told = call("db", "restore", tmp_path / "backup", "--hub", tmp_path / "new", "--json")
    assert told.code == 0
    assert (told.json["events"], told.json["missing"]) == (2, [])
    assert call("dataset", "list", "--hub", tmp_path / "new").out == call("dataset", "list", "--hub", hub).out
    again = call("db", "restore", tmp_path / "backup", "--hub", tmp_path / "new", "--json")
    assert (again.code, again.error["type"]) == (1, "Conflict")
    assert "new folder or an empty database" in again.error["hint"]


def test_a_backup_is_a_folder(hub: Path) -> None:
    told = call("db", "backup", "s3://bucket/backup", "--hub", hub, "--json")
    assert (told.code, told.error["type"]) == (2, "InvalidInput")
    assert "a backup is a folder on this machine" in told.error["message"]


def test_backing_up_makes_no_hub(tmp_path: Path) -> None:
    assert call("db", "backup", tmp_path / "backup", "--hub", tmp_path / "none").code == 1
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "backup").exists()


def test_a_head_is_exported_and_verified(hub: Path, tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    assert call("event", "head", "--output", head, "--hub", hub).code == 0
    printed = json.loads(call("event", "head", "--hub", hub).out)
    kept = json.loads(head.read_text())
    assert (kept["format"], kept["seq"]) == ("muster.head/1", 2)
    assert {k: v for k, v in kept.items() if k != "exported_at"} == {
        k: v for k, v in printed.items() if k != "exported_at"
    }
    assert call("event", "verify", "--head", head, "--hub", hub).code == 0
    with closing(sqlite3.connect(hub / "muster.db")) as database:
        database.execute("DELETE FROM event WHERE seq = 2")
        database.execute("UPDATE chain SET seq = 1, hash = (SELECT document ->> 'hash' FROM event)")
        database.commit()
    assert call("event", "verify", "--hub", hub).code == 0
    told = call("event", "verify", "--head", head, "--hub", hub, "--json")
    assert (told.code, told.error["type"]) == (1, "Corrupt")
    assert "the last ones were removed" in told.error["message"]
    wrong = call("event", "verify", "--head", hub / "muster.db", "--hub", hub, "--json")
    assert (wrong.code, wrong.error["type"]) == (2, "InvalidInput")
