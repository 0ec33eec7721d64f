"""The two ends of a batch: rows of a chunk to requests in the folder, and answers in the folder to those rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.errors import ModelFailed, RunFailed
from muster.extensions import load
from muster.predictor import SENT, Call
from muster.predictors.external.batch import SERVICES
from muster.predictors.external.batch.service import Answered, Service
from muster.predictors.external.batch.staged import Piece, Staged, digest_of_body, removed
from muster.predictors.external.batch.wanted import Chunk, Ended, Range, Wanted, places
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

__all__ = ["BatchOf", "Collector", "Outcome", "Round", "Sender", "open_service"]


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


@dataclass(frozen=True, slots=True)
class Round:
    """One that has ended: what it asked for, in how many requests, and how it ended."""

    wanted: Wanted | None
    pieces: int
    ended: Ended


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a piece: its rows that were refused, those to be asked for again, and those of them that were asked for at all.

    `said` is the first of what was said of a row.
    """

    refused: np.ndarray
    again: np.ndarray
    tried: np.ndarray
    said: str


class _End:
    """What a Predictor of either end tells of the version."""

    def __init__(self, batch: BatchOf) -> None:
        self._batch = batch
        self._version = batch.version
        self._request = RequestSpec.from_json(self._version.load["request"])
        self._response = ResponseSpec.from_json(self._version.load["response"])
        self._limits = limits_of(self._version.load["limits"])
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

    def _unfit(self, rows: pa.RecordBatch, call: Call, first: int) -> Payload | str:
        """The request for rows, or why it cannot be sent."""
        try:
            payload = self._encoded(rows, call, first)
        except ModelFailed as error:
            return error.message
        if not self._service.by_row and len(payload.body) > self._limits.bytes:
            return f"it is larger than a request may be ({len(payload.body):,} bytes)"
        return payload


class Sender(_End):
    """Puts rows as requests in place of asking; rows on their way have the error SENT.

    `wanted` says which rows of which chunks, and how they are cut; without it all rows are sent, in requests as large as the
    endpoint takes.
    """

    def __init__(self, batch: BatchOf, number: int, wanted: Wanted | None) -> None:
        super().__init__(batch)
        self._number, self._wanted = number, wanted

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        def send(rows: pa.RecordBatch) -> pa.RecordBatch:
            lost: dict[int, str] = {}
            selected, sizes = self._selected(rows, _chunk(call))
            first = 0
            for size in sizes:
                lost |= self._send(selected, (first, size), rows.num_rows, call)
                first += size
            return _without_answers(
                rows.num_rows, self.output, [lost.get(n, SENT) for n in range(rows.num_rows)] if lost else SENT
            )

        return but_endless(batch, self._request, self.output, send)

    def _selected(self, rows: pa.RecordBatch, chunk: Chunk) -> tuple[pa.RecordBatch, Sequence[int]]:
        """The rows that this round asks for, and how many go into each request."""
        if self._wanted is None:
            each = rows.num_rows if self._service.by_row else rows_of_request(self._version, rows.num_rows)
            return rows, [min(each, rows.num_rows - first) for first in range(0, rows.num_rows, each)]
        asked = self._wanted.get(chunk)
        if asked is None:
            return rows, ()
        if asked.rows[-1] >= rows.num_rows:
            raise _changed()
        return rows.take(pa.array(asked.rows)), asked.sizes

    def _send(self, rows: pa.RecordBatch, part: Range, of: int, call: Call) -> dict[int, str]:
        """Put a request, or several smaller ones; why rows could not be sent even alone, which can only be in the first round."""
        if call.cancelled():
            return {}
        first, count = part
        payload = self._unfit(rows.slice(first, count), call, first)
        if isinstance(payload, str):
            if count == 1:
                return {first: payload}
            half = count // 2
            return self._send(rows, (first, half), of, call) | self._send(rows, (first + half, count - half), of, call)
        piece = Piece(*_chunk(call), first, count, of, digest_of_body(payload.body))
        staged = self._batch.staged
        staged.write(staged.request(self._number, piece, self._service.suffix), self._service.body(piece, payload))
        return {}


