"""The end that collects: answers in the folder to the rows of a chunk."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from muster.errors import ModelFailed
from muster.predictor import Call
from muster.predictors.external.batch.ends import BatchOf, End, changed, chunk_of
from muster.predictors.external.batch.found import Found
from muster.predictors.external.batch.service import Answered
from muster.predictors.external.batch.staged import Piece, digest_of_body, removed
from muster.predictors.external.batch.wanted import Chunk, Ended, Wanted, places
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.endless import but_endless
from muster.predictors.external.transport.rows import join

__all__ = ["Collector", "Outcome", "Round"]


@dataclass(frozen=True, slots=True)
class Round:
    """One that has ended: what it asked for, in how many requests, and how it ended."""

    wanted: Wanted | None
    pieces: int
    ended: Ended


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a piece's rows, as Answered has it; `said` is the first of what was said of one.

    `unread` were answered, and not so that it can be read.
    """

    refused: np.ndarray
    tried: np.ndarray
    silent: np.ndarray
    unread: np.ndarray
    said: str


class Collector(End):
    """Answers by what the jobs of all rounds have written."""

    def __init__(self, batch: BatchOf, rounds: Sequence[Round]) -> None:
        super().__init__(batch)
        self._rounds = rounds
        self._lock = threading.Lock()
        self._known: list[tuple[Mapping[Chunk, list[Piece]], Mapping[Piece, str]]] | None = None

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        def collect(rows: pa.RecordBatch) -> pa.RecordBatch:
            found = Found(rows.num_rows)
            for one, (pieces, keys) in zip(self._rounds, self._listed(), strict=True):
                for piece in pieces.get(chunk_of(call), ()):
                    self._collect(found, piece, one, keys, self._checked(one.wanted, piece, rows, call))
            for row in found.unknown:
                found.say({row: self._unsent(rows.slice(row, 1), call, row)})
            return found.batch(self.output, self._service.served_by)

        return but_endless(batch, self._request, self.output, collect)

    def outcome(self, piece: Piece, key: str) -> Outcome:
        """What a job has made of a piece."""
        answered = self._read(key)
        answer = self._decoded(answered, piece)
        refused, tried, silent = (
            np.array(sorted(told), np.int64) for told in (answered.refused, answered.tried, answered.silent)
        )
        said = next(iter([*answered.refused.values(), *answered.tried.values()]), "")
        unread = np.empty(0, np.int64)
        if answer is not None and "error" in answer.schema.names:
            rows = np.delete(np.arange(piece.rows), np.concatenate([refused, tried, silent]))
            unread = rows[answer["error"].is_valid().to_numpy(zero_copy_only=False)]
            if unread.size == rows.size:  # it is the request that is wrong, or what is known of the response
                tried, unread, said = np.union1d(tried, unread), unread[:0], answer["error"][0].as_py()
        return Outcome(refused, tried, silent, unread, said)

    def _collect(self, found: Found, piece: Piece, one: Round, keys: Mapping[Piece, str], rows: np.ndarray) -> None:
        """Take what is known of a piece's rows."""
        ended, name = one.ended, piece.name
        if ended.refused.get(name, ()) is None:
            found.say(dict.fromkeys(rows.tolist(), ended.said))
        elif ended.tried.get(name, ()) is not None and ended.silent.get(name, ()) is not None:
            if piece not in keys:
                raise removed(self._batch.staged.place)
            answered = self._read(keys[piece])
            found.say(
                {int(rows[row]): said for told in (answered.tried, answered.refused) for row, said in told.items()}
            )
            answer = self._decoded(answered, piece)
            if answer is not None:
                without = [*answered.refused, *answered.tried, *answered.silent]
                found.answered(np.delete(rows, without), answer)

    def _read(self, key: str) -> Answered:
        return self._service.read(self._batch.staged.read(key))

    def _decoded(self, answered: Answered, piece: Piece) -> pa.RecordBatch | None:
        """The answers of a piece, with `error` where one cannot be read; None where there is none."""
        count = piece.rows - len(answered.refused) - len(answered.tried) - len(answered.silent)
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
        if piece.of != rows.num_rows or len(at) != piece.rows or at.max() >= rows.num_rows:
            raise changed()
        whole = bool((np.diff(at) == 1).all())
        same = rows.slice(int(at[0]), piece.rows) if whole else rows.take(pa.array(at))
        if digest_of_body(self._encoded(same, call, piece.first).body) != piece.digest:
            raise changed()
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
