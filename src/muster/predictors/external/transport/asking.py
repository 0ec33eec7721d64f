"""One batch, asked of an endpoint: the thread that asks hands out requests, others send them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

import pyarrow as pa

from muster.errors import ModelFailed, MusterError, shortened
from muster.predictor import Call
from muster.predictors.external.exchange import Answer, Later
from muster.predictors.external.transport.bisect import Piece, Sieve
from muster.predictors.external.transport.checkpoint import Asked
from muster.predictors.external.transport.gate import LOOK_SECONDS
from muster.predictors.external.transport.kept import Kept, chunk_of, request_digest
from muster.predictors.external.transport.means import Encoded, Means
from muster.predictors.external.transport.packing import slices
from muster.predictors.external.transport.rows import join, told_by
from muster.predictors.external.transport.trying import attempt
from muster.records import new_id

__all__ = ["Asking"]


_LONGEST = 1_000
"""Characters of an endpoint's message that are kept with each row that it is about."""


class _Ended(Exception):
    """Nobody waits for the answer any more."""


class Asking:
    """The rows of one batch on their way."""

    def __init__(self, means: Means, batch: pa.RecordBatch, call: Call) -> None:
        self._means, self._lane, self._batch, self._call = means, means.lane, batch, call
        self._changed = threading.Condition()
        self._unsent: set[object] = set()
        """One for each request that is handed out and waits to be sent."""
        self._failure: BaseException | None = None
        self._over = False
        self._learnt, self._size = (0, 0, 0), 0
        """What the rows of a request were decided by, and how many they are."""
        keeps = means.answered is not None
        named = "/" in call.id
        self._chunk = "" if not keeps else call.id if named else chunk_of(batch, call.params, means.version)
        self._salt = call.id or ("" if keeps else new_id())
        self._kept = Kept(means.answered, self._chunk)
        self._sieve: Sieve[pa.RecordBatch] = Sieve(batch.num_rows, self._cut)

    def run(self) -> pa.RecordBatch:
        try:
            with self._changed:
                while not self._sieve.done:
                    self._hand_out()
                if self._failure is not None:
                    raise self._failure
                return join(self._sieve.results(), self._means.schema)
        finally:
            self._over = True

    def left(self) -> float:
        return self._call.left(self._means.seconds)

    def wanted(self) -> bool:
        try:
            self.check()
        except _Ended:
            return False
        return True

    def keep(self, asked: Asked, answer: Answer | Later) -> None:
        self._kept.put(asked, answer)

    def read(self, piece: Piece, answer: Answer) -> None:
        try:
            decoded = self._means.decode(answer, piece.rows)
            if decoded.num_rows != piece.rows:
                raise ModelFailed(f"the endpoint answered {decoded.num_rows:,} rows for {piece.rows:,}")
        except ModelFailed as failure:
            self.refused(piece, failure.message)
            return
        self._means.counter.add(calls=1, answered=1, rows=piece.rows)
        self._settle(lambda: self._sieve.answered(piece, told_by(decoded, answer.served_by)))

    def refused(self, piece: Piece, message: str) -> None:
        self._means.counter.add(calls=1, refused=1)
        self._settle(lambda: self._sieve.refused(piece, shortened(message, _LONGEST)))

    def failed(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def again(self, piece: Piece, at: float) -> None:
        self._settle(lambda: self._sieve.again(piece, at))

    def halve(self, piece: Piece) -> None:
        self._settle(lambda: self._sieve.halve(piece))

    def _settle(self, told: Callable[[], None]) -> None:
        with self._changed:
            told()
            self._changed.notify_all()

    def _hand_out(self) -> None:
        """One request, if one may be sent; else wait for what changes that."""
        if self._failure is not None:
            raise self._failure
        self._means.check(self._call)
        now = time.monotonic()
        ahead = 1 + self._lane.limiter.value // 8
        piece = self._sieve.next(now) if len(self._unsent) < ahead else None
        if piece is None:
            due = self._sieve.due(now)
            self._changed.wait(LOOK_SECONDS if due is None else min(LOOK_SECONDS, max(0.001, due)))
            return
        place = object()
        self._unsent.add(place)
        self._lane.crew.submit(lambda: self._work(piece, place))

    def _cut(self, start: int, stop: int) -> int:
        """Where the request ends that begins at a row: where it ended if an answer is kept, else by what was learnt."""
        if (kept := self._kept.cut(start, stop)) is not None:
            return kept
        stop = self._kept.next(start, stop)
        learnt = stop, self._lane.packing.rows, self._lane.limiter.value
        if learnt != self._learnt:
            self._learnt, self._size = learnt, slices(stop - start, *learnt[1:])
        return min(stop, start + self._size)

    def _work(self, piece: Piece, place: object) -> None:
        try:
            self.check()
            self._try(piece, place)
        except _Ended:
            pass
        except BaseException as error:  # noqa: BLE001  # handed to who asks, whatever it is
            self.failed(error)
        finally:
            self._sent(place)

    def check(self) -> None:
        if self._over or self._failure is not None:
            raise _Ended
        try:
            self._means.check(self._call)
        except MusterError:
            raise _Ended from None  # who asks sees it too

    def _sent(self, place: object) -> None:
        with self._changed:
            self._unsent.discard(place)
            self._changed.notify_all()

    def _try(self, piece: Piece, place: object) -> None:
        """Encode it, see whether it was answered before, and wait until it may be sent."""
        means, rows = self._means, piece.rows
        identity = _digest(self._salt, self._chunk, str(piece.start), str(rows))
        try:
            payload = means.encode(self._batch.slice(piece.start, rows), self._call.params, identity)
        except ModelFailed as failure:
            self.refused(piece, failure.message)
            return
        asked = self._asked(piece, request_digest(payload, means.version))
        kept = self._kept.get(asked)
        means.counter.add(kept=int(kept is not None))
        if isinstance(kept, Answer):
            self.read(piece, kept)
        elif kept is None and not self._lane.packing.encoded(rows, len(payload.body)):
            self._too_large(piece, len(payload.body))
        else:
            promised = kept is not None
            with self._lane.together.admitted(self.check, promised=promised) as admission:
                permit = self._lane.limiter.acquire(admission.check, None if promised else rows)
                self._sent(place)
                if self._failure is not None or self._over:
                    self._lane.limiter.release(permit)
                    return
                attempt(means, self, piece, Encoded(payload, identity, asked, kept), permit, admission=admission)

    def _asked(self, piece: Piece, digest: str) -> Asked:
        return Asked(self._chunk, piece.start, piece.rows, digest)

    def _too_large(self, piece: Piece, size: int) -> None:
        """It need not be sent to know that it is refused."""
        if piece.rows > 1:
            self.halve(piece)
        else:
            most = self._lane.limits.bytes
            self.refused(piece, f"too large: a request of {size:,} bytes, where the endpoint takes {most:,}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
