from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from muster.errors import Corrupt, InvalidInput, MusterError, StoreError
from muster.records import Counter, Model
from muster.store import Query
from muster.stores import open_records
from muster.stores.sql import SqlRecords
from muster.stores.sqlite import Sqlite
from muster.testing.records import a_model, a_version, insert
from tests.conftest import Mount
from tests.stores.conftest import fill


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "muster.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlRecords]:
    store = SqlRecords(path, wait=0.05)
    yield store
    store.close()


def test_a_store_opens_again_with_what_is_in_it(store: SqlRecords, path: Path) -> None:
    model = a_model("churn")
    insert(store, model)
    store.close()
    with closing(SqlRecords(path)) as again:
        assert again.get(Model, "churn") == model


def test_two_stores_on_one_file_both_work(store: SqlRecords, path: Path) -> None:
    with closing(SqlRecords(path)) as other:
        insert(store, a_model("a"))
        insert(other, a_model("b"))
        assert store.count(Model) == other.count(Model) == 2
        with (
            store.transaction("ada"),
            pytest.raises(StoreError, match="in this thread already"),
            other.transaction("bob"),
        ):
            pass


def test_commits_are_durable_and_references_are_kept(store: SqlRecords) -> None:
    with store._connections.reading() as rows:
        told = [
            rows.connection.exec_driver_sql(f"PRAGMA {p}").scalar()
            for p in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert told == ["wal", 2, 1]


def test_a_writer_that_holds_on_is_named_at_last(store: SqlRecords, path: Path) -> None:
    insert(store, a_model("a"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"locked by another process for 0\.05 seconds") as caught:
            insert(store, a_model("b"))
        assert "database is locked" not in str(caught.value)
        assert store.count(Model) == 1
    insert(store, a_model("b"))


def test_a_process_suspended_while_it_waits_holds_nobody_up(store: SqlRecords, path: Path) -> None:
    with (path.parent / "muster.db-queue").open("w") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        insert(store, a_model("a"))


def test_a_writer_waits_for_another(path: Path) -> None:
    with (
        closing(SqlRecords(path)) as store,
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=insert, args=(store, a_model("a")))
        writer.start()
        writer.join(0.1)
        assert writer.is_alive()
        other.execute("COMMIT")
        writer.join()
        assert store.count(Model) == 1


def test_a_thread_that_holds_on_is_named_at_last(store: SqlRecords) -> None:
    faults: list[MusterError] = []

    def write() -> None:
        try:
            insert(store, a_model("a"))
        except MusterError as error:
            faults.append(error)

    with store.transaction("ada"):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert "another thread has been writing" in faults[0].message


def test_a_child_process_may_go_on_with_the_store(store: SqlRecords) -> None:
    insert(store, Counter(name="n", last=1))
    child = os.fork()
    if child == 0:
        try:
            with store.transaction("child") as tx:
                counter = tx.get(Counter, "n")
                assert counter is not None
                tx.replace(replace(counter, last=2))
            assert store._connections.process == os.getpid(), "SQLite forbids to use a parent's connections"
            store.close()
        except BaseException:  # noqa: BLE001  # a child of the test must not go on testing
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get(Counter, "n") == Counter(name="n", last=2)
    insert(store, a_model("a"))
    assert store.verify() == (1, None)


def test_a_child_process_cannot_end_its_parents_transaction(store: SqlRecords) -> None:
    child = -1
    with store.transaction("ada") as tx:
        tx.insert(a_model("a"))
        child = os.fork()
        if child == 0:
            try:
                tx.insert(a_model("b"))
            except StoreError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        tx.insert(a_model("c"))
    assert [m.name for m in store.find(Model).items] == ["a", "c"]


@pytest.mark.parametrize("content", [b"some text that is no database, for sure", b"SQLite format 3\0" + b"x" * 5_000])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "muster.db"
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="is no database, or is damaged"):
        SqlRecords(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE alembic_version (version_num TEXT)")
        other.execute("CREATE TABLE experiments (id INTEGER)")
        other.commit()
    with pytest.raises(StoreError, match="no hub: it has the tables alembic_version, experiments"):
        SqlRecords(path)


def test_a_damaged_file_is_told(store: SqlRecords, path: Path) -> None:
    insert(store, *(a_model(f"m{n}", description="x" * 5_000) for n in range(100)))
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 2))
    with closing(SqlRecords(path)) as damaged:
        with pytest.raises(Corrupt, match=r"muster\.db"):
            damaged.find(Model)
        with pytest.raises(Corrupt, match=r"muster\.db"):
            insert(damaged, *(a_model(f"n{n}") for n in range(100)))


