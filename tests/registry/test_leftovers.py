"""What a hub's folder keeps for runs goes with them, and never before."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from muster.owners import me
from muster.records import Lease, Run, RunStatus, new_id, now
from muster.registry.leftovers import Leftovers
from muster.registry.runs import Runs
from muster.store import RecordStore

WEEK = timedelta(days=7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("frames", "outputs"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def leftovers(store: RecordStore, folder: Path) -> Leftovers:
    return Leftovers(store, Runs(store, "ann"), folder / "frames", folder / "outputs")


def _run(store: RecordStore, folder: Path, status: RunStatus, ended: datetime | None = None) -> list[Path]:
    """Everything that a run may leave."""
    run, frame = new_id(), folder / "frames" / f"{new_id()}.arrow"
    staged = folder / "outputs" / run
    (staged / "chunks").mkdir(parents=True)
    (staged / "chunks" / "000000-000000.parquet").write_bytes(b"x" * 50)
    frame.write_bytes(b"y" * 30)
    with store.transaction("ann", "test") as tx:
        tx.insert(
            Run(
                id=run,
                kind="score",
                status=status,
                input=str(frame),
                created_at=now(),
                created_by="a",
                ended_at=ended,
            )
        )
    return [frame, staged]


def _held(store: RecordStore, paths: list[Path]) -> list[Path]:
    with store.transaction("ann", "test") as tx:
        tx.insert(Lease(run=paths[1].name, owner=me(), token=1, until=now() + WEEK))
    return paths


def test_what_no_run_needs_goes(store: RecordStore, folder: Path, leftovers: Leftovers) -> None:
    past = now() - 2 * WEEK
    gone = [*_run(store, folder, "done", now()), *_run(store, folder, "cancelled", now())]
    gone += _run(store, folder, "failed", past)
    kept = [*_run(store, folder, "running"), *_run(store, folder, "queued"), *_run(store, folder, "failed", now())]
    kept += _held(store, _run(store, folder, "done", past))
    kept += _held(store, _run(store, folder, "failed", past))
    (folder / "outputs" / "of-somebody").write_text("else")
    assert leftovers.collect(now() - WEEK, dry_run=True) == (6, 240)
    assert all(path.exists() for path in gone)
    assert leftovers.collect(now() - WEEK, dry_run=False) == (6, 240)
    assert [path for path in gone if path.exists()] == []
    assert all(path.exists() for path in kept)
    assert (folder / "outputs" / "of-somebody").exists()
    assert leftovers.collect(now() - WEEK, dry_run=False) == (0, 0)
    assert leftovers.collect(now(), dry_run=False) == (2, 80), "the run that failed just now"


@pytest.mark.parametrize("other", [False, True])
def test_rejects_go_only_where_no_record_names_them(
    store: RecordStore, folder: Path, leftovers: Leftovers, other: bool
) -> None:
    """By its id in their name: whoever wrote them may have another path to the hub, as in a container."""
    _, staged = _run(store, folder, "done", now())
    rejects = staged.with_name(f"{staged.name}.rejects.jsonl")
    rejects.write_text("{}")
    run = store.get(Run, staged.name)
    assert run is not None
    with store.transaction("ann", "test") as tx:
        tx.replace(replace(run, rejects=f"/hub/outputs/{rejects.name}" if other else str(rejects)))
    leftovers.collect(now(), dry_run=False)
    assert (rejects.exists(), staged.exists()) == (True, False)
    with store.transaction("ann", "test") as tx:
        tx.replace(run)
    leftovers.collect(now(), dry_run=False)
    assert not rejects.exists()


def test_what_no_record_names_stays_for_a_day_at_least(folder: Path, leftovers: Leftovers) -> None:
    """Its run may be about to be recorded, or another hub's."""
    paths = [folder / "frames" / f"{new_id()}.arrow", folder / "outputs" / new_id()]
    paths[0].write_bytes(b"y")
    paths[1].mkdir()
    assert leftovers.collect(now(), dry_run=False) == (0, 0)
    for path in paths:
        os.utime(path, times=(time.time() - 86_500,) * 2)
    assert leftovers.collect(now() - WEEK, dry_run=False) == (0, 0)
    (paths[1] / "chunks").mkdir()
    assert leftovers.collect(now(), dry_run=False) == (1, 1)
    assert [path.exists() for path in paths] == [False, True]


def test_folders_that_are_not_there_hold_nothing(store: RecordStore, tmp_path: Path) -> None:
    found = Leftovers(store, Runs(store, "ann"), tmp_path / "no", tmp_path / "none")
    assert found.collect(now(), dry_run=False) == (0, 0)
    assert list(tmp_path.glob("no*")) == []
