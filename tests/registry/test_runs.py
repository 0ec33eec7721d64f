from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

import pytest

from muster.dataset import Dataset
from muster.errors import Conflict, ModelFailed, RunFailed, RunNotFound
from muster.owners import alive, me
from muster.records import Chunk, Lease, Progress, Run, new_id, now
from muster.registry.fingerprint import Fingerprint
from muster.registry.runs import Runs
from muster.store import RecordStore


@pytest.fixture
def runs(store: RecordStore) -> Runs:
    return Runs(store, "ann")


@pytest.fixture
def run(runs: Runs) -> Run:
    return runs.create(Run(id=new_id(), kind="score", status="queued", created_at=now(), created_by="ann"), total=100)


def _chunk(run: Run, index: int, length: int = 10) -> Chunk:
    return Chunk(
        run=run.id, part=0, index=index, start=index * 10, length=length, rejected=1, last=False, file="f", digest="d"
    )  # fmt: skip


def _gone() -> str:
    """An owner that ran a moment ago."""
    done = subprocess.run(
        [sys.executable, "-c", "from muster.owners import me; print(me())"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_run_is_held_by_one_at_a_time(runs: Runs, run: Run) -> None:
    with runs.hold(run) as held:
        assert runs.get(run.id).status == "running"
        assert runs.worked_on(run) is True
        with pytest.raises(Conflict, match="is being worked on"), runs.hold(run):
            pass
        held.end(replace(held.run, status="done"))
    assert runs.get(run.id).status == "done"
    assert runs.worked_on(run) is False


def test_chunks_are_counted_as_they_are_recorded(runs: Runs, run: Run) -> None:
    with runs.hold(run) as held:
        held.checkpoint(_chunk(run, 1))
        progress = held.checkpoint(_chunk(run, 0))
        assert (progress.rows, progress.rejected, progress.total) == (20, 2, 100)
        assert runs.get(run.id).rows == 20
        held.note(fingerprint="f" * 64)
    assert [c.index for c in runs.chunks(run.id)] == [0, 1]
    assert runs.progress(run.id) is not None
    progress_now = runs.progress(run.id)
    assert progress_now is not None
    assert progress_now.fingerprint == "f" * 64


def test_who_lost_the_lease_cannot_write_any_more(runs: Runs, run: Run, store: RecordStore) -> None:
    with runs.hold(run) as held:
        with store.transaction("bob") as tx:
            tx.replace(Lease(run=run.id, owner=me(), token=99, until=now() + timedelta(seconds=30)))
        with pytest.raises(RunFailed, match="taken over"):
            held.checkpoint(_chunk(run, 0))
        assert held.cancelled()
        with pytest.raises(RunFailed):
            held.end(replace(held.run, status="done"))
    assert list(runs.chunks(run.id)) == []
    assert store.get(Lease, run.id) is not None


def test_the_lease_of_a_process_that_is_gone_is_free(runs: Runs, run: Run, store: RecordStore) -> None:
    with store.transaction("bob") as tx:
        tx.insert(Lease(run=run.id, owner=_gone(), token=4, until=now() + timedelta(hours=1)))
    assert runs.worked_on(run) is False
    with runs.hold(run) as held:
        held.checkpoint(_chunk(run, 0))
        lease = store.get(Lease, run.id)
        assert lease is not None
        assert lease.token == 5


def test_the_lease_of_another_machine_holds_until_its_time_is_over(runs: Runs, run: Run, store: RecordStore) -> None:
    with store.transaction("bob") as tx:
        tx.insert(Lease(run=run.id, owner="elsewhere/boot/1/2", token=1, until=now() + timedelta(hours=1)))
    assert runs.worked_on(run) is None
    with pytest.raises(Conflict, match="process 1 on elsewhere"), runs.hold(run):
        pass
    with store.transaction("bob") as tx:
        tx.replace(Lease(run=run.id, owner="elsewhere/boot/1/2", token=1, until=now() - timedelta(seconds=1)))
    with runs.hold(run):
        assert runs.worked_on(run) is True


def test_a_cancellation_is_heard(runs: Runs, run: Run) -> None:
    with runs.hold(run) as held:
        assert not held.cancelled()
        runs.ask_cancel(run.id)
        held.listen()
        assert held.cancelled()
        held.end(replace(held.run, status="cancelled"))
    with pytest.raises(Conflict, match="is cancelled already"):
        runs.ask_cancel(run.id)


def test_runs_are_listed_newest_first(runs: Runs, run: Run, store: RecordStore) -> None:
    second = runs.create(
        Run(id=new_id(), kind="score", status="queued", created_at=now(), created_by="ann"), total=None
    )
    assert [r.id for r in runs.list()] == [second.id, run.id]
    assert [r.id for r in runs.list(["status=running"])] == []
    with store.transaction("ann") as tx:
        tx.replace(replace(second, status="running"))
        progress = tx.get(Progress, second.id)
        assert progress is not None
        tx.replace(replace(progress, rows=7))
    assert [r.rows for r in runs.list(["status=running"])] == [7]
    with pytest.raises(RunNotFound):
        runs.get("nothing")


def test_this_process_is_alive_and_an_old_one_is_not() -> None:
    assert alive(me()) is True
    assert alive(_gone()) is False
    assert alive("elsewhere/boot/1/2") is None


def test_a_run_that_is_over_is_not_begun_again(runs: Runs, run: Run) -> None:
    """Two resume it; the second one looked before the first one was done."""
    with runs.hold(run) as held:
        held.end(replace(held.run, status="done"))
    with pytest.raises(Conflict, match="is done already"), runs.hold(run):
        pass
    assert runs.get(run.id).status == "done"


def test_only_who_works_on_a_run_is_asked_to_stop(runs: Runs, run: Run) -> None:
    assert runs.ask_cancel(run.id) is False
    with runs.hold(run) as held:
        held.listen()
        assert not held.cancelled()
        assert runs.ask_cancel(run.id) is True
        held.listen()
        assert held.cancelled()


def test_the_lease_of_an_ended_run_tells_of_what_a_killed_process_left(
    runs: Runs, run: Run, store: RecordStore
) -> None:
    with runs.hold(run) as held:
        held.end(replace(held.run, status="cancelled"))
        assert store.get(Lease, run.id) is not None
        assert list(runs.left()) == []  # it is at it
        with store.transaction("bob") as tx:
            tx.replace(Lease(run=run.id, owner=_gone(), token=1, until=now() + timedelta(hours=1)))
        assert [r.id for r in runs.left()] == [run.id]
        with runs.hold(run, "tidy"):
            assert list(runs.left()) == []
    assert list(runs.left()) == []
    assert store.get(Lease, run.id) is None


@pytest.mark.parametrize("status", ["done", "cancelled", "failed"])
def test_what_could_not_be_removed_is_left_to_whoever_comes_next(
    runs: Runs, run: Run, status: Literal["done", "cancelled", "failed"]
) -> None:
    with runs.hold(run) as held:
        held.end(replace(held.run, status=status, ended_at=now()))
        held.unfinished = True
    assert [r.id for r in runs.left()] == [run.id]
    ended = runs.get(run.id)
    with pytest.raises(RuntimeError), runs.hold(ended, "tidy") as held:
        assert held.unfinished
        raise RuntimeError
    assert [r.id for r in runs.left()] == [run.id]
    with runs.hold(ended, "tidy") as held:
        held.unfinished = False
    assert list(runs.left()) == []


def test_a_run_whose_chunks_are_removed_begins_at_its_beginning(runs: Runs, run: Run) -> None:
    with runs.hold(run) as held:
        held.checkpoint(_chunk(run, 0))
        held.note(fingerprint="f" * 64)
        held.end(replace(held.run, status="failed"), forget=True)
    assert list(runs.chunks(run.id)) == []
    progress = runs.progress(run.id)
    assert progress is not None
    assert (progress.rows, progress.rejected, progress.fingerprint, progress.total) == (0, 0, None, 100)


def test_this_process_can_take_up_what_it_let_fall(runs: Runs, run: Run, store: RecordStore) -> None:
    """Its lease could not be deleted, as when the disk was full, and the process lives on."""
    with store.transaction("bob") as tx:
        tx.insert(Lease(run=run.id, owner=me(), token=1, until=now() - timedelta(seconds=1)))
    assert runs.worked_on(run) is False
    with runs.hold(run) as held:
        held.end(replace(held.run, status="done"))


def test_the_number_of_a_process_in_another_container_says_nothing() -> None:
    host, pid, started = me().rsplit("/", 2)
    elsewhere = f"{host.rpartition('/')[0]}/1"
    assert alive(f"{elsewhere}/{pid}/{started}") is None
    space = Path("/proc/self/ns/pid")
    assert not space.exists() or host.endswith(f"/{space.stat().st_ino}")


class _Endless:
    """A dataset that takes as long to read as the test likes."""

    def __init__(self) -> None:
        self.read = threading.Event()

    def fingerprint(self) -> str:
        self.read.wait(60)
        return "f" * 64


def test_work_that_ended_does_not_wait_for_its_input_to_be_read_through(runs: Runs, run: Run) -> None:
    data = _Endless()
    with runs.hold(run) as held:
        with pytest.raises(ModelFailed), Fingerprint(cast(Dataset, data), held):
            raise ModelFailed("at once")
        assert not data.read.is_set()
        data.read.set()
