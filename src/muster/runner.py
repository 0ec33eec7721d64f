"""CONTRACT Runner: where work runs. Two verbs over a dataset's parts, `map` and `reduce`; nothing else knows about cores or clusters.

All that is handed to a runner is a picklable value without socket, file, lock or store handle; executors open it there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import pyarrow as pa

from muster.dataset import Chunk, Part, Written
from muster.predictor import Call, OpenPredictor, Talk
from muster.profile import OpenProfile, Profile, Rows

__all__ = ["Done", "InOrder", "Places", "Plan", "Runner", "Writer"]


def _silent(_line: str) -> None:
    return None


class Writer(Protocol):
    """What `map` does with a chunk and its answer. Picklable; safe from several threads; returns when the chunk is durable."""

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        """Where it stands, and how many of its rows were rejected."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How to cut and read: `rows` of a chunk, the `columns` to read (None: all); chunks that are `done` already, as (part, index)."""

    rows: int
    columns: tuple[str, ...] | None = None
    done: frozenset[tuple[int, int]] = frozenset()
    finished: frozenset[int] = frozenset()
    """Parts of which every chunk is done: they are not read again."""
    call: Call = field(default_factory=Call)
    ready: Callable[[], None] | None = None
    """Asked once in each process that works elsewhere, before it does: raises what stands in the way there. Picklable."""
    talk: Talk = _silent
    """Told here what a run waits for."""


@dataclass(frozen=True, slots=True)
class Done:
    """One finished chunk. `timings` are seconds of `read`, `predict` and `write`; `isolation` is the level that workers have reached.

    `asked` counts what was asked of an endpoint since the chunk before.
    """

    part: int
    index: int
    start: int
    length: int
    last: bool
    rejected: int
    written: Written
    timings: Mapping[str, float]
    profile: Profile | None = None
    isolation: str | None = None
    asked: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of chunks stand in their files, which is how a profile knows them. By part: its file's number, the rows before it."""

    parts: Mapping[int, tuple[int, int]]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Places:
        files: dict[str, int] = {}
        return cls({p.index: (files.setdefault(p.file, len(files)), p.offset) for p in parts})

    def rows(self, chunk: Chunk) -> Rows:
        file, offset = self.parts[chunk.part]
        return Rows(chunk.batch, file, offset + chunk.start, tuple(offset + f.row for f in chunk.faults))


class InOrder:
    """Merges the profiles of chunks into `total` in the order of the parts, in whatever order they come."""

    def __init__(self, total: Profile, parts: Sequence[int]) -> None:
        """`parts` are the indices of those that are read."""
        self.total = total
        self._order = list(parts)
        self._turn = {part: turn for turn, part in enumerate(self._order)}
        self._next: tuple[int, int] | None = (self._order[0], 0) if self._order else None
        self._waiting: dict[tuple[int, int], tuple[bool, Profile]] = {}

    @classmethod
    def of(cls, total: Profile, parts: Sequence[Part], plan: Plan) -> Self:
        """Of the parts that a plan reads."""
        return cls(total, [part.index for part in parts if part.index not in plan.finished])

    def add(self, part: int, index: int, measured: Profile, *, last: bool) -> None:
        self._waiting[part, index] = last, measured
        while self._next in self._waiting:
            ended, ready = self._waiting.pop(self._next)
            self.total.merge(ready)
            self._next = self._after(self._next, ended=ended)

    def end(self) -> Profile:
        """With what stands behind chunks that were done before: whether one was the last of its part, only they could tell."""
        for key in sorted(self._waiting, key=lambda k: (self._turn[k[0]], k[1])):
            self.total.merge(self._waiting[key][1])
        self._waiting.clear()
        return self.total

    def _after(self, place: tuple[int, int], *, ended: bool) -> tuple[int, int] | None:
        part, index = place
        if not ended:
            return part, index + 1
        position = self._turn[part] + 1
        return (self._order[position], 0) if position < len(self._order) else None


class Runner(Protocol):
    def map(
        self,
        parts: Sequence[Part],
        open_predictor: OpenPredictor,
        sink: Writer,
        profile: OpenProfile | None = None,
        *,
        plan: Plan,
    ) -> Generator[Done, None, None]:
        """Predict every chunk and write it, in any order, reading and writing while predicting; yields each chunk when it is durable.

        The first error ends all and is raised; so does `plan.call.cancelled()`, with RunCancelled. Closing the iterator ends the
        work. Memory is bounded by a few chunks per worker, whatever the size of the input.
        """
        ...

    def reduce(
        self,
        parts: Sequence[Part],
        open_profile: OpenProfile,
        open_predictor: OpenPredictor | None = None,
        *,
        plan: Plan,
        watch: Callable[[int], None] | None = None,
    ) -> Profile:
        """The profile of all rows, predicted first if asked: one per chunk, merged in order, so that every runner gives the same figures.

        `watch` is told of rows as they are done.
        """
        ...
