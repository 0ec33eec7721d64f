"""Predictors that are kept open, asked for from several threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from muster.predictor import Call, Predictor
from muster.predictors.warm import Warm
from muster.records import Version
from muster.signature import Output, Signature
from tests.worker.versions import version


class Known:
    """A predictor that is only opened and closed."""

    signature, output = Signature(), Output("regression", pa.float64())
    abilities: frozenset[str] = frozenset()
    closed = False

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        return batch

    def close(self) -> None:
        self.closed = True


def test_a_version_that_takes_long_to_open_keeps_no_other_waiting_and_opens_once() -> None:
    building, go_on = threading.Event(), threading.Event()
    opened: list[str] = []

    def open_version(asked: Version) -> Predictor:
        opened.append(asked.id)
        if asked.id == "slow":
            building.set()
            assert go_on.wait(10)
        return Known()

    warm = Warm(open_version)
    slow, quick = version("", id="slow"), version("", id="quick")
    with ThreadPoolExecutor(3) as pool:
        first, second = pool.submit(warm.predictor, slow, None, {}), pool.submit(warm.predictor, slow, None, {})
        assert building.wait(10)
        other = pool.submit(warm.predictor, quick, None, {})
        try:
            assert other.result(5) is warm.predictor(quick, None, {})
        finally:
            go_on.set()
        assert first.result(5) is second.result(5)
    assert sorted(opened) == ["quick", "slow"]


def test_all_are_closed() -> None:
    made: list[Known] = []

    def open_version(asked: Version) -> Predictor:
        made.append(Known())
        return made[-1]

    warm = Warm(open_version)
    for name in ("a", "b"):
        warm.predictor(version("", id=name), None, {})
    warm.close()
    assert [m.closed for m in made] == [True, True]
