"""The two ends of a batch: rows of a chunk to requests in the folder, and answers in the folder to those rows."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from muster.errors import ModelFailed, RunFailed
from muster.extensions import load
from muster.predictor import Call
from muster.predictors.external.batch import SERVICES
from muster.predictors.external.batch.service import Answered, Service
from muster.predictors.external.batch.staged import Piece, Staged, digest_of_body
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.endless import but_endless
from muster.predictors.external.estimate import rows_of_request
from muster.predictors.external.exchange import Payload
from muster.predictors.external.limits import limits_of
from muster.predictors.external.transport.rows import join, told_by
from muster.records import Connection, Version
from muster.signature import Output, Signature

__all__ = ["BatchOf", "Chunk", "Collector", "Range", "Refused", "Sender", "open_service", "ranges"]

Chunk = tuple[int, int]
"""A part, and an index in it."""
Range = tuple[int, int]
"""The first row of a chunk's, and how many."""
Refused = Mapping[str, str | Sequence[Range]]
"""By the name of a piece: what was said of all of its rows, or those that have no answer, of which the answer itself tells."""


def open_service(version: Version, connection: Connection) -> Service:
    found: Service = load(SERVICES[connection.kind])(version, connection)
    return found


@dataclass(frozen=True, slots=True)
class BatchOf:
    """A version in one run, whose folder it is. Picklable."""

    version: Version
    connection: Connection
    staged: Staged
    run: str

    def identity(self, chunk: Chunk, first: int) -> str:
        """By which a request is known to the provider, where it carries that."""
        return f"{self.run}-{chunk[0]}-{chunk[1]}-{first}"


class _Side:
    """What a Predictor of either end tells of the version."""

    def __init__(self, batch: BatchOf) -> None:
        self._batch = batch
        self._version = batch.version
        self._request = RequestSpec.from_json(self._version.load["request"])
        self._response = ResponseSpec.from_json(self._version.load["response"])
        self._service = open_service(batch.version, batch.connection)

    @property
    def signature(self) -> Signature:
        return self._version.signature

    @property
    def output(self) -> Output:
        return self._version.output

    @property
    def abilities(self) -> frozenset[str]:
        found = {"calls"} | ({"probabilities"} if self.output.probabilities else set())
        return frozenset(found | ({"params"} if self.signature.parameters else set()))

    def close(self) -> None:
        self._service.close()

    def _encoded(self, rows: pa.RecordBatch, call: Call, first: int) -> Payload:
        return encode(rows, self._request, call.params, self._batch.identity(_chunk(call), first))


