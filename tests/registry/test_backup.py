"""Backups of hubs on either database, restored into either; cut off, damaged, and made while others write."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import Conflict, Corrupt, InvalidInput, StoreError, TooNew
from muster.records import KINDS, Environment, Event, Model, Version, new_id
from muster.registry.backup import Backup, back_up, restore
from muster.registry.search import every
from muster.store import BlobStore, RecordStore
from muster.stores import open_blobs, open_records
from muster.testing.records import a_model, a_version, insert, one_of_each

LARGE = b"large " * 2_000_000


@contextmanager
def _sqlite(folder: Path, url: str) -> Iterator[RecordStore]:
    with closing(open_records(folder / "muster.db")) as store:
        yield store


@contextmanager
def _postgresql(folder: Path, url: str) -> Iterator[RecordStore]:
    with closing(open_records(url)) as store:
        yield store


KIND = {"sqlite": _sqlite, "postgresql": _postgresql}


def _fill(store: RecordStore, blobs: BlobStore) -> None:
    insert(store, *one_of_each())
    for n, content in enumerate((b"one", b"two", LARGE)):
        lock = blobs.put(b"lock %d" % n)
        environment = Environment(python="3.11", lock=lock, key="k")
        version = replace(a_version("churn", n + 10), id=new_id(), digest=blobs.put(content), environment=environment)
        insert(store, version)
    insert(store, *(a_model(f"m{n}", tags={"n": str(n)}) for n in range(30)))


def _same(one: RecordStore, other: RecordStore) -> None:
    for kind in KINDS.values():
        assert list(every(one, kind)) == list(every(other, kind))
    assert one.verify() == other.verify()
    assert one.verify()[1] is None


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[RecordStore, BlobStore]]:
    blobs = open_blobs(tmp_path / "hub" / "blobs")
    with closing(open_records(tmp_path / "hub" / "muster.db")) as store:
        _fill(store, blobs)
        yield store, blobs


@pytest.fixture
def backup(made: tuple[RecordStore, BlobStore], tmp_path: Path) -> Path:
    back_up(*made, tmp_path / "backup", open_blobs)
    return tmp_path / "backup"


def _restore(source: Path, folder: Path) -> Backup:
    with closing(open_records(folder / "muster.db")) as store:
        return restore(store, open_blobs(folder / "blobs"), source, open_blobs, folder / "scratch")


@pytest.mark.parametrize(
    ("first", "second"), [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite")]
)
def test_a_hub_moves_with_all_that_is_in_it(first: str, second: str, postgres_hub: str, tmp_path: Path) -> None:
    here, there = open_blobs(tmp_path / "here" / "blobs"), open_blobs(tmp_path / "there" / "blobs")
    with KIND[first](tmp_path / "here", postgres_hub) as one:
        _fill(one, here)
        told = back_up(one, here, tmp_path / "backup", open_blobs)
        with KIND[second](tmp_path / "there", postgres_hub) as other:
            again = restore(other, there, tmp_path / "backup", open_blobs, tmp_path / "scratch")
            _same(one, other)
            assert (again.records, again.events, again.blobs, again.size) == (
                told.records,
                told.events,
                told.blobs,
                told.size,
            )
            insert(other, a_model("goes-on"))
            assert other.verify()[1] is None
    assert list(here) == list(there)
    for version in ("churn", 12), ("churn", 10):
        with KIND[second](tmp_path / "there", postgres_hub) as other:
            found = other.get(Version, *version)
            assert found is not None
            assert there.read(found.digest) == here.read(found.digest)


def test_what_blobs_had_been_lost_is_told(made: tuple[RecordStore, BlobStore], tmp_path: Path) -> None:
    store, blobs = made
    lost = hashlib.sha256(b"two").hexdigest()
    blobs.delete(lost)
    damaged = hashlib.sha256(b"one").hexdigest()
    path = tmp_path / "hub" / "blobs" / damaged[:2] / damaged[2:]
    path.chmod(0o644)
    path.write_bytes(b"two")
    told = back_up(store, blobs, tmp_path / "backup", open_blobs)
    assert {lost, damaged} <= set(told.missing)
    assert hashlib.sha256(LARGE).hexdigest() not in told.missing
    assert {lost, damaged} <= set(_restore(tmp_path / "backup", tmp_path / "new").missing)


def test_a_hub_that_is_not_empty_is_refused(made: tuple[RecordStore, BlobStore], backup: Path, tmp_path: Path) -> None:
    before = [m.name for m in every(made[0], Model)]
    with pytest.raises(Conflict, match="has records already"):
        restore(*made, backup, open_blobs, tmp_path / "scratch")
    assert [m.name for m in every(made[0], Model)] == before
    insert_only = tmp_path / "other"
    with closing(open_records(insert_only / "muster.db")) as store:
        insert(store, one_of_each()[3])  # a counter: of no model, and of no event
        with pytest.raises(Conflict, match="has records already"):
            restore(store, open_blobs(insert_only / "blobs"), backup, open_blobs, tmp_path / "scratch")


def test_a_backup_is_never_written_over(made: tuple[RecordStore, BlobStore], backup: Path) -> None:
    before = (backup / "backup.json").read_bytes()
    with pytest.raises(Conflict, match="exists already"):
        back_up(*made, backup, open_blobs)
    assert (backup / "backup.json").read_bytes() == before


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def _blob(folder: Path) -> Path:
    return min(p for p in (folder / "blobs").rglob("*") if p.is_file())


def _summary(folder: Path, **changes: object) -> None:
    path = folder / "backup.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "kind", "told"),
    [
        (lambda f: _flip(f / "records.jsonl"), Corrupt, "records.jsonl is damaged"),
        (lambda f: (f / "records.jsonl").write_bytes(b""), Corrupt, "records.jsonl is damaged"),
        (lambda f: (f / "records.jsonl").unlink(), StoreError, "records.jsonl cannot be used"),
        (lambda f: _flip(f / "blobs.txt"), Corrupt, "blobs.txt is damaged"),
        (lambda f: _blob(f).unlink(), Corrupt, "lacks 1 of its blobs"),
        (lambda f: _flip(_blob(f)), Corrupt, "is damaged"),
        (lambda f: (f / "backup.json").unlink(), InvalidInput, "is no backup"),
        (lambda f: (f / "backup.json").write_text("{"), Corrupt, "cannot be read"),
        (lambda f: _summary(f, format="muster.run/1"), InvalidInput, "is no backup"),
        (lambda f: _summary(f, format="muster.backup/2"), TooNew, "later release"),
        (shutil.rmtree, InvalidInput, "is no backup"),
    ],
)
def test_a_damaged_backup_restores_nothing(
    backup: Path, tmp_path: Path, damage: Callable[[Path], object], kind: type[Exception], told: str
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(backup, whole)
    damage(backup)
    with pytest.raises(kind, match=told):
        _restore(backup, tmp_path / "new")
    with closing(open_records(tmp_path / "new" / "muster.db")) as store:
        assert store.count(Model) == store.count(Event) == 0
    assert _restore(whole, tmp_path / "new").events > 0


def test_a_backup_of_a_hub_at_work_is_of_one_moment(made: tuple[RecordStore, BlobStore], tmp_path: Path) -> None:
    store, blobs = made
    ended = threading.Event()

    def work() -> None:
        n = 0
        while not ended.is_set():
            n += 1
            version = replace(a_version("live", n), id=new_id(), digest=blobs.put(b"live %d" % n))
            insert(store, version, a_model(f"live-{n}"))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for n in range(3):
            back_up(store, blobs, tmp_path / f"backup{n}", open_blobs)
    finally:
        ended.set()
        thread.join()
    for n in range(3):
        told = _restore(tmp_path / f"backup{n}", tmp_path / f"new{n}")
        kept = open_blobs(tmp_path / f"new{n}" / "blobs")
        with closing(open_records(tmp_path / f"new{n}" / "muster.db")) as restored:
            assert restored.verify() == (told.events, None)
            versions = [v for v in every(restored, Version) if v.model == "live"]
            assert len(versions) == len([m for m in every(restored, Model) if m.name.startswith("live-")])
            assert all(kept.read(v.digest) == b"live %d" % v.number for v in versions)


WORK = """
import sys
from pathlib import Path
from muster.registry import backup
from muster.stores import open_blobs, open_records
hub, folder, act = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
store, blobs = open_records(hub / "muster.db"), open_blobs(hub / "blobs")
print("ready", flush=True)
sys.stdin.readline()
if act == "backup":
    backup.back_up(store, blobs, folder, open_blobs)
else:
    backup.restore(store, blobs, folder, open_blobs, hub / "scratch")
"""


def _killed(hub: Path, folder: Path, act: str, after: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(hub), str(folder), act], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdin.write(b"\n")
    process.stdin.flush()
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_killed_backup_or_restore_is_begun_again(made: tuple[RecordStore, BlobStore], tmp_path: Path) -> None:
    for after in (0.005, 0.03):
        target = tmp_path / f"backup-{after}"
        _killed(tmp_path / "hub", target, "backup", after)
        if not target.exists():
            with pytest.raises(InvalidInput, match="is no backup"):
                _restore(target.with_name(f"{target.name}.unfinished"), tmp_path / "never")
            back_up(*made, target, open_blobs)
        assert not target.with_name(f"{target.name}.unfinished").exists()
        new = tmp_path / f"new-{after}"
        new.mkdir()
        _killed(new, target, "restore", after)
        with closing(open_records(new / "muster.db")) as store:
            if store.count(Event) == 0:
                assert store.count(Model) == 0
                restore(store, open_blobs(new / "blobs"), target, open_blobs, new / "scratch")
            _same(made[0], store)
