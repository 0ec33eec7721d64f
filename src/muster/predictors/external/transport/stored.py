"""Answers that were paid, as a run keeps them: any machine that goes on with it has them."""

from __future__ import annotations

import base64
import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from muster.predictor import Answers
from muster.predictors.external.exchange import Answer
from muster.predictors.external.transport.checkpoint import Asked
from muster.records import StoredAnswer

__all__ = ["StoredCheckpoint"]

_CHUNKS = 64
"""Chunks whose answers are held, which are those in work and hardly more."""


class StoredCheckpoint:
    """`chunk` is that of a call, `<run>/<part>/<index>`; calls that belong to no run keep nothing."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Mapping[int, StoredAnswer]] = OrderedDict()

    def ranges(self, chunk: str) -> Sequence[tuple[int, int]]:
        run, mark, place = chunk.partition("/")
        found = {a.first: a for a in self._answers.of(run, place)} if mark else {}
        with self._lock:
            self._found[chunk] = found
            while len(self._found) > _CHUNKS:
                self._found.popitem(last=False)
        return [(a.first, a.rows) for a in found.values()]

    def get(self, asked: Asked) -> Answer | None:
        """From what was there when the chunk was begun: what came since is in the hands of who asks."""
        with self._lock:
            found = self._found.get(asked.chunk, {}).get(asked.first)
        if found is None or (found.rows, found.digest) != (asked.rows, asked.digest):
            return None
        return Answer(zlib.decompress(base64.b64decode(found.body)), found.content_type, found.served_by)

    def put(self, asked: Asked, answer: Answer) -> None:
        run, mark, place = asked.chunk.partition("/")
        if mark:
            body = base64.b64encode(zlib.compress(answer.body, 1)).decode("ascii")
            self._answers.put(
                StoredAnswer(
                    run=run,
                    chunk=place,
                    first=asked.first,
                    rows=asked.rows,
                    digest=asked.digest,
                    body=body,
                    content_type=answer.content_type,
                    served_by=answer.served_by,
                )
            )

    def done(self, chunk: str) -> None:
        """They go in the transaction that records the chunk."""
        with self._lock:
            self._found.pop(chunk, None)
