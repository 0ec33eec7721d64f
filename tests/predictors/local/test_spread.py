"""Whether one worker with all cores or a worker on each is quicker is tried at registration, and scoring heeds it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from muster.predictors.local import spread as spreading
from muster.predictors.local.process import WorkerProcess
from muster.predictors.local.spread import spread
from muster.registry.scoring_job import ScoreTools
from tests.worker.doubles import numbers, settings, until
from tests.worker.versions import version

pytestmark = pytest.mark.usefixtures("text_models")

# What a library with threads of its own does: `hashlib` lets go of the interpreter's lock.
THREADS = """
import hashlib, os
from concurrent.futures import ThreadPoolExecutor
many = int(os.environ["OMP_NUM_THREADS"])
pool = ThreadPoolExecutor(many)
def predict(batch):
    blocks = [bytes(20_000 * (batch.num_rows // many)) for _ in range(many)]
    list(pool.map(lambda b: hashlib.sha256(b).digest(), blocks))
    return batch.column(0)
"""
BUSY = "def predict(batch):\n    x = sum(i * i for i in range(batch.num_rows * 80))\n    return batch.column(0)\n"


def _measured(
    code: str, monkeypatch: pytest.MonkeyPatch, seconds: float = 20.0, cores: int = 2, cheap: float = 1e9
) -> dict[str, object]:
    """What was found, with `again`: how many workers with one thread were started for it. `cheap` is in rows a second."""
    for name, value in (("_SECONDS", seconds), ("_ROWS", 200), ("_CHEAP", cheap), ("cores", lambda: cores)):
        monkeypatch.setattr(spreading, name, value)
    made: list[WorkerProcess] = []

    def worker(threads: int) -> WorkerProcess:
        given = settings()
        made.append(WorkerProcess(Path(sys.executable), Path("/"), {"code": code}, settings=given, threads=threads))
        return made[-1]

    with worker(2) as one:
        one.start()
        until(lambda: _rests(one), "the threads that its libraries made wait for work")
        found = spread(one, lambda: worker(1), numbers(3), {}, ["predict"])
    assert not any(w.alive for w in made)
    return {**found, "again": len(made) - 1}


def _rests(worker: WorkerProcess) -> bool:
    """OpenBLAS's threads turn for a while when they are made, as if they computed."""
    before = worker.cpu_seconds
    time.sleep(0.02)
    return worker.cpu_seconds == before


def test_a_cheap_model_is_measured_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _measured(THREADS, monkeypatch, cheap=0.0) == {"spread": "workers", "again": 0}


def test_one_that_computes_on_one_core_gets_a_worker_on_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _measured(BUSY, monkeypatch) == {"spread": "workers", "again": 0}


def test_one_whose_library_uses_all_cores_is_compared_with_itself_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "_BUSY", 0.1)  # the cores may be others' just now
    found = _measured(THREADS, monkeypatch)
    assert found["again"] == 1
    gain = found["gain"]
    assert isinstance(gain, float)
    assert found["spread"] == ("threads" if gain >= 1.8 else "workers")


@pytest.mark.parametrize(
    ("code", "seconds", "cores"),
    [(BUSY, 0.000_001, 2), (BUSY, 20.0, 1), ("def predict(batch):\n    raise ValueError(len(batch))\n", 20.0, 2)],
)
def test_what_cannot_be_measured_is_left_as_it_is(
    code: str, seconds: float, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _measured(code, monkeypatch, seconds, cores) == {"again": 0}


def test_scoring_heeds_what_was_measured_unless_told_otherwise() -> None:
    tools = object.__new__(ScoreTools)
    for name, value in (("workers", 4), ("by_version", True)):
        object.__setattr__(tools, name, value)
    assert tools.workers_of(version("", load={"spread": "threads"})) == 1
    assert tools.workers_of(version("", load={"spread": "workers"})) == 4
    assert tools.workers_of(version("")) == 4
    object.__setattr__(tools, "by_version", False)
    assert tools.workers_of(version("", load={"spread": "threads"})) == 4
