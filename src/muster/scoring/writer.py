"""What becomes of a scored chunk: its rows to the output, the others to the rejects with their reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from muster.dataset import Chunk, Sink, Written
from muster.errors import RunFailed
from muster.scoring.layout import Layout

__all__ = ["OnReject", "Reject", "ScoreWriter"]

OnReject = Literal["skip", "fail"]


class Reject(TypedDict):
    """A row without a prediction, as the rejects file tells of it: `row` in its part, `stage` is `read` or `predict`."""

    row: int
    file: str
    stage: str
    error: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ScoreWriter:
    """A runner's Writer. `files` and `offsets` are by part, so that a reject names the row of its file too."""

    sink: Sink
    layout: Layout
    on_reject: OnReject = "skip"
    files: Mapping[int, str] = field(default_factory=dict)
    offsets: Mapping[int, int] = field(default_factory=dict)

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        batch = chunk.batch
        errors = answer.column("error") if "error" in answer.schema.names else None
        rejects = self.rejects(chunk, errors)
        if errors is not None and errors.null_count < len(errors):
            good = pc.is_null(errors)
            batch, answer = batch.filter(good), answer.filter(good)
        return self.sink.write(chunk.part, chunk.index, self.layout.table(batch, answer), rejects), len(rejects)

    def rejects(self, chunk: Chunk, errors: pa.Array | None) -> list[Reject]:
        """The rows of a chunk that have no prediction, in order; RunFailed for the first one where there may be none."""
        found = [*self._unread(chunk), *(() if errors is None else self._failed(chunk, errors))]
        found.sort(key=lambda r: r["row"])
        if found and self.on_reject == "fail":
            raise self._refusal(chunk.part, found[0])
        return found

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

    def _refusal(self, part: int, reject: Reject) -> RunFailed:
        row = reject["row"] + self.offsets.get(part, 0)
        return RunFailed(
            f"row {row} of {reject['file']} cannot be scored: {reject['error']}",
            hint="mend the row, or let such rows go to the rejects file with `--on-reject skip`",
            details={"row": row, "file": reject["file"], "error": reject["error"]},
        )


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
