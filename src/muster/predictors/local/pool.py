"""The workers of one version: started when needed, each lent to one request at a time, ended when idle."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from muster.errors import ModelFailed, ModelTimeout, MusterError, RunCancelled
from muster.predictor import Call
from muster.predictors.local.isolation import weakest
from muster.predictors.local.process import WorkerProcess

__all__ = ["Pool", "check"]

_LOOK_SECONDS = 0.1
"""How often a call that waits for a worker asks whether it was cancelled."""


def check(call: Call) -> None:
    """Raise if the call is over."""
    if call.cancelled():
        raise RunCancelled("the prediction was cancelled")
    if call.left(1.0) <= 0:
        raise ModelTimeout(
            "the model did not answer before the call's deadline", hint="allow more time, or send fewer rows"
        )


class Pool:
    """At most `size` workers. Safe to use from several threads."""

    def __init__(self, make: Callable[[], WorkerProcess], size: int, idle_seconds: float) -> None:
        """`make` gives a worker that is not started yet."""
        self._make, self._size, self._idle_seconds = make, max(1, size), idle_seconds
        self._changed = threading.Condition()
        self._idle: list[tuple[float, WorkerProcess]] = []
        """Since when each is idle; the one used last comes last, and is lent first."""
        self._busy: set[WorkerProcess] = set()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._reached: set[str] = set()

    @contextmanager
    def worker(self, call: Call) -> Iterator[WorkerProcess]:
        """A worker for one request. Waits for one until the call is over; raises what starting one raises."""
        try:
            worker = self._borrow(call)
        except MusterError as error:
            if "signal" not in error.details:
                raise
            worker = self._borrow(
                call
            )  # a signal ended it as it started: perhaps the system's, and it does not come again
        try:
            yield worker
        finally:
            self._give(worker)

    @property
    def isolation(self) -> str | None:
        """The least that a worker of it reached; None before one has started."""
        return weakest(list(self._reached))

    @property
    def warm(self) -> int:
        """How many workers there are."""
        with self._changed:
            return len(self._idle) + len(self._busy)

    @property
    def memory(self) -> int:
        """Bytes that all workers take."""
        with self._changed:
            workers = [*(worker for _, worker in self._idle), *self._busy]
        return sum(worker.memory for worker in workers)

    def rest(self) -> None:
        """End the workers that have nothing to do; others are started when they are needed."""
        with self._changed:
            ending = [worker for _, worker in self._idle]
            self._idle.clear()
        for worker in ending:
            worker.stop()

    def close(self) -> None:
        """End all workers, also those at work."""
        with self._changed:
            self._closed = True
            ending = [worker for _, worker in self._idle] + list(self._busy)
            self._idle.clear()
            if self._timer is not None:
                self._timer.cancel()
            self._changed.notify_all()
        for worker in ending:
            worker.stop()

    def _borrow(self, call: Call) -> WorkerProcess:
        worker = self._take(call)
        try:
            if not worker.started:
                worker.start()
                self._reached.add(str(worker.reached))
        except BaseException:
            self._give(worker)
            raise
        return worker

    def _take(self, call: Call) -> WorkerProcess:
        while True:
            with self._changed:
                check(call)
                if self._closed:
                    raise ModelFailed("the model was closed", hint="open the version again")
                if self._idle:
                    _, worker = self._idle.pop()
                elif len(self._busy) < self._size:
                    worker = self._make()
                else:
                    self._changed.wait(call.left(_LOOK_SECONDS))
                    continue
                self._busy.add(worker)
            if worker.alive or not worker.started:
                return worker
            self._give(worker)

    def _give(self, worker: WorkerProcess) -> None:
        alive = worker.alive
        with self._changed:
            self._busy.discard(worker)
            keep = alive and not self._closed
            if keep:
                self._idle.append((time.monotonic(), worker))
                self._watch()
            self._changed.notify()
        if not keep:
            worker.stop()

    def _watch(self) -> None:
        """See to it that the worker idle for the longest is ended in time."""
        if self._timer is None and self._idle:
            left = self._idle[0][0] + self._idle_seconds - time.monotonic()
            self._timer = threading.Timer(max(0.0, left), _end_idle, [weakref.ref(self)])
            self._timer.daemon = True
            self._timer.start()

    def _end_idle(self) -> None:
        with self._changed:
            self._timer = None
            since = time.monotonic() - self._idle_seconds
            ending = [worker for start, worker in self._idle if start <= since]
            self._idle = [(start, worker) for start, worker in self._idle if start > since]
            self._watch()
        for worker in ending:
            worker.stop()


def _end_idle(pool: weakref.ref[Pool]) -> None:
    if (alive := pool()) is not None:
        alive._end_idle()  # noqa: SLF001  # a method's own timer would keep the pool
