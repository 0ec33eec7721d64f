"""A request that fails is asked again in smaller ones, down to the rows that fail alone; all other rows are predicted.

A failed request of n rows is cut into 16, so one bad row among 65,536 costs four rounds, in which little more than all rows
are predicted again, and where the model's process dies, four restarts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from muster.errors import ModelDied, ModelFailed, ModelTimeout
from muster.predictors.local.pace import Pace

__all__ = ["Piece", "Sieve"]

T = TypeVar("T")

_CUTS = 16
_HOPELESS = 1_000
"""After so many rows that failed one by one, with none predicted, some others decide whether it is worth going on."""
_OTHERS = 16
_RESTARTS = 64


@dataclass(frozen=True, slots=True)
class Piece(Generic[T]):
    """Consecutive rows: with their answer, or, for a row that fails alone, why there is none."""

    start: int
    stop: int
    answer: T | None
    error: str = ""


class Sieve(Generic[T]):
    """The pieces of one batch, in order.

    `ask` tries the rows from one place up to another; it returns a ModelFailed if they could not be predicted together, and
    raises what ends the whole call. Iterating raises ModelFailed if no row can be predicted.
    """

    def __init__(self, rows: int, ask: Callable[[int, int], T | ModelFailed], pace: Pace) -> None:
        self._rows, self._ask, self._pace = rows, ask, pace
        self._worked = False
        self._seen: dict[int, ModelFailed] = {}
        """Rows that failed alone before it was their turn."""
        self._refused = 0
        self._restarts = 0

    def __iter__(self) -> Iterator[Piece[T]]:
        start = 0
        while start < self._rows:
            stop = min(self._rows, start + self._pace.rows)
            yield from self._pieces(start, stop, self._try(start, stop, again=True))
            start = stop

    def _try(self, start: int, stop: int, *, again: bool) -> T | ModelFailed:
        """`again`: where the process died of it, see whether that was the rows' fault. One that hung is not waited for twice."""
        known = self._seen.pop(start, None) if stop - start == 1 else None
        answer = known or self._ask(start, stop)
        if not isinstance(answer, ModelFailed):
            self._worked = True
        elif isinstance(answer, (ModelDied, ModelTimeout)):
            self._restarts += known is None
            if self._restarts > _RESTARTS:
                often = f"the model's process had to be replaced {_RESTARTS} times in one batch"
                raise ModelDied(f"{often}; now {answer.message}", hint=answer.hint, details=answer.details)
            if again and isinstance(answer, ModelDied):
                return self._try(start, stop, again=False)
        return answer

    def _pieces(self, start: int, stop: int, answer: T | ModelFailed) -> Iterator[Piece[T]]:
        if not isinstance(answer, ModelFailed):
            yield Piece(start, stop, answer)
        elif stop - start == 1:
            yield self._refuse(start, answer)
        else:
            yield from self._narrow(start, stop, answer)

    def _narrow(self, start: int, stop: int, failure: ModelFailed) -> Iterator[Piece[T]]:
        size = -(-(stop - start) // _CUTS)
        sound, first = True, start
        while first < stop:
            last = min(stop, first + min(size, self._pace.rows))
            if sound and last == stop and last - first > 1:
                answer: T | ModelFailed = failure  # all others are sound, so these rows need not fail again
            else:
                answer = self._try(first, last, again=last - first == 1)
            sound = sound and not isinstance(answer, ModelFailed)
            yield from self._pieces(first, last, answer)
            first = last

    def _refuse(self, row: int, failure: ModelFailed) -> Piece[T]:
        """A row that fails alone."""
        self._refused += 1
        lethal = isinstance(failure, (ModelDied, ModelTimeout))
        if not self._worked and self._rows > 1 and self._refused >= (1 if lethal else _HOPELESS):
            self._look_around(row, failure, 2 if lethal else _OTHERS)
        error = f"poison: {failure.message}" if lethal else str(failure.details.get("error", failure.message))
        return Piece(row, row + 1, None, error)

    def _look_around(self, row: int, failure: ModelFailed, most: int) -> None:
        """Raise the failure unless one of some rows further on can be predicted."""
        rest = self._rows - row - 1
        places = sorted({self._rows - 1 - rest * n // most for n in range(min(rest, most))})
        for place in places:
            answer = self._try(place, place + 1, again=False)
            if not isinstance(answer, ModelFailed):
                return
            self._seen[place] = answer
        tried = f"{self._refused + len(places):,} rows tried one by one"
        raise type(failure)(
            f"{failure.message} (for all {tried})", hint=failure.hint, details=failure.details
        ) from None
