"""What the runners of clusters do alike: a run's work is pickled once, its parts are handed out as tasks, and its chunks come back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence

import cloudpickle

from muster.dataset import Part
from muster.errors import NotApplicable
from muster.predictor import OpenPredictor
from muster.profile import OpenProfile, Profile
from muster.runner import Done, InOrder, Plan, Writer
from muster.runners.chunks import Measured
from muster.runners.cluster.driver import Crew, drive
from muster.runners.cluster.executor import Labour
from muster.runners.cluster.tasks import tasks

__all__ = ["ClusterRunner"]


class ClusterRunner(ABC):
    """Each executor reads, predicts and writes what it is handed, with one worker of the model's own."""

    name: str

    @abstractmethod
    def _hire(self, labour: bytes, most: int) -> tuple[Crew, int]:
        """Executors for at most so many tasks at a time, and how many those are."""
        ...

    def map(
        self,
        parts: Sequence[Part],
        open_predictor: OpenPredictor,
        sink: Writer,
        profile: OpenProfile | None = None,
        *,
        plan: Plan,
    ) -> Generator[Done, None, None]:
        labour, todo = Labour.of(plan, open_predictor, sink, profile), tasks(parts, plan)
        if not todo:
            return
        crew, _ = self._hire(self._sent(labour), len(todo))
        for found in drive(crew, todo, plan, None if profile is None else type(profile())):
            assert isinstance(found, Done)
            yield found

    def reduce(
        self,
        parts: Sequence[Part],
        open_profile: OpenProfile,
        open_predictor: OpenPredictor | None = None,
        *,
        plan: Plan,
        watch: Callable[[int], None] | None = None,
    ) -> Profile:
        """What comes before its turn is kept here, and of no more tasks than twice those that are worked on at once."""
        labour, todo = Labour.of(plan, open_predictor, None, open_profile), tasks(parts, plan)
        total = open_profile()
        if not todo:
            return total
        merging = InOrder.of(total, parts, plan)
        crew, count = self._hire(self._sent(labour), len(todo))
        for found in drive(crew, todo, plan, type(total), ahead=2 * count):
            assert isinstance(found, Measured)
            assert found.profile is not None
            merging.add(found.part, found.index, found.profile, last=found.last)
            if watch is not None:
                watch(found.length)
        return merging.end()

    def _sent(self, labour: Labour) -> bytes:
        try:
            return bytes(cloudpickle.dumps(labour))
        except Exception as error:
            raise NotApplicable(
                f"this work cannot be sent to executors of {self.name}: {error}",
                hint="keep the hub in a folder or a database, and not in memory; or leave the runner out",
            ) from error
