"""Where runs keep what endpoints answered, until the chunk is recorded: in the records of the hub, which all its machines see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from muster.errors import Conflict
from muster.records import Run, StoredAnswer
from muster.registry.runs import OVER
from muster.registry.search import every
from muster.store import Condition, RecordStore

__all__ = ["KeptAnswers"]


class KeptAnswers:
    def __init__(self, records: Callable[[], RecordStore]) -> None:
        self._records = records

    def of(self, run: str, chunk: str) -> Sequence[StoredAnswer]:
        where = Condition("run", "=", run), Condition("chunk", "=", chunk)
        return list(every(self._records(), StoredAnswer, where))

    def put(self, answer: StoredAnswer) -> None:
        """Keep it, unless its run is over: a request that was in flight when it was cancelled is answered all the same."""
        with self._records().transaction("muster", "answered") as tx:
            run = tx.get(Run, answer.run)
            if run is None or run.status in OVER:
                return
            try:
                tx.insert(answer)
            except Conflict:  # the rows were cut in another way before
                tx.replace(answer)