@pytest.mark.parametrize(
    "document", ["", "{", "[]", '{"format":"muster.run/1"}', '{"format":"muster.model/1"}', '{"format":1}']
)
def test_a_document_that_is_none_is_told(store: SqlRecords, path: Path, document: str) -> None:
    insert(store, a_model("churn"))
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE model SET document = ?", (document,))
        other.commit()
    with pytest.raises(Corrupt):
        store.get(Model, "churn")


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        SqlRecords(tmp_path)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file cannot be made"):
        SqlRecords(tmp_path / "file" / "muster.db")


def test_nothing_is_made_on_a_disk_that_cannot_be_written(tmp_path: Path, mount: Mount) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=8m")
    with closing(SqlRecords(disk / "muster.db")) as store:
        insert(store, a_model("a"))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for path in (disk / "new.db", disk / "sub" / "muster.db"):
        with pytest.raises(StoreError, match=str(disk)):
            SqlRecords(path)


def test_a_full_disk_is_told_and_the_store_goes_on_after_it(tmp_path: Path, mount: Mount) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=8m")
    with closing(SqlRecords(disk / "muster.db")) as store:
        insert(store, a_model("before"))
        filler = fill(disk)
        with pytest.raises(StoreError, match=r"the disk of .*muster\.db is full"):
            insert(store, *(a_version("m", n, description="x" * 100_000) for n in range(50)))
        with pytest.raises(StoreError, match="failed already"), store.transaction("ada") as tx:
            with pytest.raises(StoreError, match="is full"):
                for n in range(200):
                    tx.insert(a_version("m", n, description="x" * 100_000))
            tx.insert(a_model("lost"))
        assert [m.name for m in store.find(Model).items] == ["before"]
        filler.unlink()
        insert(store, a_model("after"))
        assert store.count(Model) == 2
        assert store.verify() == (2, None)


def test_a_new_hub_on_a_full_disk(tmp_path: Path, mount: Mount) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=1m")
    filler = fill(disk)
    with pytest.raises(StoreError, match=str(disk)):
        SqlRecords(disk / "muster.db")
    filler.unlink()
    with closing(SqlRecords(disk / "muster.db")) as store:
        insert(store, a_model("a"))


