"""Which rows a round asks for, and what is left of them for the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from muster.errors import ModelFailed, plural
from muster.predictors.external.batch.staged import Piece
from muster.signature import Json

__all__ = [
    "MOST_REQUESTS",
    "Asked",
    "Chunk",
    "Ended",
    "Range",
    "Told",
    "Wanted",
    "following",
    "places",
    "places_told",
    "stretches",
]

Chunk = tuple[int, int]
"""A part, and an index in it."""
Range = tuple[int, int]
"""The first row, and how many."""
Told = Mapping[str, str | Sequence[Range]]
"""By the name of a piece: what was said of it as a whole, or which of its rows it is about."""

MOST_REQUESTS = 200_000
"""Objects of one job: each is listed, read and written by itself."""
_MANY = 20_000
"""Requests of a later round: the fewer are to be looked through, the finer they are cut, for each round costs the start of machines."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Rows of a chunk: their places among those that can be sent, int32 in order, and how many of them go into each request."""

    rows: np.ndarray
    sizes: tuple[int, ...]


Wanted = Mapping[Chunk, Asked]
"""What a round asks for; pieces count their rows among these."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a round ended: what has no answer, and is `refused` by the model, or was not answered for a reason that may pass.

    `tried` are those of the latter that were asked for at all. `alone`: each row was asked for by itself.
    """

    refused: Told = field(default_factory=dict)
    again: Told = field(default_factory=dict)
    tried: Told = field(default_factory=dict)
    alone: bool = False

    def to_json(self) -> dict[str, Json]:
        told = {"refused": self.refused, "again": self.again, "tried": self.tried}
        return {**{name: _json(each) for name, each in told.items()}, "alone": self.alone}

    @classmethod
    def from_json(cls, document: Mapping[str, Json]) -> Ended:
        refused, again, tried = (_told(document[name]) for name in ("refused", "again", "tried"))
        return cls(refused, again, tried, document["alone"] is True)

    @property
    def rows(self) -> int:
        """How many have no answer."""
        return sum(_count(name, told) for each in (self.refused, self.again) for name, told in each.items())


def places(wanted: Wanted | None, piece: Piece) -> np.ndarray:
    """The rows of a piece, by their places in the chunk; without `wanted` a round asks for all rows."""
    if wanted is None:
        return np.arange(piece.first, piece.first + piece.rows, dtype=np.int32)
    return wanted[piece.chunk].rows[piece.first : piece.first + piece.rows]


def following(wanted: Wanted | None, ended: Ended, *, by_row: bool) -> Wanted:
    """What is still to be asked for after a round; rows that were refused alone are decided.

    `by_row`: the rows of a chunk go into one request, however many of them the model may refuse. ModelFailed if there is no end.
    """
    return _rows_left(wanted, ended) if by_row else _requests_left(wanted, ended)


def stretches(rows: np.ndarray) -> list[Range]:
    """Numbers in order, as ranges."""
    if not rows.size:
        return []
    cuts = np.flatnonzero(np.diff(rows) != 1) + 1
    starts = np.concatenate([[0], cuts])
    sizes = np.diff(np.concatenate([starts, [rows.size]]))
    return [(int(rows[start]), int(size)) for start, size in zip(starts, sizes, strict=True)]


def _rows_left(wanted: Wanted | None, ended: Ended) -> Wanted:
    found = places_told(wanted, [ended.again] if ended.alone else [ended.again, ended.refused])
    if ended.alone and ended.tried and (proof := _proof(wanted, ended)) is not None:
        chunk, row = proof
        found[chunk] = np.union1d(found.get(chunk, np.empty(0, np.int32)), [row]).astype(np.int32)
    return {chunk: Asked(rows, (rows.size,)) for chunk, rows in found.items()}


def places_told(wanted: Wanted | None, each: Iterable[Told]) -> dict[Chunk, np.ndarray]:
    """The rows that something was told of, by chunk and in order."""
    found: dict[Chunk, list[np.ndarray]] = {}
    for name, told in ((name, told) for one in each for name, told in one.items()):
        piece = _piece(name)
        found.setdefault(piece.chunk, []).append(_within(places(wanted, piece), told))
    return {chunk: np.unique(np.concatenate(rows)) for chunk, rows in found.items()}


def _proof(wanted: Wanted | None, ended: Ended) -> tuple[Chunk, int] | None:
    """A row that was answered, to be asked for beside those that were not: if it is again, the model works, and they are to blame."""
    for name in ended.tried:
        piece = _piece(name)
        rows = places(wanted, piece)
        without = [_within(rows, one[name]) for one in (ended.refused, ended.again) if name in one]
        answered = np.setdiff1d(rows, np.concatenate(without))
        if answered.size:
            return piece.chunk, int(answered[0])
    return None


def _within(rows: np.ndarray, told: str | Sequence[Range]) -> np.ndarray:
    if isinstance(told, str):
        return rows
    return np.concatenate([rows[:0], *(rows[first : first + many] for first, many in told)])


def _requests_left(wanted: Wanted | None, ended: Ended) -> Wanted:
    refused = {piece for piece in map(_piece, ended.refused) if piece.rows > 1}
    again = set(map(_piece, ended.again))
    cut = max(2, (_MANY - len(again)) // max(1, len(refused)))
    found: dict[Chunk, tuple[list[np.ndarray], list[int]]] = {}
    for piece in sorted(refused | again):
        rows, sizes = found.setdefault(piece.chunk, ([], []))
        rows.append(places(wanted, piece))
        sizes += _sizes(piece.rows, cut) if piece in refused else [piece.rows]
    count = sum(len(sizes) for _, sizes in found.values())
    if count > MOST_REQUESTS:
        raise ModelFailed(
            f"the model refused {plural(len(refused), 'request')}: to find the rows in them takes more than {MOST_REQUESTS:,} others",
            hint="see that the columns and their values are those that the model takes, or score by calls, without `--via batch`",
        )
    return {chunk: Asked(np.concatenate(rows), tuple(sizes)) for chunk, (rows, sizes) in found.items()}


def _sizes(rows: int, cut: int) -> Iterable[int]:
    """So many parts of rows at most, as even as can be."""
    each, more = divmod(rows, min(rows, cut))
    return [each + 1] * more + [each] * (min(rows, cut) - more)


def _piece(name: str) -> Piece:
    piece = Piece.named(name)
    assert piece is not None, f"{name!r} was noted as a piece"
    return piece


def _count(name: str, told: str | Sequence[Range]) -> int:
    return _piece(name).rows if isinstance(told, str) else sum(many for _, many in told)


def _json(told: Told) -> dict[str, Json]:
    return {name: one if isinstance(one, str) else [list(each) for each in one] for name, one in told.items()}


def _told(document: Json) -> Told:
    assert isinstance(document, dict)
    found: dict[str, str | Sequence[Range]] = {}
    for name, told in document.items():
        assert isinstance(told, (str, list))
        found[name] = told if isinstance(told, str) else [_range(one) for one in told]
    return found


def _range(document: Json) -> Range:
    match document:
        case [int(first), int(many)]:
            return first, many
    raise AssertionError(f"{document!r} was noted as a range")
