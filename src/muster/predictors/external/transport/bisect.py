"""The rows of one batch, cut into requests; and a request that is refused, cut into halves until the bad rows stand alone.

A bad row among n costs at most 2·log2(n) requests. What an endpoint is paid for rows that it refuses is bounded:

- While nothing at all was answered, one refused request is looked into, and nothing else is sent. When four rows have been
  refused alone, up to 16 others, spread evenly over the batch, are tried alone: if they are refused too, the call fails.
- When more rows have been refused alone than were answered, 64 at least, 16 others decide again. If most of them are refused,
  no request is halved any more: those that are refused give all their rows the message, and those that are answered count as ever.
  Else it is judged again at twice as many.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from muster.errors import ModelFailed
from muster.predictors.external.transport.retry import Tries

__all__ = ["Piece", "Sieve"]

T = TypeVar("T")

_ALONE, _MANY, _OTHERS = 4, 64, 16


@dataclass(order=True, slots=True)
class Piece:
    """Consecutive rows that are asked for together."""

    start: int
    stop: int
    tries: Tries = field(default_factory=Tries, compare=False)

    @property
    def rows(self) -> int:
        return self.stop - self.start


class Sieve(Generic[T]):
    """What is left of a batch, and what is known of it. `cut` tells where a request ends that begins at a row, and ends by another.

    Not safe from several threads.
    """

    def __init__(self, rows: int, cut: Callable[[int, int], int]) -> None:
        self._cut = cut
        self._rest = [(0, rows)] if rows else []
        """Never asked, in order."""
        self._ready: list[Piece] = []
        self._later: list[tuple[float, Piece]] = []
        self._out = 0
        self._results: list[tuple[int, int, T | str]] = []
        self._worked = self._alone = 0
        """Rows that were answered, and that were refused alone."""
        self._refused = ""
        """The first message of a refusal."""
        self._look_at = _MANY
        self._looks: set[int] = set()
        self._looked = self._looked_bad = 0
        self._halving = True

    @property
    def done(self) -> bool:
        return not (self._rest or self._ready or self._later or self._out)

    def results(self) -> list[T | str]:
        """In order; a string is the error of one row."""
        assert self.done
        return [result for _, _, result in sorted(self._results, key=lambda r: r[0])]

    def next(self, now: float) -> Piece | None:
        """What may be sent now."""
        while self._later and self._later[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._later)[1])
        doubt = bool(self._refused) and not self._worked and not self._looks
        if doubt and self._out:
            return None
        piece = self._waiting()
        if piece is None and self._rest and not self._looks and not (doubt and self._later):
            piece = self._fresh()
        self._out += piece is not None
        return piece

    def due(self, now: float) -> float | None:
        """Seconds until a request may be tried again; None where none waits."""
        return max(0.0, self._later[0][0] - now) if self._later else None

    def answered(self, piece: Piece, answer: T) -> None:
        self._out -= 1
        self._worked += piece.rows
        self._results.append((piece.start, piece.stop, answer))
        self._looked_at(piece, bad=False)

    def again(self, piece: Piece, at: float) -> None:
        self._out -= 1
        heapq.heappush(self._later, (at, piece))

    def halve(self, piece: Piece) -> None:
        """Ask for it in two requests."""
        self._out -= 1
        middle = piece.start + piece.rows // 2
        for start, stop in ((piece.start, middle), (middle, piece.stop)):
            heapq.heappush(self._ready, Piece(start, stop, piece.tries.half()))

    def refused(self, piece: Piece, message: str) -> None:
        """The endpoint cannot take all of these rows. ModelFailed where it seems to take none."""
        self._refused = self._refused or message
        if piece.rows > 1 and self._halving:
            return self.halve(piece)
        self._out -= 1
        if piece.rows > 1:
            told = f"{message} (in a request of {piece.rows:,} rows; of those asked alone, most were refused)"
            self._results += [(row, row + 1, told) for row in range(piece.start, piece.stop)]
            return None
        self._alone += 1
        self._results.append((piece.start, piece.stop, message))
        self._looked_at(piece, bad=True)
        if not self._looks and self._halving and self._doubtful:
            self._look_around()
        return None

    @property
    def _doubtful(self) -> bool:
        return self._alone >= (self._look_at if self._worked else _ALONE) and self._alone > self._worked

    def _waiting(self) -> Piece | None:
        if not self._looks:
            return heapq.heappop(self._ready) if self._ready else None
        place = next((n for n, p in enumerate(self._ready) if p.rows == 1 and p.start in self._looks), None)
        if place is None:
            return None
        piece = self._ready.pop(place)
        heapq.heapify(self._ready)
        return piece

    def _fresh(self) -> Piece:
        start, stop = self._rest[0]
        end = self._cut(start, stop)
        assert start < end <= stop
        self._rest[:1] = [(end, stop)] if end < stop else []
        return Piece(start, end)

    def _look_around(self) -> None:
        """Have some rows tried alone that are spread over all that nothing is known of."""
        rows = sum(stop - start for start, stop in self._undecided())
        wanted = {rows * n // min(rows, _OTHERS) for n in range(min(rows, _OTHERS))}
        places, before = set(), 0
        for start, stop in self._undecided():
            places |= {start + n - before for n in wanted if before <= n < before + stop - start}
            before += stop - start
        if places:
            self._looks, self._looked, self._looked_bad = places, len(places), 0
            self._set_apart(places)

    def _undecided(self) -> Iterator[tuple[int, int]]:
        yield from ((piece.start, piece.stop) for piece in self._ready)
        yield from self._rest

    def _set_apart(self, places: set[int]) -> None:
        ready, rest = [Piece(place, place + 1) for place in places], []
        for piece in self._ready:
            ready += [Piece(start, stop, piece.tries) for start, stop in _without(piece.start, piece.stop, places)]
        for start, stop in self._rest:
            rest += _without(start, stop, places)
        heapq.heapify(ready)
        self._ready, self._rest = ready, rest

    def _looked_at(self, piece: Piece, *, bad: bool) -> None:
        if piece.start not in self._looks or piece.rows > 1:
            return
        self._looks.discard(piece.start)
        self._looked_bad += bad
        if self._looks:
            return
        if self._worked:
            self._halving = self._looked_bad * 2 <= self._looked
            self._look_at = 2 * self._alone
        elif self._ready or self._later or self._rest:
            raise ModelFailed(
                f"{self._refused} (for all of {self._alone:,} rows that were tried alone)",
                hint="see that the columns, their order and the request format are those that the endpoint takes",
            )


def _without(start: int, stop: int, places: set[int]) -> list[tuple[int, int]]:
    """The stretches between places."""
    found = []
    for place in sorted(p for p in places if start <= p < stop):
        if start < place:
            found.append((start, place))
        start = place + 1
    return [*found, (start, stop)] if start < stop else found
