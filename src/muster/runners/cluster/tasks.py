"""A dataset's parts as tasks for the executors of a cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from muster.dataset import Part
from muster.runner import Places, Plan

__all__ = ["Task", "tasks"]

_CHUNKS = 4
"""Small parts are put together until they have so many chunks: handing out a task takes a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Task:
    """Consecutive parts, for one executor. `done` are chunks of theirs that are not to be done, as (part, index)."""

    number: int
    parts: tuple[Part, ...]
    places: Places
    done: frozenset[tuple[int, int]] = frozenset()
    seconds: float | None = None
    """No chunk is begun after that, but the first: the executor tells that there is more."""

    @property
    def shown(self) -> str:
        """What a person would call it."""
        first, last = self.parts[0], self.parts[-1]
        return first.file if first.file == last.file else f"{first.file} … {last.file}"

    def rest(self, done: Collection[tuple[int, int]], ends: Mapping[int, int]) -> Task:
        """What is left once these chunks are done; `ends` has the index of the last one, of parts of which it is known.

        A part is left out only if no chunk of it is left: to know its end it has to be read through.
        """
        every = self.done | frozenset(done)
        left = tuple(p for p in self.parts if p.index not in ends or not _whole(p.index, ends[p.index], every))
        return replace(self, parts=left, done=every)


def _whole(part: int, end: int, done: frozenset[tuple[int, int]]) -> bool:
    return all((part, index) in done for index in range(end + 1))


def tasks(parts: Sequence[Part], plan: Plan) -> list[Task]:
    """In the order of the rows. A part is never divided: whoever reads its last rows reads through the others too."""
    places = Places.of(parts)
    done: dict[int, set[tuple[int, int]]] = {}
    for key in plan.done:
        done.setdefault(key[0], set()).add(key)
    return [
        Task(
            number,
            group,
            Places({p.index: places.parts[p.index] for p in group}),
            frozenset(key for p in group for key in done.get(p.index, ())),
        )
        for number, group in enumerate(_groups([p for p in parts if p.index not in plan.finished], plan.rows))
    ]


def _groups(parts: Sequence[Part], rows: int) -> Iterator[tuple[Part, ...]]:
    group: list[Part] = []
    chunks = 0
    for part in parts:
        most = _CHUNKS if part.rows is None else max(1, -(-part.rows // rows))
        if group and chunks + most > _CHUNKS:
            yield tuple(group)
            group, chunks = [], 0
        group.append(part)
        chunks += most
    if group:
        yield tuple(group)
