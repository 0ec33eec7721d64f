"""Jobs: left to the workers of a hub, handed on when one dies, stops or is held up, and done once."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import muster
from muster.datasets.sink import FileSink
from muster.errors import Conflict, DatasetError, RunCancelled, RunFailed
from muster.hub import Hub
from muster.records import Lease, Run, now
from tests import postgres
from tests.hub.conftest import home_of, numbers
from tests.hub.homes import Home

ROWS = 100_000
Worker = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["folder", "postgres"])
def home(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> Iterator[Home]:
    with home_of(request.param, request, tmp_path, made) as found:
        yield found


in_depth = pytest.mark.parametrize("home", ["folder", pytest.param("postgres", marks=pytest.mark.deep)], indirect=True)


@pytest.fixture
def shared(home: Home) -> Iterator[Hub]:
    """The hub of a home, where processes meet; `hub` is that of a folder."""
    with home.open(score__chunk_rows=1_024) as opened:
        yield opened


@pytest.fixture
def worker(home: Home) -> Iterator[Worker]:
    """Starts `muster worker` as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "muster", "worker", *arguments],
            env=home.environ(worker_count="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "large.parquet"
    pq.write_table(numbers(ROWS), file, row_group_size=25_000)
    return file


@pytest.fixture(scope="session")
def expected(made: Path, large: Path) -> bytes:
    """What an undisturbed scoring gives."""
    place, output = large.with_name("hub"), large.with_name("expected.parquet")
    shutil.copytree(made, place)
    with muster.open(place, score__chunk_rows=1_024) as hub:
        hub.score("numbers", large, output, keep="all")
    return output.read_bytes()


def _until(holds: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        assert process is None or process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def _begun(hub: Hub, run: Run, process: subprocess.Popen[str]) -> None:
    """Some of it is done, and not all."""
    _until(lambda: hub.run(run.id).rows, process)
    assert hub.run(run.id).rows < ROWS


def _expire(hub: Hub, run: Run) -> None:
    """As if the time of its lease had passed without a beat."""
    with hub._records.transaction("test") as tx:
        lease = tx.get(Lease, run.id)
        assert lease is not None
        tx.replace(replace(lease, until=now() - timedelta(seconds=1)))


def _stopped(process: subprocess.Popen[str]) -> bool:
    """Every thread of it: the signal was sent before, and each goes on until it is taken."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/stat")
    return all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)


def _suspend(hub: Hub, process: subprocess.Popen[str]) -> None:
    """At a moment at which it does not hold the lock of the database, which in SQLite nobody could take from it."""
    while True:
        process.send_signal(signal.SIGSTOP)
        _until(lambda: _stopped(process))
        if not _locked(hub):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01)


def _locked(hub: Hub) -> bool:
    target = hub.settings.text("hub")
    if "://" in target:
        held = "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND datname = "
        return bool(postgres.run(target, f"{held} current_database()"))
    with closing(sqlite3.connect(Path(target) / "muster.db", timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


@in_depth
def test_a_job_waits_for_a_worker(shared: Hub, data: Path, tmp_path: Path, worker: Worker) -> None:
    run = shared.score("numbers", data, tmp_path / "out", queue=True, wait=False)
    assert (run.status, run.queue, run.attempts) == ("queued", True, 0)
    assert shared.cut_off(run) is None
    process = worker("--once")
    done = shared.wait(run.id)
    assert (done.status, done.rows, done.attempts) == ("done", 20_000, 1)
    assert process.wait(60) == 0
    assert (tmp_path / "out").is_dir()


def test_a_job_of_a_worker_that_is_killed_is_finished_by_another(
    shared: Hub, large: Path, tmp_path: Path, worker: Worker, expected: bytes
) -> None:
    run = shared.score("numbers", large, tmp_path / "out.parquet", keep="all", queue=True, wait=False)
    first = worker()
    _begun(shared, run, first)
    first.kill()
    first.wait()
    shared.work(once=True)
    done = shared.run(run.id)
    assert (done.status, done.rows, done.attempts) == ("done", ROWS, 2)
    assert (tmp_path / "out.parquet").read_bytes() == expected


@in_depth
def test_a_worker_lets_go_when_it_is_stopped(
    shared: Hub, large: Path, tmp_path: Path, worker: Worker, expected: bytes
) -> None:
    run = shared.score("numbers", large, tmp_path / "out.parquet", keep="all", queue=True, wait=False)
    first = worker()
    _begun(shared, run, first)
    first.terminate()
    told = first.communicate(timeout=30)
    assert first.returncode == 0, told
    left = shared.run(run.id)
    assert (left.status, left.attempts, left.not_before, shared.worker(left)) == ("queued", 0, None, None)
    assert 0 < left.rows < ROWS
    shared.work(once=True)
    done = shared.run(run.id)
    assert (done.status, done.rows, done.attempts) == ("done", ROWS, 1)
    assert (tmp_path / "out.parquet").read_bytes() == expected


def test_a_worker_that_was_held_up_cannot_write_any_more(
    shared: Hub, large: Path, tmp_path: Path, worker: Worker, expected: bytes
) -> None:
    run = shared.score("numbers", large, tmp_path / "out.parquet", keep="all", queue=True, wait=False)
    slow = worker()
    _begun(shared, run, slow)
    _suspend(shared, slow)
    shared.work(once=True)
    assert shared.run(run.id).status == "running", "its lease is in force"
    _expire(shared, run)
    shared.work(once=True)
    done, events = shared.run(run.id), [e.seq for e in shared.events()]
    assert (done.status, done.rows, done.attempts) == ("done", ROWS, 2)
    output = (tmp_path / "out.parquet").stat()
    slow.send_signal(signal.SIGCONT)
    slow.terminate()
    told = slow.communicate(timeout=30)
    assert slow.returncode == 0, told
    assert (shared.run(run.id), [e.seq for e in shared.events()]) == (done, events)
    after = (tmp_path / "out.parquet").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (output.st_ino, output.st_mtime_ns, output.st_size)
    assert (tmp_path / "out.parquet").read_bytes() == expected
    assert not list(tmp_path.glob("*.muster-*"))


@in_depth
def test_workers_share_the_jobs_and_none_is_done_twice(shared: Hub, data: Path, tmp_path: Path, worker: Worker) -> None:
    runs = [shared.score("numbers", data, tmp_path / f"out{n}", queue=True, wait=False) for n in range(4)]
    processes = [worker("--once", "--count", "2") for _ in range(2)]
    assert [p.wait(90) for p in processes] == [0, 0]
    assert [(shared.run(r.id).status, shared.run(r.id).attempts) for r in runs] == [("done", 1)] * 4
    began = [e.subject for e in shared.events(sort=["seq"]) if e.after and e.after.get("status") == "running"]
    assert sorted(began) == sorted(f"run/{r.id}" for r in runs), "each is begun once"


def test_the_oldest_is_done_first(hub: Hub, data: Path, tmp_path: Path) -> None:
    runs = [hub.score("numbers", data, tmp_path / f"out{n}", queue=True, wait=False) for n in range(3)]
    told: list[tuple[str, str]] = []
    hub.work(once=True, tell=lambda run: told.append((run.id, run.status)))
    assert told == [(r.id, status) for r in runs for status in ("running", "done")]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The disk of the output is full as long as there is something in this list."""
    faults = ["no space is left"]
    write = FileSink.write

    def failing(self: FileSink, *arguments: Any) -> Any:
        if faults:
            raise DatasetError(faults[0], hint="make room there")
        return write(self, *arguments)

    monkeypatch.setattr(FileSink, "write", failing)
    return faults


@in_depth
def test_a_passing_cause_is_tried_again_later(home: Home, data: Path, tmp_path: Path, full: list[str]) -> None:
    with home.open(jobs__backoff_seconds=3_000) as hub:
        run = hub.score("numbers", data, tmp_path / "out", queue=True, wait=False)
        hub.work(once=True)
        found = hub.run(run.id)
        assert (found.status, found.attempts, found.error) == ("queued", 1, "no space is left")
        assert found.not_before is not None
        assert 2_900 < (found.not_before - now()).total_seconds() <= 3_000
        full.clear()
        hub.work(once=True)
        assert hub.run(run.id).attempts == 1, "its time has not come"
        with hub._records.transaction("test") as tx:
            tx.replace(replace(found, not_before=now()))
        hub.work(once=True)
        found = hub.run(run.id)
        assert (found.status, found.attempts, found.error, found.not_before) == ("done", 2, None, None)


def test_tries_come_to_an_end(place: Path, data: Path, tmp_path: Path, full: list[str]) -> None:
    with muster.open(place, jobs__backoff_seconds=0.001, jobs__attempts=2) as hub:
        run = hub.score("numbers", data, tmp_path / "out", queue=True, wait=False)
        stop = threading.Event()
        hub.work(stop=stop, tell=lambda run: stop.set() if run.status == "failed" else None)
        found = hub.run(run.id)
        assert (found.status, found.attempts, found.not_before) == ("failed", 2, None)
        with pytest.raises(RunFailed, match="no space is left"):
            hub.wait(run.id)
        full.clear()
        assert hub.resume(run.id).status == "done"


def test_what_will_not_pass_is_not_tried_again(hub: Hub, data: Path, tmp_path: Path) -> None:
    pq.write_table(numbers(10).set_column(0, "n", [[-1, *range(9)]]), tmp_path / "bad.parquet")
    bad = hub.score("numbers", tmp_path / "bad.parquet", tmp_path / "bad", on_reject="fail", queue=True, wait=False)
    changed = hub.score("numbers", data, tmp_path / "changed", queue=True, wait=False)
    gone = hub.score("numbers", tmp_path / "bad.parquet", tmp_path / "gone", queue=True, wait=False)
    cancelled = hub.score("numbers", data, tmp_path / "cancelled", queue=True, wait=False)
    pq.write_table(numbers(5), data)
    hub.cancel(cancelled.id)
    hub.work(once=True)
    found = [hub.run(r.id) for r in (bad, changed, gone)]
    assert [(r.status, r.attempts) for r in found] == [("failed", 1), ("failed", 1), ("done", 1)]
    assert "cannot be scored" in (found[0].error or "")
    assert "has changed since it began" in (found[1].error or "")
    assert (hub.run(cancelled.id).status, hub.run(cancelled.id).attempts) == ("cancelled", 0)
    with pytest.raises(RunCancelled):
        hub.wait(cancelled.id)


def test_a_job_that_kills_each_worker_is_given_up(hub: Hub, data: Path, tmp_path: Path) -> None:
    run = hub.score("numbers", data, tmp_path / "out", queue=True, wait=False)
    with hub._records.transaction("test") as tx:
        tx.replace(replace(run, status="running", attempts=3))
    hub.work(once=True)
    found = hub.run(run.id)
    assert (found.status, found.attempts) == ("failed", 3)
    assert found.error == "given up after 3 attempts: the process that worked on it ended each time"


@in_depth
def test_a_job_is_cancelled_wherever_it_is_worked_on(shared: Hub, large: Path, tmp_path: Path, worker: Worker) -> None:
    run = shared.score("numbers", large, tmp_path / "out", queue=True, wait=False)
    process = worker()
    _begun(shared, run, process)
    shared.cancel(run.id)
    with pytest.raises(RunCancelled):
        shared.wait(run.id)
    _until(lambda: not list(tmp_path.glob("out*")), process)


def test_what_is_no_job_is_left_alone(hub: Hub, data: Path, tmp_path: Path) -> None:
    run = hub.score("numbers", data, tmp_path / "out")
    with hub._records.transaction("test") as tx:
        tx.replace(replace(run, status="running", output=str(tmp_path / "other")))
    hub.work(once=True)
    assert hub.run(run.id).status == "running"
    with pytest.raises(Conflict), hub._runs.hold(run, "claim"):
        pass
