"""Predictions for a small table, at once and in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from muster.dataset import Dataset
from muster.errors import DatasetError, InvalidInput, RunFailed
from muster.predictor import Call, Predictor

__all__ = ["head", "predict_table"]


def predict_table(predictor: Predictor, table: pa.Table, call: Call, on_reject: str = "null") -> pa.Table:
    """A row of answer per row. Rows without a prediction have null and `error`, or raise RunFailed with `fail`."""
    if on_reject not in ("null", "fail"):
        raise InvalidInput(f"`{on_reject}` is no way to treat rejects", hint="choose `null` or `fail`")
    if not table.num_rows and not table.num_columns:  # a list without rows names no columns
        return predictor.output.schema.empty_table()
    batches = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    answers = [pa.Table.from_batches([predictor.predict(batch, call)]) for batch in batches]
    answer = pa.concat_tables(answers, promote_options="default")
    if on_reject == "fail" and "error" in answer.column_names:
        _refuse(answer["error"])
    return answer


def head(dataset: Dataset, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The first rows that can be read, `rows` at most; of these columns, or of all."""
    unread: str | None = None
    for part in dataset.parts(rows):
        for chunk in part.chunks(rows, columns):
            if chunk.batch.num_rows:
                return pa.Table.from_batches([chunk.batch])
            unread = unread or next((f"row {f.row} of {part.file}: {f.error}" for f in chunk.faults), None)
    if unread is not None:
        raise DatasetError(
            f"no row of {dataset.uri} can be read; {unread}",
            hint="mend the data, or the types that are declared for its columns",
        )
    raise DatasetError(f"{dataset.uri} has no rows", hint="give a dataset with some rows of the model's input")


def _refuse(errors: pa.ChunkedArray) -> None:
    for row, error in enumerate(errors.to_pylist()):
        if error is not None:
            raise RunFailed(
                f"row {row} cannot be predicted: {error}",
                hint="mend the row, or take null for it with on_reject='null'",
            )
