"""A local model through its worker, against the same model called in process: 20 numbers a row, p50 of one call.

The limit calls the loaded model and reads its answer, with no other process. The model does next to nothing, so what is left
is what the way there and back costs. Every program is a process of its own, and they take turns.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from harness import DATA, Program, arguments, exponent, finish, machine, measure, show

from muster.config import Settings
from muster.predictor import Predictor, Talk
from muster.predictors.local.predictor import LocalPredictor
from muster.predictors.local.process import WorkerProcess
from muster.predictors.local.reading import read, wanted
from muster.records import Environment, Reading, Version, now
from muster.signature import Column, Output, Signature
from muster.worker.loaders import load

FOLDER = DATA / "worker"
LOAD = {"loader": "file", "file": "model.py"}
MODEL = 'INPUT = "arrow"\n\n\ndef predict(data):\n    return data.column(0).to_numpy()\n'
COLUMNS = [f"x{n}" for n in range(20)]
OUTPUT = Output("regression", pa.float64())
READING = Reading(value="predict")
SCORING = 65_536


class Here:
    """A site whose only environment is this one."""

    def __init__(self) -> None:
        self.settings = Settings.load()
        self.talk: Talk = lambda _: None

    def artifact(self, digest: str) -> Path:
        return FOLDER

    def discard(self, digest: str) -> None:
        """The folder is the measurement's."""

    def interpreter(self, environment: Environment) -> Path:
        return Path(sys.executable)

    def surplus(self, environment: Environment) -> dict[str, list[str]]:
        return {}


def main() -> None:
    options = arguments(__doc__ or "", [1, 1_000, 100_000])
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "model.py").write_text(MODEL)
    told: dict[str, list[dict[str, float]]] = {}
    sizes = ",".join(map(str, options.sizes))
    programs = [
        Program(name, [sys.executable, __file__, name, sizes], check=_keep(told.setdefault(name, []))) for name in WAYS
    ]
    measure(programs, options.rounds)
    rounds = {name: found[1:] for name, found in told.items()}  # the first one warmed up
    calls = [
        _compare(rows, {name: [r[str(rows)] for r in found] for name, found in rounds.items()})
        for rows in options.sizes
    ]
    start = {
        key: _middle([r[key] for r in rounds["worker"]])
        for key in ("start", "start_open", "stop", "cpu_of_muster", "rows_per_second")
    }
    grown = exponent(options.sizes, [float(str(row["overhead_ms"])) for row in calls])
    if not options.json:
        show("p50 of one call in milliseconds, × 20 float64", calls)
        print(f"\noverhead grows with the exponent {grown:.2f}")
        print(f"a worker starts in {start['start']:.0f} ms, without isolation in {start['start_open']:.0f} ms,")
        print(f"and ends in {start['stop']:.0f} ms; a warm one answers a row in {calls[0]['worker_ms']} ms")
        print(f"four threads on two workers, batches of {SCORING:,}: {start['rows_per_second']:,.0f} rows/s,")
        print(f"of which each batch costs this process {start['cpu_of_muster']:.2f} ms of CPU")
    finish(
        {"machine": machine("muster-ml", "pyarrow"), "calls": calls, "exponent": grown, "worker": start}, options.json
    )


def _keep(found: list[dict[str, float]]) -> Callable[[str], None]:
    return lambda output: found.append(json.loads(output))


def _compare(rows: int, times: Mapping[str, list[float]]) -> dict[str, object]:
    limit, worker = _middle(times["in process"]), _middle(times["worker"])
    return {
        "rows": rows,
        "in_process_ms": round(limit, 4),
        "worker_ms": round(worker, 4),
        "spread_ms": round(max(times["worker"]) - min(times["worker"]), 4),
        "overhead_ms": round(worker - limit, 4),
        "rows_per_second": round(rows / worker * 1e3),
    }


def _middle(values: list[float]) -> float:
    return statistics.median(values)


def batch_of(rows: int) -> pa.RecordBatch:
    random = np.random.default_rng(rows)
    return pa.record_batch({name: random.normal(size=rows) for name in COLUMNS})


def times(predict: Callable[[pa.RecordBatch], pa.RecordBatch], sizes: list[int]) -> dict[str, float]:
    """p50 in milliseconds by rows; the answer must be right."""
    found = {}
    for rows in sizes:
        batch, taken = batch_of(rows), []
        for _ in range(max(50, min(2_000, 2_000_000 // rows))):
            began = time.perf_counter()
            answer = predict(batch)
            taken.append(time.perf_counter() - began)
        assert answer.column("prediction").equals(batch.column(0))
        found[str(rows)] = _middle(taken) * 1e3
    return found


def in_process(sizes: list[int]) -> dict[str, float]:
    loaded, outputs = load(LOAD, str(FOLDER)), list(wanted(READING))
    return times(lambda batch: read(loaded.call(batch, {}, outputs), READING, OUTPUT), sizes)


def worker(sizes: list[int]) -> dict[str, float]:
    with opened(1) as predictor:
        predictor.predict(batch_of(1_000))
        found = times(predictor.predict, sizes)
    return found | starting() | scoring()


def starting() -> dict[str, float]:
    """One worker's start, which is what a model's first prediction waits for, shut in as it is usually and not at all; and its end."""
    found = {}
    for name, isolation in (("start_open", "none"), ("start", "best")):
        settings = Settings.load({"worker.isolation": isolation})
        process = WorkerProcess(Path(sys.executable), FOLDER, LOAD, settings=settings, threads=1)
        began = time.perf_counter()
        process.start()
        started = time.perf_counter()
        process.stop()
        found |= {name: (started - began) * 1e3, "stop": (time.perf_counter() - started) * 1e3}
    return found


def scoring() -> dict[str, float]:
    """Four threads on two workers: what a scoring does."""
    batch, each = batch_of(SCORING), 50

    def ask() -> None:
        for _ in range(each):
            predictor.predict(batch)

    with opened(2) as predictor:
        for _ in range(4):
            predictor.predict(batch)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        before, began = time.process_time(), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, cpu = time.perf_counter() - began, time.process_time() - before
    return {"rows_per_second": 4 * each * SCORING / seconds, "cpu_of_muster": cpu / (4 * each) * 1e3}


@contextmanager
def opened(workers: int) -> Iterator[Predictor]:
    version = Version(
        id="", model="m", number=1, origin="python", source="", task="regression", digest="", output=OUTPUT, reading=READING,
        signature=Signature(tuple(Column(name, pa.float64()) for name in COLUMNS)), load=LOAD,
        environment=Environment(python="", key=""), created_at=now(), created_by="",
    )  # fmt: skip
    predictor = LocalPredictor(version, Here(), workers)
    try:
        yield predictor
    finally:
        predictor.close()


WAYS: Mapping[str, Callable[[list[int]], dict[str, float]]] = {"in process": in_process, "worker": worker}


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        print(json.dumps(WAYS[sys.argv[1]]([int(n) for n in sys.argv[2].split(",")])))
    else:
        main()