class Sender(_Side):
    """Puts rows as requests in place of asking: all rows of its answer have an error.

    `ranges` says which rows of which chunks, each range in one request; without it all rows are sent, in requests as large as
    the endpoint takes.
    """

    def __init__(self, batch: BatchOf, number: int, ranges: Mapping[Chunk, Sequence[Range]] | None) -> None:
        super().__init__(batch)
        self._number, self._ranges = number, ranges
        self._limits = limits_of(self._version.load["limits"])

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        def send(rows: pa.RecordBatch) -> pa.RecordBatch:
            ranges = self._all(rows.num_rows) if self._ranges is None else self._ranges.get(_chunk(call), ())
            for first, count in ranges:
                self._send(rows, first, count, call)
            return _refused(rows.num_rows, self.output, "it is sent to a batch job")

        return but_endless(batch, self._request, self.output, send)

    def _all(self, rows: int) -> Sequence[Range]:
        each = rows if self._service.by_row else rows_of_request(self._version, rows)
        return [(first, min(each, rows - first)) for first in range(0, rows, each)]

    def _send(self, rows: pa.RecordBatch, first: int, count: int, call: Call) -> None:
        if call.cancelled():
            return
        payload = self._encoded(rows.slice(first, count), call, first)
        if not self._service.by_row and len(payload.body) > self._limits.bytes:
            if (half := count // 2) > 0:  # a row that is too large alone is not sent, and gets no answer
                self._send(rows, first, half, call)
                self._send(rows, first + half, count - half, call)
            return
        piece = Piece(*_chunk(call), first, count, rows.num_rows, digest_of_body(payload.body))
        self._batch.staged.put(self._number, piece, self._service.body(piece, payload), self._service.suffix)


class Collector(_Side):
    """Answers by what the jobs of all rounds have written. `refused` has, by round, what has no answer."""

    def __init__(self, batch: BatchOf, refused: Sequence[Refused]) -> None:
        super().__init__(batch)
        self._refused = refused
        self._lock = threading.Lock()
        self._known: list[tuple[Mapping[Chunk, list[Piece]], Mapping[Piece, str]]] | None = None

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        def collect(rows: pa.RecordBatch) -> pa.RecordBatch:
            found = _Found(rows.num_rows)
            for (pieces, keys), refused in zip(self._rounds(), self._refused, strict=True):
                for piece in pieces.get(_chunk(call), ()):
                    self._check(piece, rows, call)
                    whole = refused.get(piece.name)
                    if isinstance(whole, str):
                        found.refused(piece, dict.fromkeys(range(piece.rows), whole))
                        continue
                    answered = self._service.read(self._batch.staged.read(keys[piece]))
                    found.refused(piece, answered.refused)
                    found.answered(piece, self._decoded(answered, piece), answered.refused)
            return found.batch(self.output, self._service.served_by)

        return but_endless(batch, self._request, self.output, collect)

    def refused(self, piece: Piece, key: str) -> str | Sequence[Range]:
        """The rows of a piece that what was answered says nothing of; a text is said of all of them."""
        answered = self._service.read(self._batch.staged.read(key))
        try:
            self._decoded(answered, piece)
        except ModelFailed as error:
            return error.message
        if len(answered.refused) == piece.rows and len(said := set(answered.refused.values())) == 1:
            return said.pop()
        return ranges(sorted(answered.refused), piece.rows)

    def said(self, key: str) -> str:
        """The first of what was said of refused rows."""
        return next(iter(self._service.read(self._batch.staged.read(key)).refused.values()))

    def _decoded(self, answered: Answered, piece: Piece) -> pa.RecordBatch:
        rows = piece.rows - len(answered.refused)
        if not rows:
            return pa.RecordBatch.from_pylist([], schema=self.output.schema)
        accepted = self._request.accept or self._request.about.accept
        found = decode(answered.body, accepted, rows, self.output, self._response)
        if found.num_rows != rows:
            raise ModelFailed(f"the job answered {found.num_rows:,} rows for {rows:,}")
        return found

    def _check(self, piece: Piece, rows: pa.RecordBatch, call: Call) -> None:
        """An answer is taken for the rows that were sent alone, and no others."""
        same = piece.of == rows.num_rows and piece.first + piece.rows <= rows.num_rows
        if (
            not same
            or digest_of_body(self._encoded(rows.slice(piece.first, piece.rows), call, piece.first).body)
            != piece.digest
        ):
            raise RunFailed(
                "the data is not what was sent to the batch job: it was changed since", hint="score it again"
            )

    def _rounds(self) -> Sequence[tuple[Mapping[Chunk, list[Piece]], Mapping[Piece, str]]]:
        with self._lock:
            if self._known is None:
                self._known = [self._round(number) for number in range(len(self._refused))]
            return self._known

    def _round(self, number: int) -> tuple[Mapping[Chunk, list[Piece]], Mapping[Piece, str]]:
        by_chunk: dict[Chunk, list[Piece]] = {}
        for piece in self._batch.staged.pieces(number):
            by_chunk.setdefault(piece.chunk, []).append(piece)
        return by_chunk, self._service.answers(self._batch.staged, number)


@dataclass(slots=True)
class _Found:
    """What is known of the rows of a chunk. An answer counts for more than a refusal, whichever comes first."""

    rows: int
    _answers: list[pa.RecordBatch] = field(default_factory=list)
    _count: int = 0
    _places: np.ndarray = field(init=False)
    _said: dict[int, str] = field(default_factory=dict)
    _sent: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self._places, self._sent = np.full(self.rows, -1, np.int64), np.zeros(self.rows, np.bool_)

    def refused(self, piece: Piece, said: Mapping[int, str]) -> None:
        self._sent[piece.first : piece.first + piece.rows] = True
        self._said |= {piece.first + row: message for row, message in said.items()}

    def answered(self, piece: Piece, answer: pa.RecordBatch, but: Mapping[int, str]) -> None:
        rows = np.setdiff1d(np.arange(piece.rows), np.fromiter(but, np.int64, len(but)), assume_unique=True)
        self._places[piece.first + rows] = self._count + np.arange(len(rows))
        self._count += len(rows)
        self._answers.append(answer)

    def batch(self, output: Output, served_by: str | None) -> pa.RecordBatch:
        lacking = np.flatnonzero(self._places < 0)
        if not self._answers:
            return _refused(self.rows, output, [self._why(row) for row in range(self.rows)])
        joined = told_by(join(self._answers, output.schema), served_by)
        if not lacking.size:
            return joined if np.array_equal(self._places, np.arange(self.rows)) else joined.take(pa.array(self._places))
        spread = joined.take(pa.array(self._places, mask=self._places < 0))
        texts: list[str | None] = [None] * self.rows
        for row in lacking.tolist():
            texts[row] = self._why(row)
        columns = dict(zip(spread.schema.names, spread.columns, strict=True))
        errors = pa.array(texts, pa.string())
        columns["error"] = pa.compute.coalesce(errors, columns["error"]) if "error" in columns else errors
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def _why(self, row: int) -> str:
        return self._said.get(
            row, "the batch job gave no answer to it" if self._sent[row] else "it is larger than a request may be"
        )


def ranges(rows: Sequence[int], most: int) -> list[Range]:
    """Rows in order as stretches of so many at most."""
    found: list[Range] = []
    for row in rows:
        if found and row == sum(found[-1]) and found[-1][1] < most:
            found[-1] = found[-1][0], found[-1][1] + 1
        else:
            found.append((row, 1))
    return found


def _refused(rows: int, output: Output, error: str | Sequence[str]) -> pa.RecordBatch:
    columns = {f.name: pa.nulls(rows, f.type) for f in output.schema}
    columns["error"] = pa.array([error] * rows if isinstance(error, str) else error, pa.string())
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _chunk(call: Call) -> Chunk:
    """The part and the index of the chunk that a runner has asked about."""
    _, part, index = call.id.rsplit("/", 2)
    return int(part), int(index)
