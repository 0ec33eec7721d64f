"""Asks a model about a few rows, and keeps what it can say of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from muster.conform import fit
from muster.errors import InvalidInput, ModelDied, ModelFailed, ModelTimeout
from muster.predictors.local.process import WorkerProcess
from muster.signature import Json, Signature

__all__ = ["Asked", "Asker", "one_batch"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The raw answer, and the rows of the data that it is about; None where nothing was asked.

    `batch` are these rows as the model got them, where it predicted all of them together.
    """

    raw: pa.RecordBatch | None = None
    rows: pa.Table | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    batch: pa.RecordBatch | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """One model, with the parameters and the time that it is asked with."""

    worker: WorkerProcess
    params: Mapping[str, Json]
    seconds: float

    def ask(self, signature: Signature, data: pa.Table) -> Asked:
        """About all rows that fit the signature; one by one where the model fails on them together."""
        batch, errors = fit(data.schema, signature).apply(one_batch(data))
        notes: tuple[str, ...] = ()
        if errors is not None:
            first = errors.drop_null()[0].as_py()
            if errors.null_count == 0:
                raise InvalidInput(
                    f"no row of the sample fits the signature; the first: {first}",
                    hint="give a sample of the model's input",
                )
            notes = (
                f"{len(errors) - errors.null_count} of {len(errors)} rows do not fit the signature; the first: {first}",
            )
            good = errors.is_null()
            batch, data = batch.filter(good), data.filter(good)
        started = time.perf_counter()
        try:
            raw = self._answer(batch)
        except (ModelTimeout, ModelDied):
            raise
        except ModelFailed as error:
            return self._one_by_one(batch, data, error, notes)
        return Asked(raw, data, time.perf_counter() - started, notes, batch)

    def _answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        raw = self.worker.predict(batch, self.params, (), self.seconds)
        if raw.num_rows != batch.num_rows:
            raise _Rows(
                f"the model returned {raw.num_rows:,} rows for {batch.num_rows:,}",
                hint="a model answers every row, in order: it must not drop, repeat or summarise rows",
            )
        return raw

    def _one_by_one(self, batch: pa.RecordBatch, data: pa.Table, failed: ModelFailed, notes: tuple[str, ...]) -> Asked:
        """The rows that the model can predict; its error if it can predict none, or answers too many or few rows."""
        if batch.num_rows == 1 or isinstance(failed, _Rows):
            raise failed
        answers: dict[int, pa.RecordBatch] = {}
        started = time.perf_counter()
        for row in range(batch.num_rows):
            try:
                answers[row] = self._answer(batch.slice(row, 1))
            except (ModelTimeout, ModelDied, _Rows):
                raise
            except ModelFailed as error:
                failed = error
        if not answers:
            raise failed
        first = next(iter(answers.values()))
        whole = pa.Table.from_batches([a.cast(first.schema) for a in answers.values()])
        said = failed.message.splitlines()[0]
        told = f"the model fails on {batch.num_rows - len(answers)} of {batch.num_rows} rows of the probe: {said}"
        if len(answers) == batch.num_rows:
            told = f"the model predicts rows one by one, and not together: {said}"
        return Asked(one_batch(whole), data.take(list(answers)), time.perf_counter() - started, (*notes, told))


class _Rows(ModelFailed):
    """The model answered too many or too few rows: asking about fewer would hide that."""

    @property
    def type(self) -> str:
        return "ModelFailed"


def one_batch(data: pa.Table) -> pa.RecordBatch:
    """All rows of a small table as one batch."""
    columns = [c.combine_chunks() for c in data.columns]
    whole = [pa.concat_arrays(c.chunks) if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.RecordBatch.from_arrays(whole, schema=data.schema)
