"""The driver of a run on a cluster: hands out tasks, hears of chunks, has again what was lost, and ends all at the first error."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeAlias

from muster.errors import ClusterFailed, MusterError, RunCancelled, plural
from muster.profile import Profile
from muster.runner import Done, Plan
from muster.runners.chunks import Measured
from muster.runners.cluster.messages import Cut, decoded
from muster.runners.cluster.tasks import Task

__all__ = ["Answered", "Crew", "Ended", "Lost", "Told", "drive"]

_LOOK_SECONDS = 0.1
_SILENT_SECONDS = 30.0
"""After so long without a word it is told what is waited for, if nobody works."""
_LOSSES = 3
"""So often executors may be lost at a task without one chunk more being done."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A message of the executor that works on a task."""

    task: int
    message: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    task: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The executor is gone, and what of the task was not told of is not known to be done."""

    task: int
    why: str


Told: TypeAlias = Answered | Ended | Lost


class Crew(Protocol):
    """The executors of one run."""

    @property
    def room(self) -> int:
        """How many more tasks can be begun just now."""
        ...

    @property
    def seconds(self) -> float | None:
        """How long to work on a task before it is told of it; None where each chunk is told of as it is done."""
        ...

    def begin(self, task: Task) -> None: ...

    def wait(self, seconds: float) -> Sequence[Told]:
        """What is told, as soon as anything is. Raises where no executor can work at all."""
        ...

    def missing(self) -> str | None:
        """In words, what keeps it from any work at all; None if somebody works."""
        ...

    def close(self) -> None:
        """Stop what is at work, and return when nothing is any more."""
        ...


@dataclass(slots=True)
class _Begun:
    """A task, and what is known of it: the chunks that are done, where its parts end, and whether it was cut."""

    task: Task
    done: set[tuple[int, int]] = field(default_factory=set)
    ends: dict[int, int] = field(default_factory=dict)
    losses: int = 0
    cut: bool = False

    def rest(self) -> Task:
        return self.task.rest(self.done, self.ends)


def drive(
    crew: Crew, tasks: Sequence[Task], plan: Plan, profile: type[Profile] | None, ahead: int | None = None
) -> Iterator[Done | Measured]:
    """Each chunk once, as it is told of. No task is begun that is more than `ahead` before the oldest one at work."""
    with closing(crew):
        yield from _Driver(crew, tasks, plan, profile, ahead).results()


class _Driver:
    def __init__(
        self, crew: Crew, tasks: Sequence[Task], plan: Plan, profile: type[Profile] | None, ahead: int | None
    ) -> None:
        self._crew, self._plan, self._profile, self._ahead = crew, plan, profile, ahead
        self._left = deque(_Begun(replace(task, seconds=crew.seconds)) for task in tasks)
        self._begun: dict[int, _Begun] = {}
        self._silence = _Silence(crew, plan)

    def results(self) -> Iterator[Done | Measured]:
        while self._left or self._begun:
            if self._plan.call.cancelled():
                raise RunCancelled("the run was cancelled")
            while self._left and self._crew.room and self._near(self._left[0].task):
                one = self._left.popleft()
                rest = one.rest()
                if rest.parts:  # else it was lost after its last chunk
                    self._begun[one.task.number] = one
                    self._crew.begin(rest)
            heard = self._crew.wait(_LOOK_SECONDS)
            self._silence.look(broken=bool(heard))
            for told in heard:
                match told:
                    case Answered(number, message):
                        yield from self._heard(self._begun[number], message)
                    case Ended(number):
                        self._ended(self._begun.pop(number))
                    case Lost(number, why):
                        self._again(self._begun.pop(number), why)

    def _near(self, task: Task) -> bool:
        return self._ahead is None or not self._begun or task.number <= min(self._begun) + self._ahead

    def _heard(self, one: _Begun, message: bytes) -> Iterator[Done | Measured]:
        found = decoded(message, self._profile)
        if isinstance(found, MusterError):
            raise found
        if isinstance(found, Cut):
            one.cut = True
            return
        one.losses = 0
        if found.last:
            one.ends[found.part] = found.index
        if (found.part, found.index) not in one.done:
            one.done.add((found.part, found.index))
            yield found

    def _ended(self, one: _Begun) -> None:
        """What was cut is gone on with, for twice as long: so little of a part is read again and again."""
        if one.cut:
            assert one.task.seconds is not None
            one.cut, one.task = False, replace(one.task, seconds=2 * one.task.seconds)
            self._left.appendleft(one)

    def _again(self, one: _Begun, why: str) -> None:
        one.losses, one.cut = one.losses + 1, False
        if one.losses >= _LOSSES:
            raise ClusterFailed(
                f"the work on {one.task.shown} was lost {plural(one.losses, 'time')}: {why}",
                hint="see the cluster's own logs of that executor: it ended, or ran out of memory; then resume the run",
                details={"executor": why},
            )
        self._left.appendleft(one)


class _Silence:
    """While nothing is heard of a crew: says once what is waited for, since when, and how to end it."""

    def __init__(self, crew: Crew, plan: Plan) -> None:
        self._crew, self._plan = crew, plan
        self._said = False
        self._since, self._until = _now()

    def look(self, *, broken: bool) -> None:
        if broken:
            self._said = False
            self._since, self._until = _now()
        elif not self._said and time.monotonic() >= self._until:
            self._until = time.monotonic() + _SILENT_SECONDS
            if (missing := self._crew.missing()) is not None:
                self._said = True
                run = f" or `muster run cancel {self._plan.call.id}`" if self._plan.call.id else ""
                self._plan.talk(
                    f"nothing works since {self._since:%H:%M:%S}: {missing}; it goes on by itself, and ends with Ctrl-C{run}"
                )


def _now() -> tuple[datetime, float]:
    """By the clock on the wall, and when there will have been silence since for long."""
    return datetime.now().astimezone(), time.monotonic() + _SILENT_SECONDS
