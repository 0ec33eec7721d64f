"""Jobs: runs of the queue, which any process of a shared hub claims, works on and, where it has to, hands on to the next."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from muster.errors import Conflict, MusterError, NotFound, RunCancelled, RunFailed, StoreError
from muster.records import Run, now
from muster.registry.endings import Retries
from muster.registry.runs import Runs
from muster.registry.score import Scorings
from muster.registry.scoring_job import Watch

__all__ = ["Jobs", "Tell"]

Tell = Callable[[Run], None]
"""Is told of a run when work on it begins, and when it ended, was put back or was let go of."""

_POLL = 1.0
_NEXT = 0.2


class Jobs:
    """The queue of a hub: the oldest first, each worked on by one process at a time."""

    def __init__(self, runs: Runs, scorings: Scorings, retries: Retries) -> None:
        self._runs = runs
        self._scorings = scorings
        self._retries = retries

    def work(self, *, count: int, once: bool, stop: threading.Event, tell: Tell) -> None:
        """Work on up to `count` jobs at once until `stop` is set; with `once` until none is waiting that could be begun.

        When it is to stop it lets go of what it works on. What a worker does not expect ends all of them, and is raised.
        """
        faults: list[BaseException] = []
        ended: queue.SimpleQueue[None] = queue.SimpleQueue()

        def lane() -> None:
            try:
                self._lane(once=once, stop=stop, tell=tell)
            except BaseException as error:  # noqa: BLE001  # raised by the thread that waits
                faults.append(error)
                stop.set()
            finally:
                ended.put(None)

        lanes = [threading.Thread(target=lane, name=f"muster-job-{n}") for n in range(count)]
        for thread in lanes:
            thread.start()
        try:
            for _ in lanes:
                _await(ended)
        finally:
            stop.set()
            for thread in lanes:
                thread.join()
        if faults:
            raise faults[0]

    def wait(self, identity: str, watch: Watch | None = None) -> Run:
        """The run when it is done; RunFailed when it ended otherwise, and NotFound when it is gone."""
        seen = None
        while True:
            run = self._runs.get(identity)
            progress = self._runs.progress(identity)
            if watch is not None and progress is not None and progress != seen:
                watch(progress)
                seen = progress
            if run.status == "done":
                return run
            if run.status == "cancelled":
                raise RunCancelled(f"run {run.id} was cancelled", hint="nothing of its output is left")
            if run.status == "failed":
                raise RunFailed(f"run {run.id} failed: {run.error}", hint=run.hint or "", details={"run": run.id})
            time.sleep(random.uniform(0.5, 1.5) * _NEXT)  # noqa: S311  # only so that not all ask at once

    def _lane(self, *, once: bool, stop: threading.Event, tell: Tell) -> None:
        """A store that cannot be reached now is asked again; with `once` it is told."""
        while not stop.is_set():
            try:
                worked = self._next(stop, tell)
            except StoreError:
                if once:
                    raise
                worked = False
            if not worked:
                if once:
                    return
                stop.wait(random.uniform(0.5, 1.5) * _POLL)  # noqa: S311  # only so that not all ask at once

    def _next(self, stop: threading.Event, tell: Tell) -> bool:
        """Work on the oldest job that can be claimed; False if there is none."""
        for run in self._runs.waiting():
            if stop.is_set():
                return False
            try:
                self._do(run, stop, tell)
            except Conflict:  # another process was quicker
                continue
            return True
        return False

    def _do(self, run: Run, stop: threading.Event, tell: Tell) -> None:
        if run.attempts >= self._retries.attempts:
            self._end(run, f"given up after {run.attempts} attempts: the process that worked on it ended each time", "")
        else:
            try:
                begun = _Begun(run, tell)
                self._scorings.execute(run, begun, purpose="claim", leave=stop)
            except RunFailed:
                pass  # how it ended stands in its record
            except (Conflict, NotFound, StoreError):
                raise
            except MusterError as error:  # before it could be begun at all
                self._end(run, error.message, error.hint)
        tell(self._runs.get(run.id))

    def _end(self, run: Run, error: str, hint: str) -> None:
        with self._runs.hold(run, "end") as held:
            held.end(replace(held.run, status="failed", error=error, hint=hint, ended_at=now()))


def _await(ended: queue.SimpleQueue[None]) -> None:
    """Wait so that signals are heard: one that came to another thread is looked at when this one wakes.

    No `join` does: a thread whose join a signal interrupts counts as ended in Python 3.11.
    """
    while True:
        try:
            return ended.get(timeout=_POLL)
        except queue.Empty:
            continue


class _Begun:
    """Tells of a run when it is first heard of its progress, which is when work on it begins."""

    def __init__(self, run: Run, tell: Tell) -> None:
        self._run = run
        self._tell = tell
        self._told = False

    def __call__(self, _progress: object) -> None:
        if not self._told:
            self._told = True
            self._tell(replace(self._run, status="running"))
