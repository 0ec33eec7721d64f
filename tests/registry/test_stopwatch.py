"""How long predictions took."""

from __future__ import annotations

import pickle
import threading
from functools import partial

import pyarrow as pa
import pytest

from muster.predictor import Call, Predictor
from muster.registry.stopwatch import Stopwatch
from muster.signature import Output, Signature

BATCH = pa.record_batch({"n": [1, 2, 3]})


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Echo:
    """Answers each batch with itself when `gate` opens; it fails on a batch of one row."""

    signature, output, abilities = Signature(), Output("regression", pa.float64()), frozenset[str]()
    isolation = "namespaces"

    def __init__(self) -> None:
        self.begun, self.gate, self.closed = threading.Semaphore(0), threading.Semaphore(0), False

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        self.begun.release()
        self.gate.acquire()
        if batch.num_rows == 1:
            raise ValueError("one row")
        return batch

    def asked(self) -> dict[str, float]:
        return {"tries": 2}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("muster.registry.stopwatch.time.perf_counter", clock)
    return clock


def test_time_counts_while_a_prediction_is_under_way_and_once_where_they_overlap(clock: Clock) -> None:
    echo, watch = Echo(), Stopwatch()
    timed: Predictor = watch.around(lambda: echo)()
    threads = [threading.Thread(target=timed.predict, args=(BATCH,)) for _ in range(2)]
    clock.now = 5.0  # nothing is predicted yet
    threads[0].start()
    echo.begun.acquire()
    clock.now = 6.0
    threads[1].start()
    echo.begun.acquire()
    clock.now = 8.0
    echo.gate.release(2)
    for thread in threads:
        thread.join()
    clock.now = 100.0
    assert watch.told() == {"rows": 6, "seconds": 3.0}
    echo.gate.release()
    with pytest.raises(ValueError, match="one row"):
        timed.predict(BATCH.slice(0, 1))
    assert watch.told() == {"rows": 6, "seconds": 3.0}


def test_it_is_the_predictor_that_it_times() -> None:
    echo = Echo()
    timed = Stopwatch().around(lambda: echo)()
    assert (timed.signature, timed.output, timed.abilities) == (echo.signature, echo.output, echo.abilities)
    assert getattr(timed, "isolation", None) == "namespaces"
    assert getattr(timed, "asked", dict)() == {"tries": 2}
    timed.close()
    assert echo.closed


def test_one_that_was_sent_elsewhere_claims_nothing_here() -> None:
    watch = Stopwatch()
    opened = pickle.loads(pickle.dumps(watch.around(partial(Echo))))
    echo = opened()
    echo._inner.gate.release()
    echo.predict(BATCH)
    assert watch.told() == {}
