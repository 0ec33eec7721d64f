"""A cluster of threads in this process: what clusters have in common, without waiting for one; it loses executors when it is told to."""

from __future__ import annotations

import pickle
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from muster.runners.cluster.driver import Answered, Crew, Ended, Lost, Told
from muster.runners.cluster.executor import Executor
from muster.runners.cluster.runner import ClusterRunner
from muster.runners.cluster.tasks import Task

__all__ = ["Threads"]


@dataclass
class Threads(ClusterRunner):
    """`losses` has how often a task's executor goes, each time after so many messages; `seconds` is that of a Crew."""

    workers: int = 2
    seconds: float | None = None
    losses: dict[int, int] = field(default_factory=dict)
    after: int = 3
    times: int = 1
    """How often each message is told."""
    missing: str | None = None
    """Where there is something, nothing works before it was told."""
    told: threading.Event = field(default_factory=threading.Event)
    begun: list[Task] = field(default_factory=list)
    most: int = 0
    """The most tasks that were begun and not over."""

    name = "threads"

    def _hire(self, labour: bytes, most: int) -> tuple[Crew, int]:
        count = min(most, self.workers)
        return _Threads(self, labour, count), count


class _Threads:
    def __init__(self, runner: Threads, labour: bytes, count: int) -> None:
        self._runner, self._labour = runner, labour
        self.seconds = runner.seconds
        self.room = count
        self._told: queue.Queue[Told] = queue.Queue()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, task: Task) -> None:
        assert self.room
        self.room -= 1
        sent = pickle.loads(pickle.dumps(task))
        self._runner.begun.append(sent)
        thread = threading.Thread(target=self._work, args=(sent,))
        self._threads.append(thread)
        thread.start()

    def wait(self, seconds: float) -> Sequence[Told]:
        try:
            told = self._told.get(timeout=seconds)
        except queue.Empty:
            return ()
        self.room += not isinstance(told, Answered)
        return (told,)

    def missing(self) -> str | None:
        return self._runner.missing

    def close(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _work(self, task: Task) -> None:
        executor = Executor(self._labour)
        try:
            while self._runner.missing and not self._runner.told.wait(0.05) and not self._stopped.is_set():
                continue
            for count, message in enumerate(executor.run(task, self._stopped.is_set)):
                if count == self._runner.after and self._runner.losses.get(task.number, 0):
                    self._runner.losses[task.number] -= 1
                    self._told.put(Lost(task.number, "it was killed"))
                    return
                for _ in range(self._runner.times):
                    self._told.put(Answered(task.number, message))
            self._told.put(Ended(task.number))
        finally:
            executor.close()
