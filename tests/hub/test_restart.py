"""The PostgreSQL server is started anew in the middle of the work: the work goes on, or says how to go on, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from muster.hub import Hub
from muster.records import Run
from tests import postgres
from tests.hub.conftest import numbers
from tests.hub.homes import Home, postgres_home

pytestmark = pytest.mark.deep

ROWS = 100_000


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    with postgres.own_server() as started:
        yield started


@pytest.fixture(params=["fast", "immediate"])
def restart(request: pytest.FixtureRequest, server: postgres.Server) -> Callable[[], None]:
    def restarted() -> None:
        server.stop(request.param)
        time.sleep(1.0)  # connecting is refused meanwhile
        server.start()

    return restarted


@pytest.fixture
def home(server: postgres.Server, made: Path, tmp_path: Path) -> Iterator[Home]:
    with postgres_home(server.url, tmp_path, made, None) as found:
        yield found


@pytest.fixture
def hub(home: Home) -> Iterator[Hub]:
    with home.open(score__chunk_rows=1_024) as opened:
        yield opened


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "large.parquet"
    pq.write_table(numbers(ROWS), file, row_group_size=25_000)
    return file


def _started(home: Home, *command: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "muster", *map(str, command)],
        env=home.environ(score_chunk_rows="1024", worker_count="1", jobs_backoff_seconds="0.1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _until(holds: Callable[[], object], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def _begun(hub: Hub, known: set[str]) -> Run | None:
    """The other run, once some of it is done and not all."""
    return next((r for r in hub.runs() if r.id not in known and 0 < r.rows < ROWS), None)


def test_a_scoring_outlives_a_restart(
    restart: Callable[[], None], home: Home, hub: Hub, data: Path, tmp_path: Path
) -> None:
    known = {hub.score("numbers", data, tmp_path / "expected.parquet", keep="all").id}
    process = _started(home, "score", "numbers", data, tmp_path / "out.parquet", "--keep", "all")
    try:
        _until(lambda: _begun(hub, known), process)
        restart()
        _, told = process.communicate(timeout=120)
    finally:
        process.kill()
    [run] = [r for r in hub.runs() if r.id not in known]
    if process.returncode:
        # Lost inside a transaction: whether that is to be done again nobody but the user can say.
        assert "Traceback" not in told
        assert "was lost" in told
        assert f"muster run resume {run.id}" in told
        assert (run.status, hub.worker(run)) == ("failed", None)
        assert not (tmp_path / "out.parquet").exists()
        run = hub.resume(run.id)
    assert (run.status, run.rows, run.rejected) == ("done", ROWS, 0)
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "expected.parquet").read_bytes()
    assert not list(tmp_path.glob("*.muster-*"))
    assert hub.verify_events()[1] is None


def test_a_worker_outlives_restarts(
    restart: Callable[[], None], home: Home, hub: Hub, data: Path, tmp_path: Path
) -> None:
    """While it waits for jobs, and while it is at one; nobody has to do anything."""
    known = {hub.score("numbers", data, tmp_path / "expected.parquet", keep="all").id}
    process = _started(home, "worker")
    try:
        first = hub.score("numbers", data, tmp_path / "first.parquet", queue=True, wait=False)
        _until(lambda: hub.run(first.id).status == "done", process)
        restart()
        known |= {first.id}
        run = hub.score("numbers", data, tmp_path / "out.parquet", keep="all", queue=True, wait=False)
        _until(lambda: _begun(hub, known), process)
        restart()
        _until(lambda: hub.run(run.id).status in ("done", "failed"), process)
        process.terminate()
        told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        assert "Traceback" not in told[1]
    finally:
        process.kill()
    done = hub.run(run.id)
    assert (done.status, done.rows, done.error) == ("done", ROWS, None)
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "expected.parquet").read_bytes()
    assert not list(tmp_path.glob("*.muster-*"))
    assert hub.verify_events()[1] is None
