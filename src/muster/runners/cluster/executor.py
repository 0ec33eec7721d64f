"""What an executor of a cluster does: opens what it is handed, keeps that from task to task, and tells of each chunk."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from muster.errors import ClusterFailed
from muster.predictor import Call, OpenPredictor, Predictor
from muster.profile import OpenProfile
from muster.runner import Done, Places, Plan, Writer
from muster.runners.chunks import Measured, Measuring, Scoring
from muster.runners.cluster.messages import Cut, encoded
from muster.runners.cluster.release import release
from muster.runners.cluster.tasks import Task
from muster.runners.pipeline import Pipeline

__all__ = ["Executor", "Labour", "kept"]

_LINGER_SECONDS = 5.0
"""So long a process keeps what is open for the next task of the same run; nobody tells it which was the last."""


@dataclass(frozen=True, slots=True)
class Labour:
    """All that tasks of one run have in common. Picklable. Chunks are written to `sink`; without one they are measured alone."""

    plan: Plan
    open_predictor: OpenPredictor | None = None
    sink: Writer | None = None
    open_profile: OpenProfile | None = None
    seconds: float | None = None
    """What is left until the call's deadline: the clock that tells it is one machine's."""
    release: str = field(default_factory=release)

    @classmethod
    def of(
        cls, plan: Plan, open_predictor: OpenPredictor | None, sink: Writer | None, open_profile: OpenProfile | None
    ) -> Labour:
        call, deadline = plan.call, plan.call.deadline
        plan = Plan(plan.rows, plan.columns, call=Call(call.params, call.id), ready=plan.ready)
        seconds = None if deadline is None else deadline - time.monotonic()
        return cls(plan, open_predictor, sink, open_profile, seconds)


class Executor:
    """One process of a cluster. Its predictor is opened when it is first needed."""

    def __init__(self, labour: bytes) -> None:
        self._labour = labour
        self._opened: tuple[Labour, Predictor | None] | None = None
        self._until: float | None = None

    def run(self, task: Task, stopped: Callable[[], bool]) -> Iterator[bytes]:
        """A message for each chunk as it is done; the last one may be a failure."""
        try:
            labour, predictor = self._open()
            call = replace(labour.plan.call, cancelled=stopped, deadline=self._until)
            plan = replace(labour.plan, done=task.done, call=call)
            work = _work(labour, predictor, task.places)
            pipeline = Pipeline[Done | Measured](task.parts, plan, work, 1, _after(task.seconds))
            for found in pipeline.results():
                yield encoded(found)
            if pipeline.cut:
                yield encoded(Cut())
        except Exception as error:  # noqa: BLE001  # told to the driver, whatever it is
            yield encoded(error)

    def open(self) -> None:
        """All that may be wrong with this machine is raised."""
        self._open()

    def give_back(self) -> None:
        """Whether another task comes is not known: what was lent is given back, and what is open stays open."""
        give = getattr(self._opened[1], "give_back", None) if self._opened is not None else None
        if give is not None:
            give()

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None and opened[1] is not None:
            opened[1].close()

    def _open(self) -> tuple[Labour, Predictor | None]:
        if self._opened is None:
            labour: Labour = pickle.loads(self._labour)  # noqa: S301  # of the driver, which may run anything here
            if labour.release != release():
                raise ClusterFailed(
                    f"an executor has Muster {release()}, and the driver {labour.release}",
                    hint="install the same release on every node of the cluster",
                )
            if labour.plan.ready is not None:
                labour.plan.ready()
            self._until = None if labour.seconds is None else time.monotonic() + labour.seconds
            self._opened = labour, labour.open_predictor() if labour.open_predictor is not None else None
        return self._opened


def _after(seconds: float | None) -> Callable[[], bool]:
    if seconds is None:
        return lambda: False
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def _work(labour: Labour, predictor: Predictor | None, places: Places) -> Scoring | Measuring:
    if labour.sink is None:
        assert labour.open_profile is not None
        return Measuring(labour.open_profile, predictor, places)
    assert predictor is not None
    return Scoring(predictor, labour.sink, labour.open_profile, places)


@dataclass(slots=True)
class _Kept:
    executor: Executor
    users: int = 0
    ending: threading.Timer | None = None


_KEPT: dict[str, _Kept] = {}
_LOCK = threading.Lock()


@contextmanager
def kept(run: str, labour: Callable[[], bytes]) -> Iterator[Executor]:
    """The executor of a run in this process, where tasks come and go; closed when none has come for a while.

    Between tasks it holds on to nothing that was lent to it: its process may end with the program, and nobody tells it.
    """
    with _LOCK:
        one = _KEPT.get(run)
        if one is None:
            one = _KEPT[run] = _Kept(Executor(labour()))
        if one.ending is not None:
            one.ending.cancel()
        one.users, one.ending = one.users + 1, None
    try:
        yield one.executor
    finally:
        try:
            if one.users == 1:
                one.executor.give_back()
        finally:
            _leave(run, one)


def _leave(run: str, one: _Kept) -> None:
    with _LOCK:
        one.users -= 1
        if not one.users:
            one.ending = threading.Timer(_LINGER_SECONDS, _end, (run, one))
            one.ending.daemon = True
            one.ending.start()


def _end(run: str, one: _Kept) -> None:
    with _LOCK:
        if one.users or _KEPT.get(run) is not one or one.ending is not threading.current_thread():
            return
        del _KEPT[run]
    one.executor.close()
