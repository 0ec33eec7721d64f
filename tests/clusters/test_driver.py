"""What the runners of all clusters have in common, over threads of this process; Ray and Spark themselves are in the deep tests."""

from __future__ import annotations

import pickle
import re
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from muster.dataset import Chunk, Part, Written
from muster.errors import ClusterFailed, ModelFailed, MusterError, NotApplicable, RunCancelled
from muster.predictor import Call, Predictor
from muster.profile import Profile
from muster.runner import Plan, Runner
from muster.runners.cluster import driver
from muster.runners.cluster.messages import Failed, portable
from muster.runners.cluster.tasks import tasks
from muster.runners.local import LocalRunner
from muster.testing.runner import Doubler, Kept, Numbers, RunnerSuite, Sum
from tests.clusters.crew import Threads

PARTS: list[Part] = [Numbers(0, 0, 1_000), Numbers(1, 1_000, 0), Numbers(2, 1_000, 37), Numbers(3, 1_037, 2_500)]
FACTORIES: dict[str, Callable[[], Runner]] = {
    "one": lambda: Threads(workers=1),
    "three": lambda: Threads(workers=3),
    "cut": lambda: Threads(seconds=0.001),
    "lost": lambda: Threads(losses={0: 2, 3: 2}, after=1),
    "told twice": lambda: Threads(times=2),
}


@pytest.mark.parametrize("make", FACTORIES.values(), ids=FACTORIES)
class TestThreads(RunnerSuite):
    @pytest.fixture
    def runner(self, make: Callable[[], Runner]) -> Runner:
        return make()


class Slow(Doubler):
    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        time.sleep(0.005)
        return super().predict(batch, call)


def _sum() -> Profile:
    return Sum()


def _slow() -> Predictor:
    return Slow()


def test_small_parts_are_put_together_and_large_ones_are_not() -> None:
    parts = [Numbers(n, 0, rows, file=f"f{n // 2}") for n, rows in enumerate([10, 90, 250, 100, 1_000, 0, 100])]
    plan = Plan(rows=100, done=frozenset({(3, 0), (4, 2)}), finished=frozenset({1}))
    made = tasks(parts, plan)
    assert [[p.index for p in task.parts] for task in made] == [[0, 2], [3], [4], [5, 6]]
    assert [task.number for task in made] == [0, 1, 2, 3]
    assert [set(task.done) for task in made] == [set(), {(3, 0)}, {(4, 2)}, set()]
    assert made[0].places.parts == {0: (0, 0), 2: (1, 0)}, "files are counted over all parts"
    assert made[0].shown == "f0 … f1"
    assert made[1].shown == "f1"


def test_what_was_cut_is_gone_on_with_for_longer_each_time(tmp_path: Path) -> None:
    runner = Threads(workers=1, seconds=0.02)
    parts: list[Part] = [Numbers(0, 0, 3_000), Numbers(1, 3_000, 500)]
    done = list(runner.map(parts, _slow, Kept(tmp_path), plan=Plan(rows=100)))
    assert sorted((d.part, d.index) for d in done) == [(0, n) for n in range(30)] + [(1, n) for n in range(5)]
    first = [task for task in runner.begun if task.number == 0]
    assert len(first) > 2
    assert [task.seconds for task in first] == [0.02 * 2**n for n in range(len(first))]
    assert all(a.done < b.done for a, b in pairwise(first))


def test_a_part_of_which_all_is_done_is_not_read_again(tmp_path: Path) -> None:
    runner = Threads(workers=1, losses={0: 1}, after=2)
    parts: list[Part] = [Numbers(0, 0, 100), Numbers(1, 100, 300)]
    done = list(runner.map(parts, _slow, Kept(tmp_path), plan=Plan(rows=100)))
    assert len(done) == 4
    again = runner.begun[1]
    assert len(runner.begun) == 2
    assert len(again.done) == 2
    assert [p.index for p in again.parts] == [1] or (0, 0) not in again.done


def test_a_task_that_is_lost_again_and_again_ends_the_run_and_may_be_resumed(tmp_path: Path) -> None:
    runner = Threads(losses={1: 99}, after=0)
    with pytest.raises(ClusterFailed, match="the work on numbers was lost 3 times: it was killed") as raised:
        list(runner.map([Numbers(0, 0, 900), Numbers(1, 900, 900)], _slow, Kept(tmp_path), plan=Plan(rows=100)))
    assert raised.value.details == {"executor": "it was killed"}


def test_losses_between_which_something_is_done_are_borne(tmp_path: Path) -> None:
    runner = Threads(losses={0: 5}, after=1)
    done = list(runner.map([Numbers(0, 0, 1_500)], _slow, Kept(tmp_path), plan=Plan(rows=100)))
    assert len({d.index for d in done}) == len(done) == 15
    assert len(runner.begun) == 6


