"""How long predictions took: the time in which at least one was under way, and the rows of all."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pyarrow as pa

from muster.predictor import Around, Call, OpenPredictor, Predictor

__all__ = ["Stopwatch"]


class Stopwatch:
    """Times the predictors that it opens. One that was sent to another process counts there, and here nothing is known of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._since = self._seconds = 0.0
        self._rows = 0

    def __reduce__(self) -> tuple[type[Stopwatch], tuple[()]]:
        return Stopwatch, ()

    def around(self, opened: OpenPredictor) -> OpenPredictor:
        return _TimedOpening(opened, self)

    def begin(self) -> None:
        with self._lock:
            if self._under_way == 0:
                self._since = time.perf_counter()
            self._under_way += 1

    def end(self, rows: int) -> None:
        with self._lock:
            self._rows += rows
            self._under_way -= 1
            if self._under_way == 0:
                self._seconds += time.perf_counter() - self._since

    def told(self) -> dict[str, float]:
        """`rows` and `seconds`; nothing where nothing was predicted here."""
        return {"rows": self._rows, "seconds": self._seconds} if self._rows else {}


@dataclass(frozen=True, slots=True)
class _TimedOpening:
    opened: OpenPredictor
    watch: Stopwatch

    def __call__(self) -> Predictor:
        return _Timed(self.opened(), self.watch)


class _Timed(Around):
    def __init__(self, inner: Predictor, watch: Stopwatch) -> None:
        super().__init__(inner)
        self._watch = watch

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        self._watch.begin()
        rows = 0
        try:
            answer = self._inner.predict(batch, call)
            rows = answer.num_rows
            return answer
        finally:
            self._watch.end(rows)
