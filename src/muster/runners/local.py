"""The runner of one machine: threads that read and write around the predictor's own worker processes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from muster.dataset import Chunk, Part
from muster.errors import RunCancelled
from muster.predictor import Call, OpenPredictor
from muster.profile import OpenProfile, Profile
from muster.runner import Done, InOrder, Places, Plan, Writer

__all__ = ["LocalRunner"]

T = TypeVar("T")
Work = Callable[[Chunk, float, Call], T]


class LocalRunner:
    """Keeps `workers` predictions going: twice as many lanes as workers, so that one writes while another predicts."""

    def __init__(self, workers: int) -> None:
        self._workers = max(1, workers)

    def map(
        self,
        parts: Sequence[Part],
        open_predictor: OpenPredictor,
        sink: Writer,
        profile: OpenProfile | None = None,
        *,
        plan: Plan,
    ) -> Generator[Done, None, None]:
        predictor = open_predictor()
        places = Places.of(parts)

        def work(chunk: Chunk, read: float, call: Call) -> Done:
            began = time.perf_counter()
            answer = predictor.predict(chunk.batch, call.within(chunk.part, chunk.index))
            predicted = time.perf_counter()
            measured = profile() if profile is not None else None
            if measured is not None:
                measured.update(places.rows(chunk), answer)
            written, rejected = sink.write(chunk, answer)
            timings = {"read": read, "predict": predicted - began, "write": time.perf_counter() - predicted}
            level = getattr(predictor, "isolation", None)
            return Done(
                chunk.part,
                chunk.index,
                chunk.start,
                chunk.length,
                chunk.last,
                rejected,
                written,
                timings,
                measured,
                level,
                told() if (told := getattr(predictor, "asked", None)) is not None else {},
            )

        try:
            yield from _Pipeline(parts, plan, work, self._workers).results()
        finally:
            predictor.close()

    def reduce(
        self,
        parts: Sequence[Part],
        open_profile: OpenProfile,
        open_predictor: OpenPredictor | None = None,
        *,
        plan: Plan,
        watch: Callable[[int], None] | None = None,
    ) -> Profile:
        predictor = open_predictor() if open_predictor is not None else None
        places = Places.of(parts)

        def work(chunk: Chunk, _read: float, call: Call) -> tuple[tuple[int, int], bool, int, Profile]:
            measured = open_profile()
            asked = call.within(chunk.part, chunk.index)
            answer = predictor.predict(chunk.batch, asked) if predictor is not None else None
            measured.update(places.rows(chunk), answer)
            return (chunk.part, chunk.index), chunk.last, chunk.length, measured

        merged = InOrder(open_profile(), [part.index for part in parts if part.index not in plan.finished])
        try:
            for (part, index), last, rows, measured in _Pipeline(parts, plan, work, self._workers).results():
                if watch is not None:
                    watch(rows)
                merged.add(part, index, measured, last=last)
        finally:
            if predictor is not None:
                predictor.close()
        return merged.end()


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class _Pipeline(Generic[T]):
    """Readers put chunks in a short queue; lanes work on them; the caller takes results. The first failure stops all."""

    def __init__(self, parts: Sequence[Part], plan: Plan, work: Work[T], workers: int) -> None:
        self._parts = iter([p for p in parts if p.index not in plan.finished])
        self._plan = plan
        self._work = work
        self._stop = threading.Event()
        self._taking = threading.Lock()
        self._chunks: queue.Queue[tuple[Chunk, float] | None] = queue.Queue(workers)
        self._results: queue.Queue[T | _Failure | None] = queue.Queue()
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
                if part is None:
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
            if not self._put((chunk, time.perf_counter() - began)):
                return
            self._hire()
            began = time.perf_counter()

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
                self._results.put(self._work(item[0], item[1], self._call))
        except BaseException as error:  # noqa: BLE001  # handed to the caller, whatever it is
            self._fail(error)
        with self._taking:
            self._working -= 1
            ended = self._working == 0
        if ended:
            self._results.put(None)

    def _fail(self, error: BaseException) -> None:
        self._results.put(_Failure(error))
        self._stop.set()
