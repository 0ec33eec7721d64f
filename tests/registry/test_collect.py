"""What nothing refers to goes, and nothing else, whoever works on the hub meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from muster.datasets.rejects import rejects_left
from muster.errors import Conflict, DatasetError
from muster.owners import me
from muster.records import Chunk, Environment, Event, Lease, Progress, Run, Version, new_id, now
from muster.registry.collect import Collected, Collector, Retention
from muster.registry.deletions import Deletions
from muster.registry.leftovers import Leftovers
from muster.registry.registry import Registry
from muster.registry.runs import Runs
from muster.store import BlobStore, RecordStore
from muster.stores import open_blobs, open_records
from tests.clouds.fixtures import new_bucket
from tests.registry.conftest import Add, no_connection

NOTHING = timedelta(0)
ALL = Retention(deleted=NOTHING, runs=NOTHING, rejects=NOTHING, unused=NOTHING)


@pytest.fixture(params=["memory", "files", "platform"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Records and blobs, in such stores as go together."""
    match request.param:
        case "memory":
            return "memory://", "memory://"
        case "files":
            return f"sqlite:///{tmp_path}/muster.db", f"file:///{tmp_path}/blobs"
    return request.getfixturevalue("postgres_hub"), f"{new_bucket('s3', request)}/blobs"


@pytest.fixture
def store(where: tuple[str, str]) -> Iterator[RecordStore]:
    opened = open_records(where[0])
    yield opened
    opened.close()


@pytest.fixture
def blobs(where: tuple[str, str]) -> BlobStore:
    return open_blobs(where[1])


@pytest.fixture
def deletions(store: RecordStore, registry: Registry) -> Deletions:
    return Deletions(store, "ann", registry)


@pytest.fixture
def given_up() -> list[str]:
    return []


@pytest.fixture
def collector(
    store: RecordStore, blobs: BlobStore, deletions: Deletions, given_up: list[str], tmp_path: Path
) -> Collector:
    runs = Runs(store, "ann")

    def give_up(run: Run) -> int:
        given_up.append(run.id)
        return 7

    return Collector(
        store,
        blobs,
        "ann",
        deletions=deletions,
        runs=runs,
        give_up=give_up,
        find_rejects=partial(rejects_left, find=no_connection),
        leftovers=Leftovers(store, runs, tmp_path / "frames", tmp_path / "outputs"),
    )


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
    found = collector.run(ALL)
    assert (found.runs, found.staged, found.freed) == ((done.id, failed.id), 7, 7)
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


def test_a_failed_run_is_given_up_once_however_far_it_was(
    store: RecordStore, collector: Collector, given_up: list[str]
) -> None:
    runs = Runs(store, "ann")
    failed = _ended(runs, "failed", chunks=0)
    assert [collector.run(ALL).runs, collector.run(ALL).runs] == [(failed.id,), ()]
    with runs.hold(failed) as held:  # it may have staged something anew
        held.end(replace(held.run, status="failed", ended_at=now()))
    assert [collector.run(ALL).runs, collector.run(ALL).runs] == [(failed.id,), ()]
    assert given_up == [failed.id] * 2


def test_a_run_that_was_cut_off_long_ago_has_failed(
    store: RecordStore, collector: Collector, given_up: list[str]
) -> None:
    runs = Runs(store, "ann")
    past = now() - timedelta(days=3)
    run = Run(id=new_id(), kind="score", status="running", created_at=past, created_by="a")
    job = replace(run, id=new_id(), queue=True)
    beaten = replace(run, id=new_id())
    machine, pid, _ = me().rsplit("/", 2)
    with store.transaction("ann", "test") as tx:
        for each in (run, job, beaten):
            tx.insert(each)
            tx.insert(Progress(run=each.id, rows=1, updated_at=past))
            owner = me() if each is beaten else f"{machine}/{pid}/1"
            tx.insert(
                Lease(run=each.id, owner=owner, token=1, until=past if each is not beaten else now() + timedelta(1))
            )
    assert collector.run(replace(ALL, runs=timedelta(days=4))).runs == ()
    assert collector.run(replace(ALL, runs=timedelta(days=2))).runs == (run.id,)
    assert given_up == [run.id]
    found = runs.get(run.id)
    assert (found.status, found.error) == ("failed", "cut off: its process was gone")
    assert [runs.get(each.id).status for each in (job, beaten)] == ["running"] * 2


def test_what_cannot_be_given_up_is_told_and_the_rest_goes(
    store: RecordStore, blobs: BlobStore, collector: Collector
) -> None:
    runs = Runs(store, "ann")
    failed, done = _ended(runs, "failed"), _ended(runs, "done")
    blobs.put(b"left")

    def unable(_run: Run) -> int:
        raise DatasetError("the bucket is gone")

    collector._give_up = unable
    found = collector.run(ALL)
    assert (found.runs, found.blobs) == ((done.id,), 1)
    assert [failed.id in f and "the bucket is gone" in f for f in found.faults] == [True]
