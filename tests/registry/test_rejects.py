"""Rejects that are old go, and nothing that stands in their place."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from muster.datasets.rejects import rejects_left
from muster.records import Event, Run, new_id, now
from muster.registry.rejects import Rejects
from muster.store import Condition, Query, RecordStore
from tests.registry.conftest import no_connection

TEXT = b'{"row": 3, "error": "no"}\n'
DAY = timedelta(days=1)


@pytest.fixture
def rejects(store: RecordStore) -> Rejects:
    return Rejects(store, "ann", partial(rejects_left, find=no_connection))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    file = tmp_path / "out.csv.rejects.jsonl"
    _write(file, TEXT)
    return file


def _write(file: Path, text: bytes) -> None:
    """As old as can be."""
    file.write_bytes(text)
    os.utime(file, (0, 0))


def _run(store: RecordStore, place: Path, *, days: float = 10, status: str = "done", text: bytes = TEXT) -> Run:
    over = status in ("done", "failed")
    run = Run(
        id=new_id(),
        kind="score",
        status=status,  # type: ignore[arg-type]  # one of them
        output=str(place.parent / "out.csv"),
        rejects=str(place) if over else None,
        rejects_sha256=hashlib.sha256(text).hexdigest() if over else None,
        created_at=now() - timedelta(days=days),
        created_by="a",
        ended_at=now() - timedelta(days=days) if over else None,
    )
    with store.transaction("ann", "test") as tx:
        tx.insert(run)
    return run


def _stored(store: RecordStore, run: Run) -> Run:
    found = store.get(Run, run.id)
    assert found is not None
    return found


def test_what_is_old_goes_and_the_record_says_so(store: RecordStore, rejects: Rejects, place: Path) -> None:
    run = _run(store, place)
    assert rejects.collect(now() - 11 * DAY, dry_run=False).runs == ()
    told = rejects.collect(now() - DAY, dry_run=True)
    assert place.exists()
    found = rejects.collect(now() - DAY, dry_run=False)
    assert found == told
    assert (found.runs, found.bytes, found.faults) == ((run.id,), len(TEXT), ())
    assert not place.exists()
    after = _stored(store, run)
    assert (after.rejects, after.rejects_sha256) == (None, None)
    assert after.rejects_collected_at is not None
    assert replace(after, rejects=run.rejects, rejects_sha256=run.rejects_sha256, rejects_collected_at=None) == run
    events = store.find(Event, Query((Condition("action", "=", "run.changed"),))).items
    assert {(e.actor, e.reason, e.subject) for e in events} == {("ann", "collect", f"run/{run.id}")}
    assert rejects.collect(now() - DAY, dry_run=False).runs == ()
    assert _stored(store, run) == after


@pytest.mark.parametrize("stranger", ["changed", "link", "folder", "gone"])
def test_what_stands_there_since_stays(store: RecordStore, rejects: Rejects, place: Path, stranger: str) -> None:
    run = _run(store, place)
    place.rename(place.with_name("mine"))
    match stranger:
        case "changed":
            _write(place, TEXT + b"my own note\n")
        case "link":
            place.symlink_to(place.with_name("mine"))
        case "folder":
            place.mkdir()
    assert rejects.collect(now() - DAY, dry_run=False).runs == ()
    assert place.with_name("mine").read_bytes() == TEXT
    assert place.exists() is (stranger != "gone")
    assert _stored(store, run) == run, "it may lie on another machine"


def test_a_file_that_comes_after_the_look_stays(store: RecordStore, place: Path) -> None:
    def find(run: Run) -> object:
        found = rejects_left(run, no_connection)
        place.rename(place.with_name("mine"))
        _write(place, TEXT)
        return found

    _run(store, place)
    Rejects(store, "ann", find).collect(now() - DAY, dry_run=False)  # type: ignore[arg-type]  # handed on
    assert place.read_bytes() == TEXT


def test_equal_rejects_that_another_hub_wrote_later_stay(store: RecordStore, rejects: Rejects, place: Path) -> None:
    run = _run(store, place)
    os.utime(place)
    assert rejects.collect(now() - DAY, dry_run=False).runs == ()
    assert place.exists()
    assert _stored(store, run) == run


def test_the_last_run_with_a_place_decides(store: RecordStore, rejects: Rejects, place: Path) -> None:
    """With equal data they are equal, so that the digest alone does not tell whose they are."""
    old, fresh = _run(store, place), _run(store, place, days=0.5)
    assert rejects.collect(now() - DAY, dry_run=False).runs == ()
    assert place.exists()
    assert rejects.collect(now(), dry_run=False).runs == (fresh.id,)
    assert not place.exists()
    assert _stored(store, old) == old


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_run_that_is_at_work_keeps_its_place(store: RecordStore, rejects: Rejects, place: Path, status: str) -> None:
    _run(store, place)
    _run(store, place, status=status)
    assert [rejects.collect(now() - DAY, dry_run=dry).runs for dry in (True, False)] == [(), ()]
    assert place.exists()


def test_a_run_that_begins_after_the_look_keeps_its_place(store: RecordStore, place: Path) -> None:
    def find(run: Run) -> object:
        _run(store, place, status="running")
        return rejects_left(run, no_connection)

    run = _run(store, place)
    assert Rejects(store, "ann", find).collect(now() - DAY, dry_run=False).runs == ()  # type: ignore[arg-type]  # handed on
    assert place.exists()
    assert _stored(store, run) == run


@pytest.mark.parametrize("removed", [False, True])
def test_one_that_was_killed_is_finished(store: RecordStore, rejects: Rejects, place: Path, removed: bool) -> None:
    run = _run(store, place)
    with store.transaction("ann", "test") as tx:
        tx.replace(replace(run, rejects_collected_at=now()))
    if removed:
        place.unlink()
    assert rejects.collect(now() - DAY, dry_run=False).runs == (run.id,)
    assert not place.exists()
    assert _stored(store, run).rejects is None


def test_without_a_digest_nothing_is_touched(store: RecordStore, rejects: Rejects, place: Path) -> None:
    run = replace(_run(store, place), rejects_sha256=None)
    with store.transaction("ann", "test") as tx:
        tx.replace(run)
    assert rejects.collect(now() - DAY, dry_run=False).runs == ()
    assert place.exists()
