"""`muster version download`, and what it says when it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import muster
from muster.predictors.local.artifact import store
from tests.cli.conftest import MODEL, VERSION
from tests.cli.helpers import call


def test_files_leave_as_they_came(place: Path) -> None:
    (place / "model").mkdir()
    (place / "model" / "model.py").write_text("def predict(data): return data['age']\n")
    with muster.open(place / ".muster") as hub:
        digest, size = store(place / "model", hub._blobs)
        with hub._records.transaction("ada", "written") as tx:
            tx.insert(MODEL)
            tx.insert(replace(VERSION, digest=digest, size=size))
    answer = call("version", "download", "churn:1", "out")
    assert (answer.code, answer.out) == (0, f"downloaded  churn:1  → {place}/out\n")
    assert (place / "out" / "model.py").read_text() == (place / "model" / "model.py").read_text()
    told = call("version", "download", "churn", "out", "--json")
    assert (told.code, told.error["type"], told.error["message"]) == (1, "Conflict", f"{place}/out exists already")
    told = call("version", "download", "churn", "again", "--format", "native", "--json")
    assert told.json == {"ref": "churn:1", "format": "native", "folder": f"{place}/again"}
    assert call("version", "download", "churn", "x", "--format", "zip").code == 2
    assert sorted(f.name for f in place.iterdir()) == [".muster", "again", "model", "out"]


def test_damaged_files_are_not_given_out(place: Path) -> None:
    (place / "model").mkdir()
    (place / "model" / "model.py").write_text("def predict(data): return data['age']\n")
    with muster.open(place / ".muster") as hub:
        digest, size = store(place / "model", hub._blobs)
        with hub._records.transaction("ada", "written") as tx:
            tx.insert(MODEL)
            tx.insert(replace(VERSION, digest=digest, size=size))
    for blob in (place / ".muster" / "blobs").rglob("*"):
        if blob.is_file() and blob.read_bytes().startswith(b"def predict"):
            blob.chmod(0o644)
            blob.write_text("def predict(data): return data['age'] + 1\n")
    told = call("version", "download", "churn", "out", "--json")
    assert (told.code, told.error["type"]) == (1, "Corrupt")
    assert not (place / "out").exists()
