"""The caps of a connection hold over all processes that call over it, whatever becomes of them; and what was spent stays spent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from muster.errors import RunFailed
from muster.records import Usage
from tests.hub.endpoint_stage import Stage, staged

KIND = "http"
PROCESSES = 3

# Asks about one row at a time from several threads, until it has asked so often or may not any more; then says how it went.
CALLER = """
import json, sys, threading
import pyarrow as pa
import muster
from muster.errors import MusterError

threads, count = int(sys.argv[1]), int(sys.argv[2])
told = {"answered": 0, "error": ""}
lock = threading.Lock()

def call(hub):
    for n in range(count):
        try:
            hub.predict("churn:1", pa.table({"row": [float(n)], "weight": [0.0]}))
        except MusterError as error:
            told["error"] = error.message
            return
        with lock:
            told["answered"] += 1

with muster.open() as hub:
    hub.version("churn:1")
    print("ready", flush=True)
    sys.stdin.readline()
    working = [threading.Thread(target=call, args=(hub,)) for _ in range(threads)]
    for thread in working: thread.start()
    for thread in working: thread.join()
print(json.dumps(told), flush=True)
"""


@contextmanager
def _callers(stage: Stage, *, threads: int, count: int, processes: int = PROCESSES) -> Iterator[list[Any]]:
    """Processes that are ready to call, and begin together."""
    command = [sys.executable, "-c", CALLER, str(threads), str(count)]
    environ = stage.home.environ()
    started = [
        subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told


def _capped(stage: Stage, **caps: float) -> None:
    settings: dict[str, Any] = {**stage.account.settings, **caps}
    stage.hub.connect("c", KIND, replace=True, **settings)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """`churn:1` over a connection that has not spent anything yet; each call takes a while."""
    with pytest.MonkeyPatch.context() as patch, staged(KIND, tmp_path, patch) as stage:
        stage.model.pause = 0.02
        yield stage


def _most_beyond(times: Sequence[float], rate: float) -> float:
    """By how many requests any stretch of time had more than the rate allows."""
    every = sorted(times)
    return max(
        bisect_right(every, end) - start - rate * (end - every[start]) for start in range(len(every)) for end in every
    )


def test_requests_at_once(stage: Stage) -> None:
    _capped(stage, concurrency=4)
    with _callers(stage, threads=4, count=40) as callers:
        assert [_told(c) for c in callers] == [{"answered": 160, "error": ""}] * PROCESSES
    assert 2 <= stage.model.at_once <= 4


def test_fewer_requests_at_once_than_processes(stage: Stage) -> None:
    _capped(stage, concurrency=1)
    with _callers(stage, threads=2, count=5) as callers:
        assert [_told(c) for c in callers] == [{"answered": 10, "error": ""}] * PROCESSES
    assert stage.model.at_once == 1


def test_requests_a_second(stage: Stage) -> None:
    _capped(stage, rate=20)
    with _callers(stage, threads=2, count=15) as callers:
        assert [_told(c) for c in callers] == [{"answered": 30, "error": ""}] * PROCESSES
    times = [call.time for call in stage.account.invocations]
    assert len(times) == 90
    # What a second brings may come at once; the rest is what a request takes to get here.
    assert _most_beyond(times, 20) <= 20 + 8


def test_no_more_is_spent_than_may_be_and_all_of_it_is(stage: Stage) -> None:
    _capped(stage, price_per_call=0.1, spend=10)
    with _callers(stage, threads=2, count=200) as callers:
        told = [_told(c) for c in callers]
    assert sum(t["answered"] for t in told) == len(stage.account.invocations) == 100
    assert [t["error"] for t in told] == ["what may be spent on the connection c is used up: 10.00 of 10.00"] * 3
    assert stage.hub.connection_spent("c") == 10


def test_what_a_killed_process_may_have_spent_counts(stage: Stage) -> None:
    _capped(stage, price_per_call=0.1, spend=20)
    killed, reached = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        killed.wait(60)

    stage.model.at(60, hold)
    with _callers(stage, threads=2, count=500) as callers:
        assert reached.wait(120)
        callers[0].send_signal(signal.SIGKILL)
        callers[0].wait()
        killed.set()
        told = [_told(c) for c in callers[1:]]
    assert all("used up: 20.00 of 20.00" in t["error"] for t in told)
    calls = len(stage.account.invocations)
    assert calls <= 200
    assert calls >= 200 - 60, "what was lent to it, and not more"
    assert stage.hub.connection_spent("c") == 20


def test_a_run_that_has_spent_all_says_so_and_goes_on_once_it_may_spend_more(stage: Stage) -> None:
    rows = 160
    _capped(stage, price_per_call=1, spend=4)
    with pytest.raises(RunFailed, match=r"what may be spent on the connection c is used up: 4\.00 of 4\.00") as caught:
        stage.score(stage.data(rows))
    run = str(caught.value.details["run"])
    with pytest.raises(RunFailed, match=r"used up: 4\.00 of 4\.00"):
        stage.hub.resume(run)
    assert len(stage.account.invocations) == 4, "what was spent stays spent"
    assert "connection add" in str(stage.hub.run(run).hint)
    _capped(stage, price_per_call=1, spend=20)
    assert stage.hub.resume(run).status == "done"
    assert len(stage.account.invocations) == rows / stage.chunk
    assert stage.hub.connection_spent("c") == rows / stage.chunk


def test_a_program_that_closes_nothing_gives_back_what_it_was_lent(stage: Stage) -> None:
    _capped(stage, concurrency=1, price_per_call=1, spend=100)
    program = """
import pyarrow as pa
import muster
hub = muster.open()
for n in range(5):
    hub.predict("churn:1", pa.table({"row": [float(n)], "weight": [0.0]}))
"""
    subprocess.run([sys.executable, "-c", program], env=stage.home.environ(), check=True)
    assert stage.hub.connection_spent("c") == 5


def test_a_cap_that_is_raised_holds_in_processes_that_are_at_it(stage: Stage) -> None:
    _capped(stage, concurrency=1)
    raised = threading.Event()

    def raise_it() -> None:
        _capped(stage, concurrency=6)
        raised.set()

    stage.model.at(20, raise_it)
    with _callers(stage, threads=6, count=60, processes=1) as callers:
        assert _told(callers[0]) == {"answered": 360, "error": ""}
    assert raised.is_set()
    assert 1 < stage.model.at_once <= 6


def test_without_caps_nothing_is_written(stage: Stage) -> None:
    before = stage.hub._records.get(Usage, "c")
    _capped(stage)
    stage.score(stage.data(64))
    assert stage.hub._records.get(Usage, "c") == before


def test_caps_that_are_set_hold_in_processes_that_called_without_any(stage: Stage) -> None:
    _capped(stage)
    stage.model.at(20, lambda: _capped(stage, price_per_call=1, spend=10))
    with _callers(stage, threads=2, count=2_000, processes=1) as callers:
        told = _told(callers[0])
    assert "used up: 10.00 of 10.00" in told["error"]
    assert 30 <= told["answered"] < 4_000
    assert stage.hub.connection_spent("c") == 10