class Collector(_End):
    """Answers by what the jobs of all rounds have written."""

    def __init__(self, batch: BatchOf, rounds: Sequence[Round]) -> None:
        super().__init__(batch)
        self._rounds = rounds
        self._lock = threading.Lock()
        self._known: list[tuple[Mapping[Chunk, list[Piece]], Mapping[Piece, str]]] | None = None

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        def collect(rows: pa.RecordBatch) -> pa.RecordBatch:
            found = _Found(rows.num_rows)
            for one, (pieces, keys) in zip(self._rounds, self._listed(), strict=True):
                for piece in pieces.get(_chunk(call), ()):
                    self._collect(found, piece, one, keys, self._checked(one.wanted, piece, rows, call))
            for row in found.unknown:
                found.say({row: self._unsent(rows.slice(row, 1), call, row)})
            return found.batch(self.output, self._service.served_by)

        return but_endless(batch, self._request, self.output, collect)

    def outcome(self, piece: Piece, key: str) -> Outcome:
        """What a job has made of a piece."""
        answered = self._read(key)
        answer = self._decoded(answered, piece)
        refused = np.array(sorted(answered.refused), np.int64)
        again = np.array(sorted(answered.again), np.int64)
        tried = np.array(sorted(answered.tried), np.int64)
        said = next(iter([*answered.refused.values(), *answered.again.values()]), "")
        if answer is not None and "error" in answer.schema.names and not answer["error"].null_count:
            # Not one of the answers can be read: it is the request that is wrong, or what is known of the response.
            refused, said = np.setdiff1d(np.arange(piece.rows), again), answer["error"][0].as_py()
        return Outcome(refused, again, tried, said)

    def _collect(self, found: _Found, piece: Piece, one: Round, keys: Mapping[Piece, str], rows: np.ndarray) -> None:
        """Take what is known of a piece's rows."""
        if isinstance(told := one.ended.refused.get(piece.name), str):
            found.say(dict.fromkeys(rows.tolist(), told))
        elif not isinstance(one.ended.again.get(piece.name), str):
            if piece not in keys:
                raise removed(self._batch.staged.place)
            answered = self._read(keys[piece])
            found.say({int(rows[row]): said for row, said in (answered.again | answered.refused).items()})
            answer = self._decoded(answered, piece)
            if answer is not None:
                found.answered(np.delete(rows, [*answered.refused, *answered.again]), answer)

    def _read(self, key: str) -> Answered:
        return self._service.read(self._batch.staged.read(key))

    def _decoded(self, answered: Answered, piece: Piece) -> pa.RecordBatch | None:
        """The answers of a piece, with `error` where one cannot be read; None where there is none."""
        count = piece.rows - len(answered.refused) - len(answered.again)
        return join(list(self._read_of(answered, answered.body, 0, count)), self.output.schema) if count else None

    def _read_of(self, answered: Answered, body: bytes, first: int, count: int) -> Iterator[pa.RecordBatch | str]:
        """Answers in order; a text for a row, or for all rows where they cannot be told apart, whose answer cannot be read."""
        try:
            accepted = self._request.accept or self._request.about.accept
            found = decode(body, accepted, count, self.output, self._response)
            if found.num_rows != count:
                raise ModelFailed(f"the job answered {found.num_rows:,} rows for {count:,}")
        except ModelFailed as error:
            if count == 1 or answered.part is None:
                yield from [error.message] * count
                return
            half = count // 2
            yield from self._read_of(answered, answered.part(first, half), first, half)
            yield from self._read_of(answered, answered.part(first + half, count - half), first + half, count - half)
        else:
            yield found

    def _checked(self, wanted: Wanted | None, piece: Piece, rows: pa.RecordBatch, call: Call) -> np.ndarray:
        """The rows of a piece. An answer is taken for the rows that were sent alone, and no others."""
        at = places(wanted, piece)
        if piece.of != rows.num_rows or len(at) != piece.rows or at[-1] >= rows.num_rows:
            raise _changed()
        whole = int(at[-1]) - int(at[0]) + 1 == piece.rows
        same = rows.slice(int(at[0]), piece.rows) if whole else rows.take(pa.array(at))
        if digest_of_body(self._encoded(same, call, piece.first).body) != piece.digest:
            raise _changed()
        return at

    def _unsent(self, row: pa.RecordBatch, call: Call, place: int) -> str:
        """Why a row was never sent."""
        told = self._unfit(row, call, place)
        if isinstance(told, str):
            return told
        raise removed(self._batch.staged.place)

    def _listed(self) -> Sequence[tuple[Mapping[Chunk, list[Piece]], Mapping[Piece, str]]]:
        """By round, what was sent, and the keys of what was answered."""
        with self._lock:
            if self._known is None:
                self._known = [self._list(number, one.pieces) for number, one in enumerate(self._rounds)]
            return self._known

    def _list(self, number: int, count: int) -> tuple[Mapping[Chunk, list[Piece]], Mapping[Piece, str]]:
        pieces = self._batch.staged.pieces(number, count)
        by_chunk: dict[Chunk, list[Piece]] = {}
        for piece in pieces:
            by_chunk.setdefault(piece.chunk, []).append(piece)
        return by_chunk, self._service.answers(self._batch.staged, number)


class _Found:
    """What is known of the rows of a chunk. An answer counts for more than a refusal, whichever comes first."""

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
            return _without_answers(self._rows, output, [self._said[row] for row in range(self._rows)])
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


def _without_answers(rows: int, output: Output, error: str | Sequence[str]) -> pa.RecordBatch:
    columns = {f.name: pa.nulls(rows, f.type) for f in output.schema}
    columns["error"] = pa.array([error] * rows if isinstance(error, str) else error, pa.string())
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _chunk(call: Call) -> Chunk:
    """The part and the index of the chunk that a runner has asked about."""
    _, part, index = call.id.rsplit("/", 2)
    return int(part), int(index)


def _changed() -> RunFailed:
    return RunFailed("the data is not what was sent to the batch job: it was changed since", hint="score it again")
