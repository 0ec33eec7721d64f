"""What is known of the rows of a chunk, from all rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.predictors.external.batch.ends import without_answers
from muster.predictors.external.transport.rows import join, told_by
from muster.signature import Output

__all__ = ["Found"]


class Found:
    """An answer counts for more than a refusal, whichever comes first."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._answers: list[pa.RecordBatch] = []
        self._count = 0
        self._places = np.full(rows, -1, np.int64)
        self._said: dict[int, str] = {}

    @property
    def unknown(self) -> Sequence[int]:
        """Rows of which nothing is known."""
        return [row for row in np.flatnonzero(self._places < 0).tolist() if row not in self._said]

    def say(self, said: Mapping[int, str]) -> None:
        """Why rows have no answer."""
        self._said |= said

    def answered(self, rows: np.ndarray, answer: pa.RecordBatch) -> None:
        self._places[rows] = self._count + np.arange(len(rows))
        self._count += len(rows)
        self._answers.append(answer)

    def batch(self, output: Output, served_by: str | None) -> pa.RecordBatch:
        """All rows in order, with `error` for those without an answer."""
        if not self._answers:
            return without_answers(self._rows, output, [self._said[row] for row in range(self._rows)])
        joined = told_by(join(self._answers, output.schema), served_by)
        lacking = np.flatnonzero(self._places < 0)
        if not lacking.size:
            return (
                joined if np.array_equal(self._places, np.arange(self._rows)) else joined.take(pa.array(self._places))
            )
        spread = joined.take(pa.array(self._places, mask=self._places < 0))
        texts: list[str | None] = [None] * self._rows
        for row in lacking.tolist():
            texts[row] = self._said[row]
        columns = dict(zip(spread.schema.names, spread.columns, strict=True))
        errors = pa.array(texts, pa.string())
        columns["error"] = pc.coalesce(errors, columns["error"]) if "error" in columns else errors
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
