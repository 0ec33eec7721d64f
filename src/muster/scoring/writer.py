"""What becomes of a scored chunk: its rows to the output, the others to the rejects with their reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from muster.dataset import Chunk, Sink, Written
from muster.errors import RunFailed
from muster.scoring.layout import Layout
from muster.scoring.rejecting import Reject, Rejecting, errors_of

__all__ = ["OnReject", "ScoreWriter"]

OnReject = Literal["skip", "fail"]


@dataclass(frozen=True, slots=True)
class ScoreWriter:
    """A runner's Writer."""

    sink: Sink
    layout: Layout
    on_reject: OnReject = "skip"
    rejecting: Rejecting = field(default_factory=Rejecting)

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        batch = chunk.batch
        errors = errors_of(answer)
        rejects = self.rejects(chunk, errors)
        if errors is not None and errors.null_count < len(errors):
            good = pc.is_null(errors)
            batch, answer = batch.filter(good), answer.filter(good)
        return self.sink.write(chunk.part, chunk.index, self.layout.table(batch, answer), rejects), len(rejects)

    def rejects(self, chunk: Chunk, errors: pa.Array | None) -> list[Reject]:
        """The rows of a chunk that have no prediction, in order; RunFailed for the first one where there may be none."""
        found = self.rejecting.of(chunk, errors)
        if found and self.on_reject == "fail":
            raise self._refusal(chunk.part, found[0])
        return found

    def _refusal(self, part: int, reject: Reject) -> RunFailed:
        row = reject["row"] + self.rejecting.offsets.get(part, 0)
        return RunFailed(
            f"row {row} of {reject['file']} cannot be scored: {reject['error']}",
            hint="mend the row, or let such rows go to the rejects file with `--on-reject skip`",
            details={"row": row, "file": reject["file"], "error": reject["error"]},
        )
