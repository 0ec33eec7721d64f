"""The answers of one chunk that were kept before, by the rows that they belong to."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping

import pyarrow as pa

from muster.predictors.external.exchange import Answer, Payload
from muster.predictors.external.transport.checkpoint import Asked, Checkpoint
from muster.signature import Json

__all__ = ["Kept", "chunk_of", "request_digest"]


class Kept:
    """A chunk is cut as it was cut where answers are kept, whatever was learnt meanwhile."""

    def __init__(self, checkpoint: Checkpoint | None, chunk: str) -> None:
        self._checkpoint = checkpoint
        self._stops: dict[int, list[int]] = {}
        for first, rows in checkpoint.ranges(chunk) if checkpoint is not None else ():
            self._stops.setdefault(first, []).append(first + rows)
        self._firsts = sorted(self._stops)

    def cut(self, start: int, stop: int) -> int | None:
        """The end of the longest that begins at a row."""
        return max((s for s in self._stops.get(start, ()) if s <= stop), default=None)

    def next(self, start: int, stop: int) -> int:
        """Where the first one begins that begins after a row; `stop` where there is none before it."""
        place = bisect_right(self._firsts, start)
        return min(stop, self._firsts[place]) if place < len(self._firsts) else stop

    def get(self, asked: Asked) -> Answer | None:
        if self._checkpoint is None or asked.first not in self._stops:
            return None
        return self._checkpoint.get(asked)

    def put(self, asked: Asked, answer: Answer) -> None:
        if self._checkpoint is not None:
            self._checkpoint.put(asked, answer)


def chunk_of(batch: pa.RecordBatch, params: Mapping[str, Json], version: str) -> str:
    """The name of a chunk: that of its rows, the parameters and the version, so that it is the same when a run goes on."""
    told = hashlib.sha256(json.dumps([version, dict(params)], sort_keys=True).encode())
    told.update(batch.schema.serialize())
    told.update(batch.serialize())
    return told.hexdigest()


def request_digest(payload: Payload, version: str) -> str:
    told = hashlib.sha256(json.dumps([version, payload.content_type, payload.accept]).encode())
    told.update(payload.body)
    return told.hexdigest()
