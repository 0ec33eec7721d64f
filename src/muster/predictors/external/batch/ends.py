"""What both ends of a batch share: a version in a run, the requests of its rows, and a Predictor's face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from muster.errors import ModelFailed, RunFailed
from muster.extensions import load
from muster.predictor import Call
from muster.predictors.external.batch import SERVICES
from muster.predictors.external.batch.service import Service
from muster.predictors.external.batch.staged import Staged
from muster.predictors.external.batch.wanted import Chunk
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.exchange import Payload
from muster.predictors.external.limits import limits_of
from muster.predictors.external.remote import Remote
from muster.records import Connection, Version
from muster.signature import Output

__all__ = ["BatchOf", "End", "changed", "chunk_of", "open_service", "without_answers"]


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


class End(Remote):
    """What a Predictor of either end tells of the version."""

    def __init__(self, batch: BatchOf) -> None:
        super().__init__(batch.version)
        self._batch = batch
        self._request = RequestSpec.from_json(self._version.load["request"])
        self._response = ResponseSpec.from_json(self._version.load["response"])
        self._limits = limits_of(self._version.load["limits"])
        self._service = open_service(batch.version, batch.connection)

    def close(self) -> None:
        self._service.close()

    def _encoded(self, rows: pa.RecordBatch, call: Call, first: int) -> Payload:
        return encode(rows, self._request, call.params, self._batch.identity(chunk_of(call), first))

    def _unfit(self, rows: pa.RecordBatch, call: Call, first: int) -> Payload | str:
        """The request for rows, or why it cannot be sent."""
        try:
            payload = self._encoded(rows, call, first)
        except ModelFailed as error:
            return error.message
        if not self._service.by_row and len(payload.body) > self._limits.bytes:
            return f"it is larger than a request may be ({len(payload.body):,} bytes)"
        return payload


def without_answers(rows: int, output: Output, error: str | Sequence[str]) -> pa.RecordBatch:
    columns = {f.name: pa.nulls(rows, f.type) for f in output.schema}
    columns["error"] = pa.array([error] * rows if isinstance(error, str) else error, pa.string())
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def chunk_of(call: Call) -> Chunk:
    """The part and the index of the chunk that a runner has asked about."""
    _, part, index = call.id.rsplit("/", 2)
    return int(part), int(index)


def changed() -> RunFailed:
    return RunFailed("the data is not what was sent to the batch job: it was changed since", hint="score it again")
