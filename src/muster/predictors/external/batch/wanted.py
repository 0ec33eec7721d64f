"""Which rows a round asks for, what became of them, and what is left for the next: arithmetic alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from muster.errors import ModelFailed, plural
from muster.predictors.external.batch.staged import Piece
from muster.signature import Json

__all__ = [
    "MOST_REQUESTS", "Asked", "Chunk", "Ended", "Place", "Range", "Told", "Wanted", "decided", "following", "places", "stretches",
    "turns",
]  # fmt: skip

Chunk = tuple[int, int]
"""A part, and an index in it."""
Place = tuple[int, int, int]
"""A row of a chunk: its place among those that can be sent."""
Range = tuple[int, int]
"""The first row, and how many."""
Told = Mapping[str, Sequence[Range] | None]
"""By the name of a piece: the rows of it that something is told of; None for all of them, of which nothing was written."""

MOST_REQUESTS = 200_000
"""Objects of one job: each is listed, read and written by itself."""
_MANY = 20_000
"""Requests of a later round: the fewer are to be looked through, the finer they are cut, for each round costs the start of machines."""

_LAST = 0xFFFFFFFF
_NO_ROWS = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Rows of a chunk, int32, and how many of them go into each request.

    `heads` and `tails` were answered before, and are asked for first and last.
    """

    rows: np.ndarray
    sizes: tuple[int, ...]
    heads: np.ndarray = field(default_factory=lambda: _NO_ROWS)
    tails: np.ndarray = field(default_factory=lambda: _NO_ROWS)

    @property
    def proofs(self) -> np.ndarray:
        return np.union1d(self.heads, self.tails)


Wanted = Mapping[Chunk, Asked]
"""What a round asks for; pieces count their rows among these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a round ended: what has no answer, for three causes.

    `refused` was refused by the model: rows that were asked for alone are decided by that. Asking for what is in `tried` has failed,
    which may be the rows' fault or pass; `silent` is what the job gives no reason for to look at the rows. `said` is about all that
    is told of a whole piece. `alone`: each row was asked for by itself. `proofs` are rows that are known to be answered, and
    `proven` tells that nearly all that were asked for again were.
    """

    refused: Told = field(default_factory=dict)
    tried: Told = field(default_factory=dict)
    silent: Told = field(default_factory=dict)
    said: str = ""
    alone: bool = False
    proofs: tuple[Place, ...] = ()
    proven: bool = False

    def to_json(self) -> dict[str, Json]:
        told = {"refused": self.refused, "tried": self.tried, "silent": self.silent}
        return {
            **{name: _json(each) for name, each in told.items()},
            "said": self.said,
            "alone": self.alone,
            "proofs": [list(one) for one in self.proofs],
            "proven": self.proven,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Json]) -> Ended:
        refused, tried, silent = (_told(document[name]) for name in ("refused", "tried", "silent"))
        proofs = document["proofs"]
        assert isinstance(proofs, list)
        return cls(
            refused=refused,
            tried=tried,
            silent=silent,
            said=str(document["said"]),
            alone=document["alone"] is True,
            proofs=tuple(_place(one) for one in proofs),
            proven=document["proven"] is True,
        )

    @property
    def unanswered(self) -> int:
        """How many rows have no answer."""
        each = (self.refused, self.tried, self.silent)
        return sum(_count(name, told) for one in each for name, told in one.items())


def places(wanted: Wanted | None, piece: Piece) -> np.ndarray:
    """The rows of a piece, by their places in the chunk; without `wanted` a round asks for all rows."""
    if wanted is None:
        return np.arange(piece.first, piece.first + piece.rows, dtype=np.int32)
    return wanted[piece.chunk].rows[piece.first : piece.first + piece.rows]


def turns(asked: Asked, number: int, chunk: Chunk) -> np.ndarray:
    """When each row of a chunk is asked for in a round, uint32: the smaller the earlier.

    By chance, so that what ends a model on its way does not always stand before the same rows; those that were answered before
    come first and last, and change sides from round to round.
    """
    found = np.random.default_rng([number, *chunk]).integers(1, _LAST, asked.rows.size, np.uint32)
    first, last = (asked.heads, asked.tails)[:: 1 if number % 2 else -1]
    found[np.isin(asked.rows, first)], found[np.isin(asked.rows, last)] = 0, _LAST
    return found


