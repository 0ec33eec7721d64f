"""Predictions for a small table, at once and in memory."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from muster.dataset import Dataset
from muster.errors import DatasetError, InvalidInput, RunFailed
from muster.predictor import Call, Predictor

__all__ = ["head", "predict_table", "renamed"]


def predict_table(predictor: Predictor, table: pa.Table, call: Call, on_reject: str = "null") -> pa.Table:
    """A row of answer per row. Rows without a prediction have null and `error`, or raise RunFailed with `fail`."""
    if on_reject not in ("null", "fail"):
        raise InvalidInput(f"`{on_reject}` is no way to treat rejects", hint="choose `null` or `fail`")
    batches = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    answers = [pa.Table.from_batches([predictor.predict(batch, call)]) for batch in batches]
    answer = pa.concat_tables(answers, promote_options="default")
    if on_reject == "fail" and "error" in answer.column_names:
        _refuse(answer["error"])
    return answer


def head(dataset: Dataset, rows: int) -> pa.Table:
    """The first rows that can be read, `rows` at most."""
    for part in dataset.parts(rows):
        for chunk in part.chunks(rows):
            if chunk.batch.num_rows:
                return pa.Table.from_batches([chunk.batch])
    raise DatasetError(f"{dataset.uri} has no rows", hint="give a dataset with some rows of the model's input")


def renamed(table: pa.Table, mapping: Mapping[str, str]) -> pa.Table:
    """The table with the model's names; `mapping` is the data's column of a model's column."""
    missing = [c for c in mapping.values() if c not in table.column_names]
    if missing:
        raise InvalidInput(
            f"the mapping names columns that the data does not have: {', '.join(missing)}",
            hint="map a column of the model to one of the data",
        )
    back = {data: model for model, data in mapping.items()}
    return table.rename_columns([back.get(name, name) for name in table.column_names])


def _refuse(errors: pa.ChunkedArray) -> None:
    for row, error in enumerate(errors.to_pylist()):
        if error is not None:
            raise RunFailed(
                f"row {row} cannot be predicted: {error}",
                hint="mend the row, or take null for it with on_reject='null'",
            )
