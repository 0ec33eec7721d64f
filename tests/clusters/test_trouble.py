"""What becomes of runs on a real Ray and a real Spark when something goes wrong: nothing is lost, done twice, or left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import MusterError, RunCancelled, RunFailed
from muster.hub import Hub
from muster.records import Progress, Run
from tests.clusters.starting import CLUSTERS, executors
from tests.clusters.test_work import digests

pytestmark = pytest.mark.deep

ROWS, CHUNK = 16_000, 400

MODEL = """
import os, time

INPUT = "arrow"
PIDS = {pids!r}


def predict(data):
    time.sleep(0.05)
    numbers = data["n"].to_pylist()
    with open(PIDS, "a") as file:
        file.write(f"{{os.getpid()}} {{numbers[0]}} {{len(numbers)}}\\n")
    if -1 in numbers:
        raise ValueError("there is no row -1")
    return [2.0 * n for n in numbers]
"""


@pytest.fixture(params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> str:
    CLUSTERS[request.param]()
    return str(request.param)


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """Each call of the model: the process that it was in, its first row, and how many."""
    return tmp_path / "pids"


@pytest.fixture
def hub(tmp_path: Path, pids: Path) -> Iterator[Hub]:
    (tmp_path / "model.py").write_text(MODEL.format(pids=str(pids)))
    with muster.open(tmp_path / "hub", score__chunk_rows=CHUNK, worker__isolation="none") as opened:
        opened.register("slow", tmp_path / "model.py", task="regression", sample={"n": [1, 2, 3]})
        pids.write_text("")
        yield opened


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"n": range(ROWS)}), file, row_group_size=4_000)
    return file


def callers(pids: Path) -> set[int]:
    return {int(line.split()[0]) for line in pids.read_text().splitlines()}


def calls(pids: Path) -> list[int]:
    return [int(line.split()[1]) for line in pids.read_text().splitlines()]


def ended(pids: Path, within: float = 30.0) -> None:
    """Waits until no process of the model is left; fails where one stays."""
    until = time.monotonic() + within
    while left := {pid for pid in callers(pids) if psutil.pid_exists(pid)}:
        assert time.monotonic() < until, f"the model's processes {left} still run"
        time.sleep(0.1)


class Once:
    """Does something at the first chunk that is told of after so many rows."""

    def __init__(self, rows: int, act: Callable[[], object]) -> None:
        self._rows, self._act, self.done = rows, act, False

    def __call__(self, progress: Progress) -> None:
        if progress.rows >= self._rows and not self.done:
            self.done = True
            self._act()


def test_an_executor_that_is_killed_is_replaced(cluster: str, hub: Hub, data: Path, pids: Path, tmp_path: Path) -> None:
    hub.score("slow", data, tmp_path / "here/", keep="all")
    killed: list[int] = []

    def kill() -> None:
        victim = executors(cluster)[0]
        killed.append(victim.pid)
        victim.kill()

    run = hub.score("slow", data, tmp_path / "there/", keep="all", runner=cluster, watch=Once(1, kill))
    assert killed
    assert (run.status, run.rows, run.rejected) == ("done", ROWS, 0)
    assert digests(tmp_path / "here") == digests(tmp_path / "there")
    ended(pids)


def test_an_evaluation_bears_it_too(cluster: str, hub: Hub, pids: Path, tmp_path: Path) -> None:
    file = tmp_path / "labelled.parquet"
    table = pa.table({"n": range(ROWS), "y": [2.0 * n + (n % 7) * 0.1 for n in range(ROWS)]})
    pq.write_table(table, file, row_group_size=4_000)
    here = hub.evaluate("slow", file, target="y")

    def kill() -> None:
        executors(cluster)[0].kill()

    once = Once(1, kill)
    there = hub.evaluate("slow", file, target="y", runner=cluster, watch=once)
    assert once.done
    assert here.profile.encode() == there.profile.encode()
    ended(pids)


HELD = """

def predict(data, *, answer=predict):
    answered = answer(data)
    if data["n"][0].as_py() >= {held}:
        while not os.path.exists({asked!r}):
            time.sleep(0.01)
        time.sleep(2)
    return answered