def stretches(rows: np.ndarray) -> list[Range]:
    """Numbers in order, as ranges."""
    if not rows.size:
        return []
    cuts = np.flatnonzero(np.diff(rows) != 1) + 1
    starts = np.concatenate([[0], cuts])
    sizes = np.diff(np.concatenate([starts, [rows.size]]))
    return [(int(rows[start]), int(size)) for start, size in zip(starts, sizes, strict=True)]


def decided(
    ended: Ended, wanted: Wanted | None, before: Ended | None, wanted_before: Wanted | None, *, by_row: bool
) -> Ended:
    """With the rows refused that failed alone in two jobs in a row, though the model works.

    It does if rows that were known to be answered were answered again, the first and the last to be asked for. And none may have been
    answered that had failed: had they failed for a reason that passes, some would have gone through. Everything else stays open.
    """
    if before is None or not ended.proven or not before.proven:
        return ended
    known = set(ended.proofs)
    now = _alone(wanted, ended, by_row=by_row) - known
    earlier = _alone(wanted_before, before, by_row=by_row) - known
    twice = now & earlier
    if not twice or earlier - now:
        return ended
    refused, tried = dict(ended.refused), dict(ended.tried)
    for name, told in ended.tried.items():
        piece = _piece(name)
        at = places(wanted, piece)
        rows = np.arange(piece.rows)[_within(at, told)] if told is not None else np.arange(piece.rows)
        over = np.array([(*piece.chunk, int(at[row])) in twice for row in rows], np.bool_)
        if not over.any():
            continue
        if told is None:  # a request of one row
            refused[name] = tried.pop(name)
            continue
        more = _rows_of(refused.get(name, ()))
        refused[name] = stretches(np.union1d(more, rows[over]))
        tried[name] = stretches(rows[~over])
        if not tried[name]:
            del tried[name]
    return replace(ended, refused=refused, tried=tried)


def following(wanted: Wanted | None, ended: Ended, *, by_row: bool, alone: bool) -> Wanted:
    """What is still to be asked for after a round; nothing where every row is decided.

    `by_row`: jobs tell of each row, so that those of a chunk go into one request, however many of them fail; `alone`: each will be
    asked for by itself. ModelFailed if there is no end.
    """
    return _rows_left(wanted, ended, alone=alone) if by_row else _requests_left(wanted, ended)


def _rows_left(wanted: Wanted | None, ended: Ended, *, alone: bool) -> Wanted:
    """All of a chunk's in one request, and those that were answered before beside it."""
    proofs = _Proofs(ended)
    found: dict[Chunk, np.ndarray] = {}
    for each in (ended.tried, ended.silent, {} if ended.alone else ended.refused):
        for name, told in each.items():
            piece = _piece(name)
            at = places(wanted, piece)
            rows = np.setdiff1d(at if told is None else at[_within(at, told)], proofs.of(piece.chunk))
            if rows.size:
                found[piece.chunk] = np.union1d(found.get(piece.chunk, _NO_ROWS), rows)
    if found and alone:
        every = proofs.beside(found)
        return {c: proofs.with_(c, rows, [rows.size] if rows.size else (), together=True) for c, rows in every.items()}
    return {chunk: Asked(rows.astype(np.int32), (rows.size,)) for chunk, rows in sorted(found.items())}


