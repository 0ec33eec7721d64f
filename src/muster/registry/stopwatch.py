"""How long predictions took: the time in which at least one was under way, and the rows of all."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from muster.predictor import Call, OpenPredictor, Predictor
from muster.signature import Output, Signature

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


class _Timed:
    def __init__(self, inner: Predictor, watch: Stopwatch) -> None:
        self._inner, self._watch = inner, watch

    @property
    def signature(self) -> Signature:
        return self._inner.signature

    @property
    def output(self) -> Output:
        return self._inner.output

    @property
    def abilities(self) -> frozenset[str]:
        return self._inner.abilities

    @property
    def isolation(self) -> str | None:
        return getattr(self._inner, "isolation", None)

    def asked(self) -> Mapping[str, float]:
        told = getattr(self._inner, "asked", None)
        return {} if told is None else told()

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        self._watch.begin()
        rows = 0
        try:
            answer = self._inner.predict(batch, call)
            rows = answer.num_rows
            return answer
        finally:
            self._watch.end(rows)

    def close(self) -> None:
        self._inner.close()
