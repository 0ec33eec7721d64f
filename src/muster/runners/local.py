"""The runner of one machine: threads that read and write around the predictor's own worker processes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Self

from muster.config import Settings
from muster.dataset import Part
from muster.predictor import OpenPredictor
from muster.profile import OpenProfile, Profile
from muster.runner import Done, InOrder, Places, Plan, Writer
from muster.runners.chunks import Measuring, Scoring
from muster.runners.pipeline import Pipeline

__all__ = ["LocalRunner"]


class LocalRunner:
    """Keeps `workers` predictions going."""

    def __init__(self, workers: int) -> None:
        self._workers = max(1, workers)

    @classmethod
    def of(cls, settings: Settings, workers: int) -> Self:
        return cls(workers)

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
        try:
            work = Scoring(predictor, sink, profile, Places.of(parts))
            yield from Pipeline(parts, plan, work, self._workers).results()
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
        merged = InOrder.of(open_profile(), parts, plan)
        try:
            work = Measuring(open_profile, predictor, Places.of(parts))
            for found in Pipeline(parts, plan, work, self._workers).results():
                assert found.profile is not None
                merged.add(found.part, found.index, found.profile, last=found.last)
                if watch is not None:
                    watch(found.length)
        finally:
            if predictor is not None:
                predictor.close()
        return merged.end()
