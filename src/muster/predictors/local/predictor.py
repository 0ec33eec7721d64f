"""A local model as a Predictor: requests to workers out, canonical answers in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from muster.errors import EnvironmentFailed, ModelFailed, ModelTimeout
from muster.predictor import Call, Draft, Site
from muster.predictors.local.bisect import Piece, Sieve
from muster.predictors.local.pace import Pace
from muster.predictors.local.pool import Pool, check
from muster.predictors.local.process import WorkerProcess
from muster.predictors.local.reading import read, wanted
from muster.predictors.local.spread import cores
from muster.records import Environment, Version
from muster.signature import Output, Signature

__all__ = ["LocalPredictor", "open_raw"]


class LocalPredictor:
    """A version whose code runs in workers of its own.

    A row on which the model raises, or which ends its process twice, has its `error`; all other rows are predicted.
    """

    def __init__(self, version: Version, site: Site, workers: int = 1) -> None:
        python, folder = _place(version.digest, version.environment, site)
        settings, threads = site.settings, _threads(workers)

        def make() -> WorkerProcess:
            return WorkerProcess(python, folder, version.load, settings=settings, threads=threads)

        self._version = version
        self._seconds = settings.seconds("worker.call_seconds")
        self._pool = Pool(make, workers, settings.seconds("worker.idle_seconds"))
        self._pace = Pace()

    @property
    def signature(self) -> Signature:
        return self._version.signature

    @property
    def output(self) -> Output:
        return self._version.output

    @property
    def abilities(self) -> frozenset[str]:
        has = {"probabilities": self.output.probabilities, "params": bool(self.signature.parameters)}
        return frozenset(name for name, true in has.items() if true)

    @property
    def isolation(self) -> str | None:
        """The level that its workers reached; None before one was started."""
        return self._pool.isolation

    @property
    def warm(self) -> int:
        """How many workers it keeps."""
        return self._pool.warm

    @property
    def memory(self) -> int:
        """Bytes that they take."""
        return self._pool.memory

    def rest(self) -> None:
        """End the workers that have nothing to do."""
        self._pool.rest()

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        check(call)
        outputs = wanted(self._version.reading)

        def ask(start: int, stop: int) -> pa.RecordBatch | ModelFailed:
            return self._ask(batch.slice(start, stop - start), call, outputs)

        return join(self.output, [self._read(piece) for piece in Sieve(batch.num_rows, ask, self._pace)])

    def close(self) -> None:
        self._pool.close()

    def _ask(self, rows: pa.RecordBatch, call: Call, outputs: Sequence[str]) -> pa.RecordBatch | ModelFailed:
        """One request to one worker."""
        with self._pool.worker(call) as worker:
            check(call)
            start = time.perf_counter()
            try:
                raw = worker.predict(rows, call.params, outputs, call.left(self._seconds))
            except ModelFailed as failure:
                check(call)
                if isinstance(failure, ModelTimeout):
                    self._pace.hung(rows.num_rows)
                return failure
        self._pace.took(rows.num_rows, time.perf_counter() - start)
        return raw

    def _read(self, piece: Piece[pa.RecordBatch]) -> pa.RecordBatch | str:
        if piece.answer is None:
            return piece.error
        sent, got = piece.stop - piece.start, piece.answer.num_rows
        if sent != got:
            raise ModelFailed(
                f"the model returned {got:,} rows for {sent:,}",
                hint="a model answers every row, in order: it must not drop, repeat or summarise rows",
            )
        return read(piece.answer, self._version.reading, self.output)


def open_raw(draft: Draft, site: Site, workers: int = 1) -> WorkerProcess:
    """A worker for a version in the making, not started yet, with the threads of one of so many.

    It sees what the lock has and no more: the probe proves the lock.
    """
    python, folder = _place(draft.digest, draft.environment, site)
    load, hidden = draft.description.load, site.surplus(draft.environment) if draft.environment else None
    return WorkerProcess(python, folder, load, settings=site.settings, threads=_threads(workers), hidden=hidden)


def join(output: Output, pieces: Sequence[pa.RecordBatch | str]) -> pa.RecordBatch:
    """One answer of those to consecutive rows; a string is one row's error."""
    if len(pieces) == 1 and isinstance(pieces[0], pa.RecordBatch):
        return pieces[0]
    types = {field.name: field.type for field in output.schema}
    for piece in pieces:
        types |= {"error": pa.string()} if isinstance(piece, str) else {f.name: f.type for f in piece.schema}
    runs: list[dict[str, pa.Array]] = []
    for refused, run in groupby(pieces, lambda piece: isinstance(piece, str)):
        if refused:
            runs.append({"error": pa.array(run, pa.string())})
        else:
            runs += [dict(zip(a.schema.names, a.columns, strict=True)) for a in run if not isinstance(a, str)]
    sizes = [len(next(iter(run.values()))) for run in runs]
    columns = [
        pa.concat_arrays([run.get(name, pa.nulls(size, kind)) for run, size in zip(runs, sizes, strict=True)])
        if runs
        else pa.array([], kind)
        for name, kind in types.items()
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(list(types.items())))


def _place(digest: str, environment: Environment | None, site: Site) -> tuple[Path, Path]:
    """The Python and the folder of a version, on this machine."""
    if environment is None:
        raise EnvironmentFailed("the version has no environment, so its code cannot run", hint="register it again")
    return site.interpreter(environment), site.artifact(digest)


def _threads(workers: int) -> int:
    """Of each worker, so that all of them together use the machine once."""
    return max(1, cores() // max(1, workers))
