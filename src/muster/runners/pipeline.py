"""Chunks on their way through one process: threads that read, and lanes that work on what was read."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from muster.dataset import Chunk, Part
from muster.errors import RunCancelled
from muster.predictor import Call
from muster.runner import Plan

__all__ = ["Pipeline", "Work"]

T = TypeVar("T")
Work = Callable[[Chunk, float, Call], T]
"""What is done with a chunk that took so many seconds to read."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class Pipeline(Generic[T]):
    """Readers put chunks in a short queue; lanes work on them; the caller takes results. The first failure stops all.

    There are twice as many lanes as `workers`, so that one writes while another predicts; they wait for a caller who is slow.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        plan: Plan,
        work: Work[T],
        workers: int,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """Once there is `enough`, no chunk is begun any more but the first; `cut` tells that some were left."""
        self.cut = False
        self._enough, self._any = enough, False
        self._parts = iter([p for p in parts if p.index not in plan.finished])
        self._plan = plan
        self._work = work
        self._stop = threading.Event()
        self._taking = threading.Lock()
        self._chunks: queue.Queue[tuple[Chunk, float] | None] = queue.Queue(workers)
        self._results: queue.Queue[T | _Failure | None] = queue.Queue()
        self._room = threading.Semaphore(4 * workers)
        """For results that nobody has taken yet."""
        self._call = replace(plan.call, cancelled=lambda: self._stop.is_set() or plan.call.cancelled())
        readers = max(1, min(workers, sum(p.index not in plan.finished for p in parts)))
        self._reading = readers
        self._most = 2 * workers
        self._working = self._lanes = 0
        self._threads = [
            threading.Thread(target=self._read, name=f"muster-read-{n}", daemon=True) for n in range(readers)
        ]

    def results(self) -> Iterator[T]:
        for thread in list(self._threads):
            thread.start()
        try:
            while True:
                result = self._next_result()
                if result is None:
                    return
                if isinstance(result, _Failure):
                    raise result.error
                self._room.release()
                yield result
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _next_result(self) -> T | _Failure | None:
        while not self._plan.call.cancelled():
            try:
                return self._results.get(timeout=0.1)
            except queue.Empty:
                continue
        return _Failure(RunCancelled("the run was cancelled"))

    def _read(self) -> None:
        try:
            while not self._stop.is_set():
                with self._taking:
                    part = next(self._parts, None)
                if part is None or self._full():
                    break
                self._read_part(part)
        except BaseException as error:  # noqa: BLE001  # handed to the caller, whatever it is
            self._fail(error)
        with self._taking:
            self._reading -= 1
            ended = self._reading == 0
        if ended:
            for _ in range(self._lanes):
                self._put(None)
            if not self._lanes:
                self._results.put(None)  # there was no chunk

    def _read_part(self, part: Part) -> None:
        skip = frozenset(index for p, index in self._plan.done if p == part.index)
        began = time.perf_counter()
        for chunk in part.chunks(self._plan.rows, self._plan.columns, skip):
            if self._full() or not self._put((chunk, time.perf_counter() - began)):
                return
            self._any = True
            self._hire()
            began = time.perf_counter()

    def _full(self) -> bool:
        """Of something that is left to be done."""
        self.cut |= self._any and self._enough()
        return self.cut

    def _hire(self) -> None:
        """One lane more for a chunk that was read, up to the most: no threads for chunks that there are not."""
        with self._taking:
            if self._lanes == self._most:
                return
            thread = threading.Thread(target=self._lane, name=f"muster-lane-{self._lanes}", daemon=True)
            self._lanes, self._working = self._lanes + 1, self._working + 1
            thread.start()
            self._threads.append(thread)

    def _put(self, item: tuple[Chunk, float] | None) -> bool:
        while not self._stop.is_set():
            try:
                self._chunks.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _lane(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    item = self._chunks.get(timeout=0.1)
                except queue.Empty:
                    continue
                if item is None:
                    break
                self._give(self._work(item[0], item[1], self._call))
        except BaseException as error:  # noqa: BLE001  # handed to the caller, whatever it is
            self._fail(error)
        with self._taking:
            self._working -= 1
            ended = self._working == 0
        if ended:
            self._results.put(None)

    def _give(self, result: T) -> None:
        while not self._stop.is_set():
            if self._room.acquire(timeout=0.1):
                self._results.put(result)
                return

    def _fail(self, error: BaseException) -> None:
        self._results.put(_Failure(error))
        self._stop.set()