def test_a_copy_in_another_mode_is_put_right(store: SqlRecords, path: Path, tmp_path: Path) -> None:
    insert(store, a_model("a"))
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("VACUUM INTO ?", (str(copy),))
    with closing(SqlRecords(copy)) as again:
        assert again.verify() == (1, None)
    with closing(sqlite3.connect(copy)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_names_of_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("a?b#c%20d", "späte 'x'", "file:x"):
        with closing(SqlRecords(tmp_path / name / "muster.db")) as store:
            insert(store, a_model("a"))
        assert (tmp_path / name / "muster.db").is_file()


def test_stores_are_opened_by_url(tmp_path: Path) -> None:
    with closing(open_records(f"sqlite:///{tmp_path}/muster.db")) as store:
        insert(store, a_model("a"))
    assert (tmp_path / "muster.db").is_file()
    with pytest.raises(InvalidInput, match=r"`sqllite://…`; did you mean `sqlite`"):
        open_records("sqllite:///x")


def test_closing_leaves_the_database_whole(store: SqlRecords, path: Path) -> None:
    insert(store, a_model("a"))
    store.close()
    assert {f.name for f in path.parent.iterdir()} == {"muster.db", "muster.db-queue"}
    shutil.rmtree(path.parent)


def test_an_interrupt_while_beginning_leaves_nothing_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = SqlRecords(tmp_path / "muster.db"), SqlRecords(tmp_path / "muster.db", wait=0.1)
    begin = Sqlite.begin

    def interrupted(self: Sqlite, connection: Connection) -> None:
        begin(self, connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Sqlite, "begin", interrupted)
        with store.transaction("ann"):
            pass
    insert(other, a_model("churn", 1))
    insert(store, a_model("fraud", 2))
    other.close()
    store.close()


def _frozen(disk: Path, mount: Mount, *leave: str) -> Path:
    """A hub's database on a disk that became read-only, with `b` committed and not yet carried over; without those left out."""
    mount(disk, "size=8m")
    live, path = disk.with_name("live.db"), disk / "muster.db"
    with closing(SqlRecords(live)) as store:
        insert(store, a_model("a"))
    with closing(SqlRecords(live)) as store:
        insert(store, a_model("b"))
        for end in ("", "-wal", "-shm"):
            if end not in leave:
                shutil.copyfile(f"{live}{end}", f"{path}{end}")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    return path


def test_a_read_only_disk_can_be_read(tmp_path: Path, mount: Mount) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=8m")
    with closing(SqlRecords(disk / "muster.db")) as store:
        insert(store, a_model("a"))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with closing(SqlRecords(disk / "muster.db")) as store:
        assert store.get(Model, "a") is not None
        with pytest.raises(StoreError, match="cannot be written"):
            insert(store, a_model("c"))


def test_what_was_written_last_is_read_from_a_read_only_disk(tmp_path: Path, mount: Mount) -> None:
    with closing(SqlRecords(_frozen(tmp_path / "disk", mount))) as store:
        assert store.get(Model, "b") is not None


def test_an_older_state_is_not_shown(tmp_path: Path, mount: Mount) -> None:
    with pytest.raises(
        StoreError, match="is on a read-only disk, and what was last written to it is still in"
    ) as error:
        SqlRecords(_frozen(tmp_path / "disk", mount, "-shm"))
    assert "copy the hub's folder" in error.value.hint


@pytest.mark.deep
# The one that falls into the callback by which hypothesis times collections; any other still fails.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function gc_cumulative_time:pytest.PytestUnraisableExceptionWarning"
)
def test_an_interrupt_at_any_moment_leaves_a_store_that_works(tmp_path: Path) -> None:
    """Ctrl-C within a statement ends its connection: the transaction is undone, and the next one is a new one."""
    rounds = 150
    random_ = random.Random(7)
    working = threading.Event()

    def interrupt(*_: object) -> None:
        if working.is_set():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with closing(SqlRecords(tmp_path / "muster.db")) as store:
            for n in range(rounds):
                insert(store, Counter(name=f"a{n}", last=0))
                try:
                    working.set()
                    # Python forgets an interrupt that falls into a callback of C: who presses Ctrl-C presses it again.
                    signal.setitimer(signal.ITIMER_REAL, random_.uniform(0.0001, 0.004), 0.25)
                    while True:
                        with store.transaction("ada") as tx:
                            counter = tx.get(Counter, f"a{n}")
                            assert counter is not None
                            tx.replace(replace(counter, last=counter.last + 1))
                            tx.replace(replace(counter, last=counter.last + 2))
                except KeyboardInterrupt:
                    working.clear()
                assert store.get(Counter, f"a{n}") is not None
            found = store.find(Counter, Query(limit=rounds)).items
            assert all(c.last % 2 == 0 for c in found)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
