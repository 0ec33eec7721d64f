"""One request after the other, for those who want to see what comes back: probes and snapshots."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import pyarrow as pa

from muster.errors import InvalidInput, NotFound, SourceDenied, SourceUnavailable, plural
from muster.predictors.external.capping import caps_of
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.exchange import FREE, Answer, Later, Payload, Refusal, RefusalKind
from muster.predictors.external.limits import limits_of
from muster.predictors.external.opening import open_there
from muster.predictors.external.transport.gate import Line
from muster.predictors.external.transport.joining import join, leave
from muster.predictors.external.transport.retry import Patience, Tries, Trouble
from muster.predictors.external.transport.together import Admission
from muster.predictors.external.transport.unreachable import Unreachable
from muster.predictors.external.transport.waiting import wait_for
from muster.records import Connection, new_id
from muster.sharing import Shares
from muster.signature import Json, Output

__all__ = ["Asker"]

_GRACE = 10.0
_FILL = 0.8
_FAILURES = 4
"""In a row, after which a form that an endpoint was asked in is taken for what makes it fail."""
_TROUBLE: dict[RefusalKind, Trouble] = {"throttled": "throttled", "starting": "starting", "unavailable": "unavailable"}


class Asker:
    """Sends at most so many requests to an endpoint; InvalidInput once they are used up. Tries again are not counted."""

    def __init__(
        self, connection: Connection, load: Mapping[str, Json], calls: int, shares: Shares | None = None
    ) -> None:
        route = load["route"]
        assert isinstance(route, dict)
        self.kind = connection.kind
        self.calls = 0
        self._route, self._limits, self._most = route, limits_of(load["limits"]), calls
        self._provider, self._send = open_there(connection, load)
        self._patience = Patience(throttled=120.0, unavailable=30.0, timeout=30.0)
        self._answered: float | None = None
        self._connection, self._shares = connection, shares
        self.served: set[str] = set()
        """Who has given answers, where the provider tells."""

    def __enter__(self) -> Self:
        name, caps = f"the connection {self._connection.name}", caps_of(self._connection)
        self._together = join(name, name, *caps, shares=self._shares, connection=self._connection.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(f"the connection {self._connection.name}", *caps_of(self._connection), shares=self._shares)
        self._provider.close()
        self._send.close()

    @property
    def left(self) -> int:
        return max(0, self._most - self.calls)

    def predict(
        self, rows: pa.RecordBatch, request: RequestSpec, response: ResponseSpec, output: Output
    ) -> pa.RecordBatch:
        """The answers to the rows by a codec that is known, in requests that the endpoint takes; `error` for rows that it refuses."""
        pieces = self._pieces(rows, request, response, output)
        names = list(dict.fromkeys(n for p in pieces for n in p.schema.names))
        columns = [
            pa.concat_arrays(
                [p.column(n) if n in p.schema.names else pa.nulls(p.num_rows, _type(n, output)) for p in pieces]
            )
            for n in names
        ]
        return pa.RecordBatch.from_arrays(columns, names=names)

    def _pieces(
        self, rows: pa.RecordBatch, request: RequestSpec, response: ResponseSpec, output: Output
    ) -> list[pa.RecordBatch]:
        most = 1 if request.one_row else self._limits.rows or rows.num_rows
        if rows.num_rows > max(1, most):
            parts = [rows.slice(at, most) for at in range(0, rows.num_rows, most)]
            return [piece for part in parts for piece in self._pieces(part, request, response, output)]
        payload = encode(rows, request)
        if len(payload.body) > _FILL * self._limits.bytes and rows.num_rows > 1:
            return self._halves(rows, request, response, output)
        answer = self.ask(payload)
        if isinstance(answer, Answer):
            return [decode(answer.body, answer.content_type, rows.num_rows, output, response)]
        if rows.num_rows > 1:
            return self._halves(rows, request, response, output)
        return [_refused(answer.message, output)]

    def _halves(
        self, rows: pa.RecordBatch, request: RequestSpec, response: ResponseSpec, output: Output
    ) -> list[pa.RecordBatch]:
        middle = rows.num_rows // 2
        halves = rows.slice(0, middle), rows.slice(middle)
        return [piece for half in halves for piece in self._pieces(half, request, response, output)]

    def ask(self, payload: Payload) -> Answer | Refusal:
        """One request, tried again while that may help. Who may not ask, or asks what is not there, is told so at once."""
        return self._asked(payload, None)

    def probe(self, payload: Payload) -> Answer | Refusal:
        """The same in a form that the endpoint may not know: many fail at one, where they should refuse it."""
        return self._asked(payload, _FAILURES)

    def _asked(self, payload: Payload, failures: int | None) -> Answer | Refusal:
        if self.left <= 0:
            raise InvalidInput(
                f"{plural(self._most, 'call')} were not enough to find out how the endpoint is asked",
                hint="declare `request` and `response`, or allow more with `probe_calls`",
            )
        self.calls += 1
        identity, tries = new_id(), Tries()
        while True:
            with self._together.admitted(_never) as admission, self._placed(admission):
                outcome = self._sent(payload, identity, tries, failures, admission)
            if isinstance(outcome, (Answer, Refusal)):
                return outcome
            time.sleep(outcome)

    @contextmanager
    def _placed(self, admission: Admission) -> Iterator[None]:
        """In a place among those that may be in flight over the connection."""
        line = Line(self._together.gate)
        line.acquire(admission.check, 1)
        try:
            yield
        finally:
            line.give()

    def _sent(
        self, payload: Payload, identity: str, tries: Tries, failures: int | None, admission: Admission
    ) -> Answer | Refusal | float:
        """What came back, or the seconds until the next try."""
        request = self._provider.request(self._route, payload, identity)
        if self._together.gate.over:
            return 0.0
        admission.taken = True
        try:
            reply = self._send(request, request.seconds or self._limits.seconds + _GRACE)
        except Unreachable as error:
            admission.taken = error.sent
            if not error.passes:
                raise SourceUnavailable(error.message, hint=error.hint) from None
            told = Refusal("unavailable", error.message)
            return self._later(told, "timeout" if error.kind == "timeout" else "unavailable", tries)
        read = self._provider.read(reply)
        if isinstance(read, Later):
            read = self._awaited(read)
        else:
            admission.taken = isinstance(read, Answer) or read.kind not in FREE
        if isinstance(read, Answer):
            self._answered = time.monotonic()
            self.served |= {read.served_by} if read.served_by else set()
            return read
        if read.kind == "expired" and not tries.renewed:
            tries.renewed = True
            self._provider.renew()
            return 0.0
        if read.kind in ("denied", "expired"):
            raise SourceDenied(f"the endpoint refuses who asks: {read.message}", hint="see `muster connection test`")
        if read.kind == "missing":
            raise NotFound(
                f"there is no such endpoint, or it is not in service: {read.message}", hint="see `muster discover`"
            )
        trouble = _TROUBLE.get(read.kind)
        if trouble == "unavailable" and failures is not None and tries.count + 1 >= failures:
            return read
        return read if trouble is None else self._later(read, trouble, tries)

    def _awaited(self, later: Later) -> Answer | Refusal:
        found = wait_for(self._provider, later, lambda: True, self._patience.unavailable)
        assert found is not None, "it is always wanted"
        return found

    def _later(self, told: Refusal, trouble: Trouble, tries: Tries) -> float:
        found = tries.failed(trouble, 1, time.monotonic(), self._answered, self._patience)
        if found.what == "wait" and (told.wait or 0.0) <= self._patience.of(trouble):
            return told.wait if told.wait is not None else found.seconds
        asked = f" (it asks to be left alone for {told.wait:,.0f} seconds)" if told.wait else ""
        raise SourceUnavailable(
            f"the endpoint does not answer{asked}: {told.message}", hint="try again later, or see its log"
        )


def _never() -> None:
    """Nobody cancels a probe."""


def _type(name: str, output: Output) -> pa.DataType:
    schema = output.schema
    return schema.field(name).type if name in schema.names else pa.string()


def _refused(message: str, output: Output) -> pa.RecordBatch:
    """One row without an answer."""
    columns = {field.name: pa.nulls(1, field.type) for field in output.schema}
    columns["error"] = pa.array([message], pa.string())
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
