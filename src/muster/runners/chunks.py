"""What is done with one chunk, in whatever process that is: a Work of the pipeline for each of a runner's verbs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from muster.dataset import Chunk
from muster.predictor import Call, Predictor
from muster.profile import OpenProfile, Profile
from muster.runner import Done, Places, Writer

__all__ = ["Measured", "Measuring", "Scoring"]


@dataclass(frozen=True, slots=True)
class Scoring:
    """Predict a chunk, measure it where that is asked, and write it."""

    predictor: Predictor
    sink: Writer
    profile: OpenProfile | None
    places: Places

    def __call__(self, chunk: Chunk, read: float, call: Call) -> Done:
        began = time.perf_counter()
        answer = self.predictor.predict(chunk.batch, call.within(chunk.part, chunk.index))
        predicted = time.perf_counter()
        measured = self.profile() if self.profile is not None else None
        if measured is not None:
            measured.update(self.places.rows(chunk), answer)
        written, rejected = self.sink.write(chunk, answer)
        told = getattr(self.predictor, "asked", None)
        return Done(
            part=chunk.part,
            index=chunk.index,
            start=chunk.start,
            length=chunk.length,
            last=chunk.last,
            rejected=rejected,
            written=written,
            timings={"read": read, "predict": predicted - began, "write": time.perf_counter() - predicted},
            profile=measured,
            isolation=getattr(self.predictor, "isolation", None),
            asked=told() if told is not None else {},
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """One chunk that was measured: its profile, and the rows that were read."""

    part: int
    index: int
    length: int
    last: bool
    profile: Profile | None


@dataclass(frozen=True, slots=True)
class Measuring:
    """Measure a chunk, predicted first where there is a predictor."""

    open_profile: OpenProfile
    predictor: Predictor | None
    places: Places

    def __call__(self, chunk: Chunk, _read: float, call: Call) -> Measured:
        measured = self.open_profile()
        asked = call.within(chunk.part, chunk.index)
        answer = self.predictor.predict(chunk.batch, asked) if self.predictor is not None else None
        measured.update(self.places.rows(chunk), answer)
        return Measured(chunk.part, chunk.index, chunk.length, chunk.last, measured)
