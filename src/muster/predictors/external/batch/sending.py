"""The end that sends: rows of a chunk to requests in the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from muster.predictor import SENT, Call
from muster.predictors.external.batch.ends import BatchOf, End, changed, chunk_of, without_answers
from muster.predictors.external.batch.staged import Piece, digest_of_body
from muster.predictors.external.batch.wanted import Range, Wanted, turns
from muster.predictors.external.endless import but_endless
from muster.predictors.external.estimate import rows_of_request

__all__ = ["Sender"]


class Sender(End):
    """Puts rows as requests in place of asking; rows on their way have the error SENT.

    `wanted` says which rows of which chunks, and how they are cut; without it all rows are sent, in requests as large as the
    endpoint takes.
    """

    def __init__(self, batch: BatchOf, number: int, wanted: Wanted | None) -> None:
        super().__init__(batch)
        self._number, self._wanted = number, wanted

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        def send(rows: pa.RecordBatch) -> pa.RecordBatch:
            lost = self._all(rows, call) if self._wanted is None else self._some(rows, call)
            errors = [lost.get(n, SENT) for n in range(rows.num_rows)] if lost else SENT
            return without_answers(rows.num_rows, self.output, errors)

        return but_endless(batch, self._request, self.output, send)

    def _all(self, rows: pa.RecordBatch, call: Call) -> Mapping[int, str]:
        """Why rows could not be sent even alone."""
        each = rows.num_rows if self._service.by_row else rows_of_request(self._version, rows.num_rows)
        lost: dict[int, str] = {}
        for first in range(0, rows.num_rows, each):
            lost |= self._send(rows, (first, min(each, rows.num_rows - first)), _Chunk(rows.num_rows), call)
        return lost

    def _some(self, rows: pa.RecordBatch, call: Call) -> Mapping[int, str]:
        """The rows that the round asks for; each could be sent before."""
        assert self._wanted is not None
        chunk = chunk_of(call)
        if (asked := self._wanted.get(chunk)) is None:
            return {}
        if asked.rows.max() >= rows.num_rows:
            raise changed()
        selected, of = rows.take(pa.array(asked.rows)), _Chunk(rows.num_rows, turns(asked, self._number, chunk))
        first = 0
        for size in asked.sizes:
            self._send(selected, (first, size), of, call)
            first += size
        return {}

    def _send(self, rows: pa.RecordBatch, part: Range, of: _Chunk, call: Call) -> dict[int, str]:
        """Put a request, or several smaller ones; why rows could not be sent even alone."""
        if call.cancelled():
            return {}
        first, count = part
        payload = self._unfit(rows.slice(first, count), call, first)
        if isinstance(payload, str):
            if count == 1:
                return {first: payload}
            half = count // 2
            return self._send(rows, (first, half), of, call) | self._send(rows, (first + half, count - half), of, call)
        piece = Piece(*chunk_of(call), first, count, of.rows, digest_of_body(payload.body))
        turn, order = ("", range(count)) if of.turns is None else _turn(of.turns[first : first + count])
        place = self._batch.staged.requests(self._number).below(f"{turn}{piece.name}{self._service.suffix}")
        self._batch.staged.write(place, self._service.body(piece, payload, order))
        return {}


@dataclass(frozen=True, slots=True)
class _Chunk:
    """How many rows it sends in the first round, and when those of a later one take their turns."""

    rows: int
    turns: np.ndarray | None = None


def _turn(turns: np.ndarray) -> tuple[str, Sequence[int]]:
    """What the name of a request begins with, so that it takes its turn, and the order of its rows."""
    return f"{int(turns[0]):08x}-", np.argsort(turns, kind="stable").tolist()