def _requests_left(wanted: Wanted | None, ended: Ended) -> Wanted:
    """Those that failed smaller."""
    proofs = _Proofs(ended)

    def still(told: Told) -> set[Piece]:
        """But for those of rows that were answered before."""
        pieces = {_piece(name) for name in told}
        return {p for p in pieces if p.rows > 1 or not np.isin(places(wanted, p), proofs.of(p.chunk)).all()}

    tried, silent = still(ended.tried), still(ended.silent)
    large = sum(piece.rows > 1 for piece in tried)
    cut = max(2, (_MANY - len(silent) - (len(tried) - large)) // max(1, large))
    found: dict[Chunk, np.ndarray] = {}
    sizes: dict[Chunk, list[int]] = {}
    for piece in sorted(tried | silent):
        found[piece.chunk] = np.concatenate([found.get(piece.chunk, _NO_ROWS), places(wanted, piece)])
        sizes.setdefault(piece.chunk, []).extend(_sizes(piece.rows, cut) if piece in tried else [piece.rows])
    count = sum(map(len, sizes.values()))
    if count > MOST_REQUESTS:
        raise ModelFailed(
            f"the model refused {plural(len(tried), 'request')}, and to find the rows in them takes more than {MOST_REQUESTS:,} others:"
            f" {ended.said}",
            hint="see that the columns and their values are those that the model takes, or score by calls, without `--via batch`",
        )
    every = proofs.beside(found) if found else {}
    return {chunk: proofs.with_(chunk, rows, sizes.get(chunk, ()), together=False) for chunk, rows in every.items()}


class _Proofs:
    """Rows that were answered before, by chunk: every other one is asked for first, and the others last."""

    def __init__(self, ended: Ended) -> None:
        self._heads, self._tails = _by_chunk(ended.proofs[::2]), _by_chunk(ended.proofs[1::2])

    def of(self, chunk: Chunk) -> np.ndarray:
        return np.union1d(self._heads.get(chunk, _NO_ROWS), self._tails.get(chunk, _NO_ROWS))

    def beside(self, found: Mapping[Chunk, np.ndarray]) -> dict[Chunk, np.ndarray]:
        """With no rows for the chunks that have nothing else."""
        return {chunk: found.get(chunk, _NO_ROWS) for chunk in sorted({*found, *self._heads, *self._tails})}

    def with_(self, chunk: Chunk, rows: np.ndarray, sizes: Iterable[int], *, together: bool) -> Asked:
        """With those of the chunk, in requests of their own: each by itself, unless they may be asked for `together`."""
        ends = [self._heads.get(chunk, _NO_ROWS), self._tails.get(chunk, _NO_ROWS)]
        more = [size for own in ends if own.size for size in ([own.size] if together else [1] * own.size)]
        return Asked(np.concatenate([rows, *ends]).astype(np.int32), (*sizes, *more), *ends)


def _alone(wanted: Wanted | None, ended: Ended, *, by_row: bool) -> set[Place]:
    """The rows that were asked for by themselves, and failed."""
    if by_row and not ended.alone:
        return set()
    found: set[Place] = set()
    for name, told in ended.tried.items():
        piece = _piece(name)
        if by_row or piece.rows == 1:
            at = places(wanted, piece)
            found |= {(*piece.chunk, int(row)) for row in (at if told is None else at[_within(at, told)])}
    return found


def _by_chunk(each: Iterable[Place]) -> dict[Chunk, np.ndarray]:
    found: dict[Chunk, list[int]] = {}
    for part, index, row in each:
        found.setdefault((part, index), []).append(row)
    return {chunk: np.array(sorted(rows), np.int32) for chunk, rows in found.items()}


def _sizes(rows: int, cut: int) -> Iterable[int]:
    """So many parts of rows at most, as even as can be."""
    each, more = divmod(rows, min(rows, cut))
    return [each + 1] * more + [each] * (min(rows, cut) - more)


def _within(rows: np.ndarray, told: Sequence[Range]) -> np.ndarray:
    """Which of a piece's rows are told of."""
    found = np.zeros(rows.size, np.bool_)
    for first, many in told:
        found[first : first + many] = True
    return found


def _rows_of(told: Sequence[Range] | None) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int64), *(np.arange(first, first + many) for first, many in told or ())])


def _piece(name: str) -> Piece:
    piece = Piece.named(name)
    assert piece is not None, f"{name!r} was noted as a piece"
    return piece


def _count(name: str, told: Sequence[Range] | None) -> int:
    return _piece(name).rows if told is None else sum(many for _, many in told)


def _json(told: Told) -> dict[str, Json]:
    return {name: None if one is None else [list(each) for each in one] for name, one in told.items()}


def _told(document: Json) -> Told:
    assert isinstance(document, dict)
    found: dict[str, Sequence[Range] | None] = {}
    for name, told in document.items():
        assert told is None or isinstance(told, list)
        found[name] = None if told is None else [_range(one) for one in told]
    return found


def _range(document: Json) -> Range:
    match document:
        case [int(first), int(many)]:
            return first, many
    raise AssertionError(f"{document!r} was noted as a range")


def _place(document: Json) -> Place:
    match document:
        case [int(part), int(index), int(row)]:
            return part, index, row
    raise AssertionError(f"{document!r} was noted as a row")
