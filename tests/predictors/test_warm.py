"""Predictors that are kept open, asked for from several threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

import muster
from muster.predictor import Call, Predictor
from muster.predictors.warm import Warm
from muster.records import Version
from muster.signature import Output, Signature
from tests.worker.doubles import gone, until
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

    warm = Warm(open_version, 16, 1 << 30)
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

    warm = Warm(open_version, 16, 1 << 30)
    for name in ("a", "b"):
        warm.predictor(version("", id=name), None, {})
    warm.close()
    assert [m.closed for m in made] == [True, True]


class Worked(Known):
    """One that keeps a process of some size, once it was asked."""

    def __init__(self, size: int) -> None:
        self.size, self.warm = size, 0

    @property
    def memory(self) -> int:
        return self.warm * self.size

    def rest(self) -> None:
        self.warm = 0


def _ask(warm: Warm, made: dict[str, Worked], name: str) -> list[str]:
    """Ask for the version; those that are warm then."""
    warm.predictor(version("", id=name), None, {})
    made[name].warm = 1
    return sorted(n for n, predictor in made.items() if predictor.warm)


@pytest.mark.parametrize(("count", "memory"), [(2, 1 << 30), (16, 250)])
def test_those_not_used_for_the_longest_rest_where_the_limits_are_met(count: int, memory: int) -> None:
    made: dict[str, Worked] = {}

    def open_version(asked: Version) -> Predictor:
        return made.setdefault(asked.id, Worked(100))

    warm = Warm(open_version, count, memory)
    assert _ask(warm, made, "a") == ["a"]
    assert _ask(warm, made, "b") == ["a", "b"]
    if memory == 250:  # what a worker takes is only known once it has started
        assert _ask(warm, made, "c") == ["a", "b", "c"]
        made["d"] = Worked(100)
        assert _ask(warm, made, "d") == ["b", "c", "d"]
        return
    assert _ask(warm, made, "a") == ["a", "b"]
    assert _ask(warm, made, "c") == ["a", "c"], "b was not used for the longest"
    assert _ask(warm, made, "b") == ["b", "c"], "it is opened no second time, and works again"
    warm.close()
    assert all(predictor.closed for predictor in made.values())


def test_the_limit_of_warm_workers_holds_over_the_versions_of_a_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model.py"
    model.write_text("INPUT = 'arrow'\nimport os\ndef predict(data):\n    return [float(os.getpid())] * len(data)\n")
    monkeypatch.setenv("MUSTER_WORKER_WARM_COUNT", "1")
    monkeypatch.setenv("MUSTER_WORKER_ISOLATION", "none")  # in a sandbox it has a number of its own
    with muster.open(tmp_path / "hub") as hub:
        for name in ("one", "two"):
            hub.register(name, model, task="regression", sample={"x": [1.0]}, environment="current")
        first = hub.predict("one", {"x": [1.0]})["prediction"][0].as_py()
        assert hub.predict("one", {"x": [1.0]})["prediction"][0].as_py() == first
        assert not gone(int(first))
        second = hub.predict("two", {"x": [1.0]})["prediction"][0].as_py()
        until(lambda: gone(int(first)), "the worker of the other version is there")
        assert not gone(int(second))
        assert hub.predict("one", {"x": [1.0]})["prediction"][0].as_py() != first
