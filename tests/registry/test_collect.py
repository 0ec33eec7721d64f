"""What nothing refers to goes, and nothing else, whoever works on the hub meanwhile."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from muster.errors import Conflict
from muster.records import Chunk, Environment, Event, Run, Version, new_id, now
from muster.registry.collect import Collected, Collector, Retention
from muster.registry.deletions import Deletions
from muster.registry.registry import Registry
from muster.registry.runs import Runs
from muster.store import BlobStore, RecordStore
from muster.stores import open_blobs
from tests.registry.conftest import Add

NOTHING = timedelta(0)
ALL = Retention(deleted=NOTHING, runs=NOTHING, unused=NOTHING)


@pytest.fixture(params=["memory", "file"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return open_blobs("memory://" if request.param == "memory" else tmp_path / "blobs")


@pytest.fixture
def deletions(store: RecordStore, registry: Registry) -> Deletions:
    return Deletions(store, "ann", registry)


@pytest.fixture
def given_up() -> list[str]:
    return []


@pytest.fixture
def collector(store: RecordStore, blobs: BlobStore, deletions: Deletions, given_up: list[str]) -> Collector:
    runs = Runs(store, "ann")
    return Collector(store, blobs, "ann", deletions=deletions, runs=runs, give_up=lambda run: given_up.append(run.id))


def _stored(store: RecordStore, blobs: BlobStore, version: Version, *files: bytes) -> Version:
    """The version with an artifact of these files, and a lock."""
    digests = [blobs.put(file) for file in files]
    artifact = blobs.put(json.dumps({"files": [{"path": "x", "sha256": d} for d in digests]}).encode())
    lock = blobs.put(f"a==1 --hash=sha256:{blobs.put(b'a wheel of ' + files[0])}".encode())
    full = replace(version, digest=artifact, environment=Environment(python="3.11", lock=lock, key="k"))
    with store.transaction("ann", "test") as tx:
        tx.replace(full)
    return full


def test_what_a_record_leads_to_stays(
    store: RecordStore, blobs: BlobStore, collector: Collector, deletions: Deletions, add: Add
) -> None:
    _stored(store, blobs, add(), b"shared", b"first" * 100_000)
    _stored(store, blobs, add(), b"shared", b"second")
    blobs.put(b"left by a registration that was killed")
    before = set(blobs)
    found = collector.run(ALL)
    assert (found.blobs, found.bytes, found.young) == (1, 38, 0)
    assert len(before) == len(set(blobs)) + 1
    deletions.delete_version("churn:1")
    month = replace(ALL, deleted=timedelta(days=30))
    assert collector.run(month) == Collected((), (), (), 0, 0, 0)
    assert deletions.restore_version("churn:1").number == 1
    deletions.delete_version("churn:1")
    told = collector.run(ALL, dry_run=True)
    assert (told.versions, told.blobs, told.dry_run) == (("churn:1",), 2, True)
    gone = collector.run(ALL)
    assert replace(gone, dry_run=True) == told
    assert gone.bytes > 500_000
    assert len(set(blobs)) == len(before) - 3
    deletions.delete_model("churn")
    last = collector.run(ALL)
    assert (last.versions, last.models) == (("churn:2",), ("churn",))
    assert set(blobs) == set()
    assert add().number == 3
    assert store.verify()[1] is None
    assert collector.run(ALL) == Collected((), (), (), 0, 0, 0)


def test_what_is_young_stays(blobs: BlobStore, collector: Collector) -> None:
    blobs.put(b"of a registration that is at work")
    found = collector.run(replace(ALL, unused=timedelta(hours=24)))
    assert (found.blobs, found.young, len(set(blobs))) == (0, 1, 1)


def test_a_version_that_comes_in_between_keeps_its_blobs(
    store: RecordStore, blobs: BlobStore, collector: Collector, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the records were read, and before what they do not lead to is removed."""
    draft = add()
    old = blobs.put(b"a file that was there already")
    older = Collector._older

    def registering(self: Collector, digest: str, before: object) -> bool:
        if not store.find(Version).items[0].environment:
            _stored(store, blobs, draft, b"a file that was there already")
        return older(self, digest, before)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(Collector, "_older", registering)
    # However young they are: it is the record that keeps them.
    assert collector.run(replace(ALL, unused=timedelta(hours=-1))).blobs == 0
    assert blobs.has(old)


def test_many_at_once_and_missing_blobs(
    store: RecordStore, blobs: BlobStore, deletions: Deletions, collector: Collector, add: Add
) -> None:
    kept = _stored(store, blobs, add(), b"kept")
    for n in range(5):
        _stored(store, blobs, add(), b"%d" % n)
    lost = _stored(store, blobs, add(), b"lost")
    blobs.delete(lost.digest)
    for number in range(2, 8):
        deletions.delete_version(f"churn:{number}")
    found: list[Collected] = []
    threads = [threading.Thread(target=lambda: found.append(collector.run(ALL))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ref for f in found for ref in f.versions) == [f"churn:{n}" for n in range(2, 8)]
    assert sum(f.blobs for f in found) == 6 * 4 - 1, "each is counted once"
    assert len(set(blobs)) == 4
    assert blobs.has(kept.digest)


def _ended(runs: Runs, status: str, chunks: int = 2) -> Run:
    run = runs.create(Run(id=new_id(), kind="score", status="queued", created_at=now(), created_by="a"), total=2)
    with runs.hold(run) as held:
        for n in range(chunks):
            held.checkpoint(
                Chunk(run=run.id, part=0, index=n, start=n, length=1, rejected=0, last=n == 1, file="f", digest="d")
            )
        return held.end(replace(held.run, status=status, ended_at=now()))  # type: ignore[arg-type]  # one of them


def test_old_runs_keep_their_record_alone(store: RecordStore, collector: Collector, given_up: list[str]) -> None:
    runs = Runs(store, "ann")
    done, failed = _ended(runs, "done"), _ended(runs, "failed")
    busy = runs.create(Run(id=new_id(), kind="score", status="queued", created_at=now(), created_by="a"), total=2)
    events = store.count(Event)
    assert collector.run(replace(ALL, runs=timedelta(days=1))).runs == ()
    assert collector.run(ALL, dry_run=True).runs == (done.id, failed.id)
    assert collector.run(ALL).runs == (done.id, failed.id)
    assert given_up == [failed.id]
    assert [list(runs.chunks(r.id)) for r in (done, failed)] == [[], []]
    assert (runs.progress(done.id), runs.get(done.id), runs.get(failed.id)) == (None, done, failed)
    assert store.count(Event) == events, "the records did not change"
    assert collector.run(ALL).runs == ()
    assert runs.progress(busy.id) is not None
    with runs.hold(failed) as held:  # it begins at its beginning
        assert held.run.status == "running"
        with pytest.raises(Conflict), runs.hold(failed, "tidy"):
            pass