def test_little_is_kept_before_its_turn() -> None:
    """The first task is lost until others have had all the time they could want."""
    parts: list[Part] = [Numbers(n, n * 400, 400) for n in range(30)]
    runner = Threads(workers=2, losses={0: 2}, after=0)
    total = runner.reduce(parts, _sum, _slow, plan=Plan(rows=100))
    assert isinstance(total, Sum)
    assert total.order == sorted(total.order)
    assert total.rows == 12_000
    last_first = max(n for n, task in enumerate(runner.begun) if task.number == 0)
    assert max(task.number for task in runner.begun[:last_first]) <= 4


def _not_here() -> None:
    raise ClusterFailed("nothing is seen here", hint="put it there", details={"missing": ["/a"]})


@pytest.mark.parametrize("measure", [False, True])
def test_what_is_not_seen_on_an_executor_ends_all_before_anything_is_done(tmp_path: Path, measure: bool) -> None:
    plan = Plan(rows=100, ready=_not_here)
    with pytest.raises(ClusterFailed, match="nothing is seen here") as raised:
        if measure:
            Threads().reduce(PARTS, _sum, plan=plan)
        else:
            list(Threads().map(PARTS, _slow, Kept(tmp_path), plan=plan))
    assert raised.value.details == {"missing": ["/a"]}
    assert not list(tmp_path.iterdir())
    assert LocalRunner(1).reduce(PARTS, _sum, plan=plan).figures()["rows"] == 3_537, "here there is nothing to ask"


class Broken:
    """A writer with an error of somebody's own."""

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        raise OSError(28, "No space left on device")


def test_an_error_that_is_none_of_muster_s_is_told_as_the_executor_s() -> None:
    told = r"an executor failed: OSError: \[Errno 28\] No space left on device"
    with pytest.raises(ClusterFailed, match=told) as raised:
        list(Threads().map(PARTS, _slow, Broken(), plan=Plan(rows=100)))
    assert raised.value.details["type"] == "OSError"


class Odd(ModelFailed):
    """Takes what no other error takes, so that it cannot be made again elsewhere."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} {second}", hint="mend it", details={"lock": lambda: None, "n": 1})


def test_an_error_that_cannot_be_sent_is_told_as_its_kind() -> None:
    error = portable(Odd(1, 2))
    assert (type(error), error.message, error.hint, error.details["n"]) == (ModelFailed, "1 2", "mend it", "1")
    sent: Failed = pickle.loads(pickle.dumps(Failed(error)))
    assert isinstance(sent.error, MusterError)


def test_what_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    held = threading.Lock()

    def opened(lock: object) -> Predictor:
        return Doubler()

    with pytest.raises(NotApplicable, match="cannot be sent to executors of threads"):
        list(Threads().map(PARTS, partial(opened, held), Kept(tmp_path), plan=Plan(rows=100)))


def test_the_time_that_a_call_has_left_counts_on_executors_too(tmp_path: Path) -> None:
    seen = tmp_path / "left"
    plan = Plan(rows=5_000, call=Call(deadline=time.monotonic() + 1_000))
    list(Threads().map(PARTS[:1], partial(Timed, seen), Kept(_folder(tmp_path)), plan=plan))
    assert 900 < float(seen.read_text()) <= 1_000


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


class Timed(Doubler):
    def __init__(self, seen: Path) -> None:
        super().__init__()
        self._seen = seen

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        self._seen.write_text(str(call.left(1e9)))
        return super().predict(batch, call)


def test_where_nothing_works_it_is_told_once_what_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_SILENT_SECONDS", 0.0)
    runner, lines = Threads(missing="the cluster has no room"), list[str]()

    def talk(line: str) -> None:
        lines.append(line)
        threading.Timer(0.5, runner.told.set).start()

    plan = Plan(rows=100, call=Call(id="r1"), talk=talk)
    assert len(list(runner.map(PARTS[:1], _slow, Kept(tmp_path), plan=plan))) == 10
    (line,) = lines
    assert re.fullmatch(
        r"nothing works since \d\d:\d\d:\d\d: the cluster has no room; it goes on by itself,"
        r" and ends with Ctrl-C or `muster run cancel r1`",
        line,
    )


def test_a_run_that_waits_for_executors_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_SILENT_SECONDS", 0.0)
    runner, cancelled = Threads(missing="the cluster has no room"), threading.Event()
    plan = Plan(rows=100, call=Call(cancelled=cancelled.is_set), talk=lambda _line: cancelled.set())
    with pytest.raises(RunCancelled):
        list(runner.map(PARTS[:1], _slow, Kept(tmp_path), plan=plan))


def test_who_works_for_long_without_a_word_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_SILENT_SECONDS", 0.0)
    lines: list[str] = []
    list(Threads().map(PARTS[:1], _slower, Kept(tmp_path), plan=Plan(rows=1_000, talk=lines.append)))
    assert not lines


class Slower(Doubler):
    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        time.sleep(0.5)
        return super().predict(batch, call)


def _slower() -> Predictor:
    return Slower()
