from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from muster.errors import ModelDied, ModelFailed, ModelTimeout, RunCancelled
from muster.predictor import Call
from muster.predictors.local.pool import Pool
from muster.predictors.local.process import WorkerProcess
from tests.worker.doubles import FIRST, ask, gone, make_worker, until

pytestmark = pytest.mark.usefixtures("text_models")

PID = "import os\ndef predict(batch): return [os.getpid()] * len(batch)"
HANG = "import time\ndef predict(batch):\n    print('at work')\n    time.sleep(1000)"
CALL = Call()


class Made:
    """Makes workers, and remembers them."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.workers: list[WorkerProcess] = []

    def __call__(self) -> WorkerProcess:
        self.workers.append(make_worker(self.code))
        return self.workers[-1]


def pid(pool: Pool) -> int:
    with pool.worker(CALL) as worker:
        return int(str(ask(worker, 1)[0]))


@pytest.fixture
def made() -> Made:
    return Made(PID)


def test_a_worker_is_started_on_demand_and_kept(made: Made) -> None:
    pool = Pool(made, 2, 100.0)
    assert made.workers == []
    assert len({pid(pool) for _ in range(5)}) == 1
    assert len(made.workers) == 1
    pool.close()
    assert not made.workers[0].alive


def test_requests_at_once_use_workers_up_to_the_size(made: Made) -> None:
    pool = Pool(made, 2, 100.0)
    with pool.worker(CALL) as one, pool.worker(CALL) as two:
        assert ask(one, 1) != ask(two, 1)
    with ThreadPoolExecutor(6) as threads:
        pids = set(threads.map(lambda _: pid(pool), range(60)))
    assert len(made.workers) == 2
    assert 1 <= len(pids) <= 2
    pool.close()


def test_the_worker_used_last_is_lent_first(made: Made) -> None:
    pool = Pool(made, 2, 100.0)
    with pool.worker(CALL) as first, pool.worker(CALL):
        pass
    with pool.worker(CALL) as lent:
        assert lent is first
    pool.close()


def test_a_dead_worker_is_replaced(made: Made) -> None:
    pool = Pool(made, 1, 100.0)
    first = pid(pool)
    made.workers[0].stop()
    assert pid(pool) != first
    assert len(made.workers) == 2
    pool.close()


def test_a_worker_that_does_not_start_leaves_its_place(made: Made) -> None:
    made.code = "1 / 0"
    pool = Pool(made, 1, 100.0)
    for _ in range(2):
        with pytest.raises(ModelFailed, match="does not load: ZeroDivisionError"):
            pid(pool)
    made.code = PID
    assert pid(pool)
    pool.close()


def test_a_worker_that_a_signal_ends_as_it_starts_is_tried_once_more(made: Made, tmp_path: Path) -> None:
    once = f"if not os.path.exists('{tmp_path}/died'): open('{tmp_path}/died', 'w').close(); os.abort()"
    made.code = f"import os\n{once}\n{PID}"
    pool = Pool(made, 1, 100.0)
    assert pid(pool)
    assert len(made.workers) == 2
    pool.close()


def test_a_worker_that_signals_always_end_as_it_starts_fails_the_call(made: Made) -> None:
    made.code = "import os; os.abort()"
    pool = Pool(made, 1, 100.0)
    for times in (2, 4):
        with pytest.raises(ModelDied, match="SIGABRT"):
            pid(pool)
        assert len(made.workers) == times
    assert not pool._busy


def test_idle_workers_end(made: Made) -> None:
    pool = Pool(made, 2, 0.05)
    with pool.worker(CALL) as one, pool.worker(CALL) as two:
        pids = [ask(one, 1)[0], ask(two, 1)[0]]
    until(lambda: not any(worker.alive for worker in made.workers), "idle workers live on")
    until(lambda: all(gone(int(str(pid))) for pid in pids), "what was a worker lives on")
    assert pid(pool) not in pids
    pool.close()


def test_a_worker_in_use_is_not_idle(made: Made) -> None:
    pool = Pool(made, 2, 0.05)
    with pool.worker(CALL) as busy:
        pid(pool)
        until(lambda: pool._idle == [], "the idle worker is kept")
        assert ask(busy, 1)
    pool.close()


def test_a_pool_that_nobody_refers_to_ends_its_workers(made: Made) -> None:
    pool = Pool(made, 1, 100.0)
    process = pid(pool)
    made.workers.clear()
    del pool
    gc.collect()
    until(lambda: gone(process), "the worker outlived its pool")


def test_waiting_for_a_worker_ends_with_the_call(made: Made) -> None:
    pool = Pool(made, 1, 100.0)
    cancelled = threading.Event()
    with pool.worker(CALL):
        with pytest.raises(ModelTimeout, match="before the call's deadline"):
            pool.worker(Call(deadline=time.monotonic() + 0.05)).__enter__()
        threading.Timer(0.05, cancelled.set).start()
        with pytest.raises(RunCancelled):
            pool.worker(Call(cancelled=cancelled.is_set)).__enter__()
    pool.close()


def test_a_worker_given_back_goes_to_who_waits(made: Made) -> None:
    pool = Pool(made, 1, 100.0)
    with ThreadPoolExecutor(1) as threads:
        with pool.worker(CALL):
            waiting = threads.submit(pid, pool)
            assert not waiting.done()
        assert waiting.result(10.0)
    pool.close()


def test_closing_ends_a_request_and_who_waits_for_a_worker() -> None:
    made = Made(HANG)
    pool = Pool(made, 1, 100.0)
    with ThreadPoolExecutor(2) as threads:
        working = threads.submit(pid, pool)
        until(lambda: bool(made.workers) and "at work" in made.workers[0].log, "the model was not asked")
        waiting = threads.submit(pid, pool)
        pool.close()
        with pytest.raises(ModelDied, match="was stopped"):
            working.result(10.0)
        with pytest.raises(ModelFailed, match="was closed"):
            waiting.result(10.0)
    assert not made.workers[0].alive
    with pytest.raises(ModelFailed, match="was closed"):
        pid(pool)
    pool.close()


def test_closing_ends_a_worker_that_is_loading() -> None:
    made = Made(f"import time\nprint('loading')\ntime.sleep(1000)\n{FIRST}")
    pool = Pool(made, 1, 100.0)
    with ThreadPoolExecutor(1) as threads:
        starting = threads.submit(pid, pool)
        until(lambda: bool(made.workers) and "loading" in made.workers[0].log, "the model was not loaded")
        pool.close()
        with pytest.raises(ModelDied, match="was stopped"):
            starting.result(10.0)


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05, 0.1, 0.15])
def test_closing_at_any_moment_leaves_no_worker(made: Made, delay: float) -> None:
    pool = Pool(made, 2, 100.0)
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(pid, pool) for _ in range(3)]
        time.sleep(delay)
        pool.close()
        for one in asked:
            assert one.exception(10.0) is None or isinstance(one.exception(), ModelFailed)
    assert not any(worker.alive for worker in made.workers)
    assert not pool._busy
