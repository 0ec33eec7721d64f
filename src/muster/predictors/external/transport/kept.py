"""The answers of one chunk that were kept before, those too that are still to come, by the rows that they belong to."""

from __future__ import annotations

import hashlib
import json
import time
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, replace

import pyarrow as pa

from muster.predictors.external.exchange import Answer, Later, Payload
from muster.predictors.external.transport.checkpoint import Asked, Checkpoint
from muster.signature import Json

__all__ = ["Kept", "chunk_of", "request_digest"]

_LATER = "application/vnd.muster.later+json"
"""The content type of a promise, where answers are kept."""


class Kept:
    """A chunk is cut as it was cut where answers are kept, whatever was learnt meanwhile."""

    def __init__(self, checkpoint: Checkpoint | None, chunk: str) -> None:
        self._checkpoint = checkpoint
        self._stops: dict[int, list[int]] = {}
        for first, rows in checkpoint.ranges(chunk) if checkpoint is not None else ():
            self._stops.setdefault(first, []).append(first + rows)
        self._firsts = sorted(self._stops)
        self._taken: set[Asked] = set()

    def cut(self, start: int, stop: int) -> int | None:
        """The end of the longest that begins at a row."""
        return max((s for s in self._stops.get(start, ()) if s <= stop), default=None)

    def next(self, start: int, stop: int) -> int:
        """Where the first one begins that begins after a row; `stop` where there is none before it."""
        place = bisect_right(self._firsts, start)
        return min(stop, self._firsts[place]) if place < len(self._firsts) else stop

    def get(self, asked: Asked) -> Answer | Later | None:
        """Later, once, for what was paid and had not been answered yet: what that comes to does not come again."""
        if self._checkpoint is None or asked.first not in self._stops:
            return None
        found = self._checkpoint.get(asked)
        if found is None or found.content_type != _LATER:
            return found
        later = None if asked in self._taken else _later(found.body)
        self._taken.add(asked)
        return later

    def put(self, asked: Asked, answer: Answer | Later) -> None:
        """In place of what was kept for the same rows: an answer takes the place of its promise."""
        if self._checkpoint is None:
            return
        if isinstance(answer, Later):
            answer = Answer(json.dumps(asdict(answer)).encode(), _LATER)
        elif answer.content_type == _LATER:  # nobody but this keeps promises
            answer = replace(answer, content_type="")
        self._checkpoint.put(asked, answer)


def _later(body: bytes) -> Later | None:
    """What was promised, if it can still come."""
    try:
        later = Later(**json.loads(body))
    except (ValueError, TypeError):  # as another release has kept it
        return None
    return later if time.time() < later.until else None


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
