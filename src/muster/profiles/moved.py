"""The rows on which two answers are furthest apart, with their values: the same ones in whatever order rows are counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from muster.profile import Rows
from muster.profiles.answered import Answered
from muster.profiles.mistakes import values_of
from muster.signature import Json, Scalar

__all__ = ["MostMoved", "Moved"]


@dataclass(frozen=True, slots=True)
class Moved:
    """A row by its number in its file, and the file's number; `move` is the second score less the first, or 1 of other labels.

    `values` are those of the columns that were to be shown.
    """

    move: float
    hash: int
    file: int
    row: int
    actual: Json
    first: Json
    second: Json
    first_score: float | None
    second_score: float | None
    values: dict[str, Json]

    @property
    def order(self) -> tuple[float, int]:
        return -abs(self.move), self.hash


class MostMoved:
    """At most `most`: the furthest, of equal ones those with the least hash. A row that did not move is none."""

    def __init__(self, most: int, classes: tuple[Scalar, ...] = ()) -> None:
        self.most, self.classes = most, classes
        self.furthest: list[Moved] = []

    def add(self, rows: Rows, found: Answered, shown: tuple[str, ...]) -> None:
        moves = found.moves
        far = np.abs(moves)
        at = np.flatnonzero(far > 0) if self.most else np.empty(0, np.int64)
        if len(at) > self.most:
            least = np.partition(far[at], len(at) - self.most)[len(at) - self.most]
            at = at[far[at] >= least]
        at = at[np.lexsort((found.hashes[at], -far[at]))][: self.most]
        if not len(at):
            return
        places = found.places[at]
        values = values_of(rows.batch, places, shown)
        for n, row, its in zip(at.tolist(), rows.numbers()[places].tolist(), values, strict=True):
            scores = None if found.scores is None else [float(score[n]) for score in found.scores]
            self.furthest.append(
                Moved(
                    move=float(moves[n]),
                    hash=int(found.hashes[n]),
                    file=rows.file,
                    row=row,
                    actual=self._named(found.actual[n]),
                    first=self._named(found.first[n]),
                    second=self._named(found.second[n]),
                    first_score=None if scores is None else scores[0],
                    second_score=None if scores is None else scores[1],
                    values=its,
                )
            )
        self._keep([])

    def merge(self, other: MostMoved) -> None:
        self._keep(other.furthest)

    def to_json(self) -> list[Json]:
        """To be stored: floats as hexadecimal."""
        return [_stored(one) for one in self.furthest]

    def restore(self, stored: list[dict[str, Any]]) -> None:
        self._keep([_restored(one) for one in stored])

    def _keep(self, more: list[Moved]) -> None:
        self.furthest = sorted([*self.furthest, *more], key=lambda m: m.order)[: self.most]

    def _named(self, value: float) -> Json:
        return self.classes[int(value)] if self.classes else float(value)


_HEXADECIMAL = ("move", "first_score", "second_score")


def _stored(one: Moved) -> dict[str, Json]:
    floats = {name: None if (v := getattr(one, name)) is None else float(v).hex() for name in _HEXADECIMAL}
    return asdict(one) | floats | {"hash": f"{one.hash:016x}"}


def _restored(stored: dict[str, Any]) -> Moved:
    floats = {name: None if (v := stored[name]) is None else float.fromhex(v) for name in _HEXADECIMAL}
    return Moved(**(stored | floats | {"hash": int(stored["hash"], 16), "values": dict(stored["values"])}))
