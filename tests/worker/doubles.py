"""Real workers whose model is a piece of Python text: the program is the real one, only its loaders are replaced."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow as pa

import muster.worker
from muster.config import Settings
from muster.predictors.local.process import WorkerProcess

LOADER = """
import pyarrow as pa


def load(spec, folder):
    space = {"__name__": "model", "folder": folder}
    exec(compile(spec["code"], "model.py", "exec"), space)
    return Loaded(space)


class Loaded:
    def __init__(self, space):
        self.space = space
        self.facts = space.get("FACTS", {"methods": ["predict"]})

    def call(self, batch, params, outputs):
        answer = self.space["predict"](batch)
        if isinstance(answer, pa.RecordBatch):
            return answer
        column = answer if isinstance(answer, pa.Array) else pa.array(answer)
        return pa.RecordBatch.from_arrays([column], names=["predict"])
"""

FIRST = "def predict(batch):\n    return batch.column(0)\n"
"""A model that answers its first column."""


def program(folder: Path) -> Path:
    """A copy of the worker's program in `folder`, with a loader that runs `spec["code"]`; what to start."""
    copy = folder / "worker"
    ignored = shutil.ignore_patterns("loaders", "__pycache__")
    shutil.copytree(Path(muster.worker.__file__).parent, copy, ignore=ignored)
    (copy / "loaders").mkdir()
    (copy / "loaders" / "__init__.py").write_text(LOADER, encoding="utf-8")
    return copy / "__main__.py"


def settings(**given: object) -> Settings:
    """Settings by their names with `_` for the dot; nothing of this machine's files."""
    arguments = {name.replace("_", ".", 1): value for name, value in given.items()}
    # As open as can be, so that a test's model can do its worst; what shuts it in has tests of its own.
    usual = {"worker.memory": "4G", "worker.isolation": "none"}
    return Settings.load({**usual, **arguments}, environ={}, folder=Path("/"), home=Path("/"))


def make_worker(code: str, *, python: str = sys.executable, folder: str = "/", **given: object) -> WorkerProcess:
    return WorkerProcess(Path(python), Path(folder), {"code": code}, settings=settings(**given), threads=1)


@contextlib.contextmanager
def started(code: str, **given: object) -> Iterator[WorkerProcess]:
    with make_worker(code, **given) as worker:  # type: ignore[arg-type]
        worker.start()
        yield worker


def numbers(rows: int, first: float = 0.0, columns: int = 1) -> pa.RecordBatch:
    column = pa.array([first + n for n in range(rows)], pa.float64())
    return pa.RecordBatch.from_arrays([column] * columns, names=[f"x{n}" for n in range(columns)])


def ask(worker: WorkerProcess, rows: int = 3, seconds: float = 30.0) -> list[object]:
    return worker.predict(numbers(rows), {}, ["predict"], seconds).column(0).to_pylist()


def until(true: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