"""


def test_a_run_that_is_cancelled_leaves_nothing(cluster: str, hub: Hub, data: Path, pids: Path, tmp_path: Path) -> None:
    """The second half is held until that was asked for, and takes far longer than it may take to be heard of."""
    held, asked = ROWS // 2, tmp_path / "asked"
    code = MODEL.format(pids=str(pids)) + HELD.format(held=held, asked=str(asked))
    (tmp_path / "held.py").write_text(code)
    hub.register("held", tmp_path / "held.py", task="regression", sample={"n": [1, 2, 3]})
    pids.write_text("")
    begun: list[Run] = []

    def cancel() -> None:
        while not any(first >= held for first in calls(pids)):
            time.sleep(0.05)
        begun.extend(hub.runs(["status=running"]))
        hub.cancel(begun[0].id)
        asked.touch()

    cancelling = threading.Thread(target=cancel, daemon=True)
    cancelling.start()
    with pytest.raises(RunCancelled):
        hub.score("held", data, tmp_path / "out/", runner=cluster)
    cancelling.join()
    at = len(calls(pids))
    assert at < ROWS / CHUNK
    assert hub.run(begun[0].id).status == "cancelled"
    assert not list(tmp_path.glob("out*"))
    ended(pids)
    assert len(calls(pids)) == at, "nothing is asked after the end"
    assert not list(tmp_path.glob("out*")), "nor written"


def test_the_first_error_ends_all(cluster: str, hub: Hub, pids: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.parquet"
    pq.write_table(pa.table({"n": [-1 if n == 5_001 else n for n in range(ROWS)]}), file, row_group_size=4_000)
    told: list[MusterError] = []
    for runner in ("local", cluster):
        with pytest.raises(
            RunFailed, match=r"row 5001 of .*bad\.parquet cannot be scored: .*there is no row -1"
        ) as raised:
            hub.score("slow", file, tmp_path / f"{runner}/", on_reject="fail", runner=runner)
        told.append(raised.value)
    here, there = told
    assert (type(here), here.message, here.hint) == (type(there), there.message, there.hint)
    assert {k: v for k, v in here.details.items() if k != "run"} == {
        k: v for k, v in there.details.items() if k != "run"
    }
    assert not list(tmp_path.glob(f"{cluster}*"))
    ended(pids)


class Stop(Exception):
    """What a program may raise while it watches."""


def test_a_run_that_was_cut_off_goes_on(cluster: str, hub: Hub, data: Path, pids: Path, tmp_path: Path) -> None:
    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        hub.score("slow", data, tmp_path / "out/", keep="all", runner=cluster, watch=Once(2_000, stop))
    ended(pids)
    (run,) = hub.runs(["status=failed"])
    recorded = {(c.part, c.index) for c in hub._scorings._runs.chunks(run.id)}
    assert 2_000 / CHUNK <= len(recorded) < ROWS / CHUNK
    pids.write_text("")
    done = hub.resume(run.id)
    assert (done.status, done.rows) == ("done", ROWS)
    starts = {4_000 * part + CHUNK * index for part, index in recorded}
    assert not starts & set(calls(pids)), "what was done is not asked again"
    hub.score("slow", data, tmp_path / "here/", keep="all")
    assert digests(tmp_path / "here") == digests(tmp_path / "out")


def test_one_worker_serves_all_tasks_of_an_executor(
    cluster: str, hub: Hub, data: Path, pids: Path, tmp_path: Path
) -> None:
    hub.score("slow", data, tmp_path / "out/", runner=cluster)
    assert len(callers(pids)) <= 3, "it is kept from one task to the next"
    ended(pids)


def test_what_a_model_may_use_is_one_core(cluster: str, hub: Hub, tmp_path: Path, data: Path) -> None:
    code = 'import os\nINPUT = "arrow"\n\ndef predict(data):\n    return [float(os.environ["OMP_NUM_THREADS"])] * len(data)\n'
    (tmp_path / "threads.py").write_text(code)
    hub.register("threads", tmp_path / "threads.py", task="regression", sample={"n": [1, 2, 3]})
    hub.score("threads", data, tmp_path / "out.parquet", runner=cluster)
    assert set(pq.read_table(tmp_path / "out.parquet")["prediction"].to_pylist()) == {1.0}
