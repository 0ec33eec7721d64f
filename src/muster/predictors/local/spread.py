"""Whether a scoring is quicker with a worker on each core, or with one whose library uses all cores itself: tried at registration."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from muster.errors import MusterError
from muster.predictors.local.process import WorkerProcess
from muster.signature import Json

__all__ = ["cores", "spread"]

_SECONDS = 1.0
"""What it may take altogether; a model that cannot be measured in that time is not."""

_ROWS, _MOST_ROWS = 2_000, 65_536
_RUN_SECONDS = 0.1
_BUSY = 1.2
"""Cores that a prediction keeps busy, from which on its library is taken to use several."""

_GAIN = 0.9
"""Of a gain as large as the cores: less than that, and a worker on each is quicker."""

_CHEAP = 200_000
"""Rows a second above which sending rows to and fro counts as much as the model, and workers share that too."""


def cores() -> int:
    """Those that this process may use. Ray and Spark tell their executors so by OMP_NUM_THREADS, and bind them to none."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(here, max(1, int(told))) if told.isdecimal() else here


class _Slow(Exception):
    """It cannot be measured in time."""


def spread(
    worker: WorkerProcess,
    again: Callable[[], WorkerProcess],
    rows: pa.RecordBatch,
    params: Mapping[str, Json],
    outputs: Sequence[str],
) -> dict[str, Json]:
    """How to spread a scoring: `workers` or `threads`, and by how much threads are quicker; nothing where it was not measured.

    `worker` may use all cores, and what `again` gives, which is not started yet, may use one.
    """
    if cores() < 2 or not rows.num_rows:
        return {}
    end = time.monotonic() + _SECONDS

    def timed(one: WorkerProcess, batch: pa.RecordBatch, times: int) -> float:
        best = float("inf")
        for _ in range(times):
            began = time.monotonic()
            if began + (0.0 if best == float("inf") else best) > end:
                raise _Slow
            one.predict(batch, params, outputs, max(0.05, end - began))
            best = min(best, time.monotonic() - began)
        return best

    try:
        first = timed(worker, _repeated(rows, _ROWS), 1)
        if _ROWS / first > _CHEAP:
            return {"spread": "workers"}
        batch = _repeated(rows, max(1, min(_MOST_ROWS, int(_ROWS * max(1.0, _RUN_SECONDS / first)))))
        before, began = worker.cpu_seconds, time.monotonic()
        all_cores = timed(worker, batch, 2)
        busy = (worker.cpu_seconds - before) / (time.monotonic() - began)
        if busy < _BUSY:
            return {"spread": "workers"}
        with again() as alone:
            alone.start()
            gain = timed(alone, batch, 2) / all_cores
    except (_Slow, MusterError):
        return {}  # its first answers were right, and that it is slow or fails on many rows is no reason to refuse it
    return {"spread": "threads" if gain >= _GAIN * cores() else "workers", "gain": round(gain, 2)}


def _repeated(rows: pa.RecordBatch, count: int) -> pa.RecordBatch:
    return rows.take(pa.array([n % rows.num_rows for n in range(count)]))
