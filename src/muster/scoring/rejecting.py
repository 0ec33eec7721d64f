"""Rows without a prediction, as the rejects file tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from muster.dataset import Chunk

__all__ = ["Reject", "Rejecting", "errors_of"]


class Reject(TypedDict):
    """A row without a prediction, as the rejects file tells of it: `row` in its part, `stage` is `read` or `predict`."""

    row: int
    file: str
    stage: str
    error: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rejecting:
    """`files` and `offsets` are by part, so that a reject names the row of its file too."""

    files: Mapping[int, str] = field(default_factory=dict)
    offsets: Mapping[int, int] = field(default_factory=dict)

    def of(self, chunk: Chunk, errors: pa.Array | None) -> list[Reject]:
        """The rows of a chunk that have no prediction, in order."""
        found = [*self._unread(chunk), *(() if errors is None else self._failed(chunk, errors))]
        return sorted(found, key=lambda r: r["row"])

    def _unread(self, chunk: Chunk) -> Iterator[Reject]:
        for fault in chunk.faults:
            yield self._reject(chunk.part, fault.row, "read", fault.error, fault.values)

    def _failed(self, chunk: Chunk, errors: pa.Array) -> Iterator[Reject]:
        at = pc.indices_nonzero(pc.is_valid(errors)).to_pylist()
        rows = _RowNumbers(chunk)
        for position, values in zip(at, chunk.batch.take(pa.array(at, pa.int64())).to_pylist(), strict=True):
            yield self._reject(chunk.part, rows(position), "predict", errors[position].as_py(), values)

    def _reject(self, part: int, row: int, stage: str, error: str, values: Mapping[str, object]) -> Reject:
        return {"row": row, "file": self.files.get(part, ""), "stage": stage, "error": error, "values": dict(values)}


def errors_of(answer: pa.RecordBatch) -> pa.Array | None:
    """Why rows of an answer have no prediction, where it tells."""
    return answer.column("error") if "error" in answer.schema.names else None


class _RowNumbers:
    """Gives the row in the part for a position in the batch: rows that could not be read stand between those that could."""

    def __init__(self, chunk: Chunk) -> None:
        self._start = chunk.start
        self._unread = sorted(f.row - chunk.start for f in chunk.faults)

    def __call__(self, position: int) -> int:
        row = position
        for unread in self._unread:
            if unread > row:
                break
            row += 1
        return self._start + row
