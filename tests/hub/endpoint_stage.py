"""A hub whose model stands behind a local server in this process, which keeps count of what it is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.hub import Hub
from muster.records import Run, StoredAnswer
from muster.registry.search import every
from muster.testing.endpoints import Account, Deployed, Served, serving
from tests.hub.homes import Home, folder_home

__all__ = ["AT_ONCE", "CHUNK", "KINDS", "QUEUE", "Model", "Stage", "chance", "expected", "number", "staged", "table"]

KINDS = {"sagemaker": "", "sagemaker async": "", "http": "probabilities"}
"""With the container that gives probabilities."""
QUEUE = {"async": "s3://answers/churn", "after": 0.01}
"""The options of an endpoint that answers later."""
CHUNK = 16
AT_ONCE = 4
"""Requests at once, by the cap of the connection."""


def chance(row: float) -> float:
    """Never a half, which two codecs may round to different classes."""
    return (row * 37 % 101) / 101


def number(row: Any) -> float:
    """Of a row, as a container gives it to the model."""
    return float(row["row"] if isinstance(row, dict) else row[0])


def table(rows: int) -> pa.Table:
    """Each row is known by its number, wherever it turns up."""
    return pa.table({"row": [float(n) for n in range(rows)], "weight": [n % 7 / 2 for n in range(rows)]})


def expected(rows: Sequence[int]) -> list[tuple[float, int, Any]]:
    """Row, prediction, probability of class 1."""
    return [(float(n), int(chance(n) >= 0.5), pytest.approx(chance(n), abs=1e-6)) for n in rows]


@dataclass
class Model:
    """Knows the rows of each request that has reached it, in the order in which they came. It cannot take rows below 0."""

    pause: float = 0.0
    asked: list[tuple[int, ...]] = field(default_factory=list)
    at_once: int = 0
    """The most requests that it had in work together."""
    _acts: dict[int, Callable[[], object]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _working: int = 0

    def at(self, request: int, act: Callable[[], object]) -> None:
        """Do something while the request of that number is in work, counted from 1 since the last time that all was forgotten."""
        self._acts[request] = act

    def __call__(self, rows: list[Any]) -> list[list[float]]:
        told = [number(row) for row in rows]
        with self._lock:
            self.asked.append(tuple(int(n) for n in told))
            self._working += 1
            self.at_once = max(self.at_once, self._working)
            act = self._acts.pop(len(self.asked), None)
        try:
            if act is not None:
                act()
            time.sleep(self.pause)
            if bad := [n for n in told if n < 0]:
                raise ValueError(f"there is no row {bad[0]:g}")
            return [[1 - chance(n), chance(n)] for n in told]
        finally:
            with self._lock:
                self._working -= 1

    def forget(self) -> None:
        with self._lock:
            self.asked.clear()
            self._acts.clear()
            self.at_once = 0

    def rows(self, since: int = 0) -> list[int]:
        """Each as often as it was asked for."""
        return [row for request in self.asked[since:] for row in request]

    def repeated(self) -> list[tuple[int, ...]]:
        """Requests of which a row was asked for again later."""
        later: set[int] = set()
        found = []
        for request in reversed(self.asked):
            if later & set(request):
                found.append(request)
            later |= set(request)
        return found


@dataclass
class Stage:
    """`churn:1` is the endpoint `churn` over the connection `c`."""

    kind: str
    account: Account
    model: Model
    home: Home
    hub: Hub
    folder: Path
    chunk: int = CHUNK
    _outputs: int = 0

    def data(self, rows: int | pa.Table) -> Path:
        told = table(rows) if isinstance(rows, int) else rows
        file = self.folder / f"in-{told.num_rows}.parquet"
        pq.write_table(told, file)
        return file

    def output(self) -> Path:
        """One that is not there yet."""
        self._outputs += 1
        return self.folder / f"out-{self._outputs}.parquet"

    def score(self, data: Path, output: Path | None = None, **more: Any) -> Run:
        return self.hub.score("churn", data, output or self.output(), **{"keep": ["row"], **more})

    def clear(self) -> None:
        """No fault is in the way, and nothing was asked."""
        self.account.faults.clear()
        self.account.calls.clear()
        self.model.forget()

    def answers(self, run: str | None = None) -> list[StoredAnswer]:
        """Those that are kept, of a run or of all."""
        return [a for a in every(self.hub._records, StoredAnswer) if run in (None, a.run)]

    def kept(self, run: str) -> set[int]:
        """Rows of one file whose answers are on the disk: in finished chunks, or by themselves."""
        rows = {n for c in self.hub._runs.chunks(run) for n in range(c.start, c.start + c.length)}
        for answer in self.answers(run):
            first = int(answer.chunk.partition("/")[2]) * self.chunk + answer.first
            rows |= set(range(first, first + answer.rows))
        return rows

    def read(self, run: Run) -> dict[str, list[Any]]:
        return pq.read_table(self.place(run)).to_pydict()

    def scored(self, run: Run) -> list[tuple[float, int, float]]:
        """Row, prediction, probability of class 1."""
        found = self.read(run)
        return list(zip(*(found[name] for name in ("row", "prediction", "probability_1")), strict=True))

    def place(self, run: Run) -> str:
        assert run.output is not None
        return run.output.removeprefix("file://")


@contextmanager
def staged(
    kind: str,
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    settings: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    chunk: int = CHUNK,
    deployed: Any = None,
) -> Iterator[Stage]:
    """`settings` are more of the connection, `options` those of the account, `deployed` makes of a model what else to serve."""
    model = Model()
    with ExitStack() as block:
        served = Served(predict=model, columns=("row", "weight"), container=KINDS[kind])
        name, _, queued = kind.partition(" ")
        shown = served if not queued else Deployed(variants={"AllTraffic": served}, options=QUEUE)
        models: dict[str, Any] = {"churn": shown if deployed is None else deployed(served)}
        account = block.enter_context(serving(name, models, **(options or {})))
        for variable, value in account.environ.items():
            patch.setenv(variable, value)
        home = folder_home(folder, None)
        hub = block.enter_context(home.open(score__chunk_rows=chunk))
        hub.connect("c", name, **{"concurrency": AT_ONCE, **account.settings, **(settings or {})})
        endpoint = muster.Endpoint("c", "churn" if kind != "http" else None)
        hub.register("churn", endpoint, task="binary", classes=[0, 1], sample=table(30))
        stage = Stage(kind, account, model, home, hub, folder, chunk)
        stage.clear()
        yield stage
