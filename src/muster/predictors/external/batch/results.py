"""How a round stands after a job: who was answered, who was not and why, and whether that goes any further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from muster.errors import shortened
from muster.predictors.external.batch.collecting import Collector, Outcome, Round
from muster.predictors.external.batch.ends import BatchOf
from muster.predictors.external.batch.service import Seen, Service
from muster.predictors.external.batch.staged import Piece
from muster.predictors.external.batch.wanted import Ended, Place, Range, Wanted, decided, places, stretches

__all__ = ["Results"]

_TOGETHER = 4
_LONG = 2_000
_PROOFS, _ENOUGH = 100, 0.9
"""Rows that were answered, which later rounds ask for again to see that the model works, and the share of them that shows it."""


class Results:
    """Of the pieces of one round. Each job of it may have answered some of them."""

    def __init__(
        self,
        service: Service,
        batch: BatchOf,
        number: int,
        pieces: Sequence[Piece],
        wanted: Wanted | None,
        *,
        alone: bool,
    ) -> None:
        self._service, self._batch, self._number = service, batch, number
        self._pieces, self._wanted, self._alone = pieces, wanted, alone

    def of(self, name: str, seen: Seen, last: Round | None, *, jobs: int) -> tuple[Ended, bool]:
        """How the round ends with this job, the latest of so many, after the `last` one; and whether that goes any further."""
        keys = self._service.answers(self._batch.staged, self._number)
        why = f": {seen.message}" if seen.message else ""
        silence = f"the batch job {name} gave no answer to it{why}"
        # Where a job tells of each row, it says nothing of those that it has not looked at.
        blamed = not self._service.by_row and seen.state == "failed" and seen.rows_to_blame
        whole = {piece.name: None for piece in self._pieces if piece not in keys}
        told: tuple[dict[str, Sequence[Range] | None], ...] = (
            {},
            dict(whole if blamed else {}),
            dict({} if blamed else whole),
        )
        known = self._read([p for p in self._pieces if p in keys], keys)
        count = 0
        answered: list[tuple[Piece, np.ndarray]] = []
        for piece, one in known:
            for found, rows in zip(told, (one.refused, one.tried, one.silent), strict=True):
                if rows.size:
                    found[piece.name] = stretches(rows)
            lacking = np.concatenate([one.refused, one.tried, one.silent])
            count += piece.rows - lacking.size
            answered.append((piece, np.delete(places(self._wanted, piece), np.concatenate([lacking, one.unread]))))
        again, asked = self._proofs(answered), self._asked
        works = asked > 0 and again >= _ENOUGH * asked
        ended = Ended(
            refused=told[0],
            tried=told[1],
            silent=told[2],
            said=shortened(silence if blamed and whole else next((o.said for _, o in known if o.said), silence), _LONG),
            alone=self._alone,
            proofs=last.ended.proofs if last is not None and last.ended.proofs else _spread(answered),
            proven=works and jobs == 1,  # two that have answered a part each prove nothing
        )
        further = self._further(ended, count - again, works=works) and (again > 0 or not asked)
        if last is not None:
            ended = decided(ended, self._wanted, last.ended, last.wanted, by_row=self._service.by_row)
        return ended, further

    @property
    def _asked(self) -> int:
        """How many rows of this round were answered before."""
        return sum(asked.proofs.size for asked in (self._wanted or {}).values())

    def _proofs(self, answered: Sequence[tuple[Piece, np.ndarray]]) -> int:
        """How many of those were answered again."""
        wanted = self._wanted or {}
        return sum(int(np.isin(wanted[p.chunk].proofs, rows).sum()) for p, rows in answered if p.chunk in wanted)

    def _further(self, ended: Ended, answered: int, *, works: bool) -> bool:
        """Whether rows were decided, or the next round can decide some; or whether it is the model that takes no row at all."""
        if answered or ended.refused:
            return True
        if not ended.proofs:
            return bool(ended.tried)
        if self._service.by_row:
            return bool(ended.tried) and (works or not self._alone)
        large = any(piece.rows > 1 for piece in self._pieces if piece.name in ended.tried)
        return large or (bool(ended.tried) and works)

    def _read(self, pieces: Sequence[Piece], keys: Mapping[Piece, str]) -> Sequence[tuple[Piece, Outcome]]:
        with closing(Collector(self._batch, ())) as collector, ThreadPoolExecutor(_TOGETHER) as pool:
            return list(zip(pieces, pool.map(lambda p: collector.outcome(p, keys[p]), pieces), strict=True))


def _spread(answered: Sequence[tuple[Piece, np.ndarray]]) -> tuple[Place, ...]:
    """Some of the rows that were answered, from all over the data."""
    some = [(piece, rows) for piece, rows in answered if rows.size]
    if not some:
        return ()
    each = -(-_PROOFS // len(some))
    found: list[Place] = []
    for piece, rows in some:
        at = np.unique(np.linspace(0, rows.size - 1, each).astype(np.int64))
        found += [(*piece.chunk, int(row)) for row in rows[at]]
    chosen = np.unique(np.linspace(0, len(found) - 1, _PROOFS).astype(np.int64))
    return tuple(found[n] for n in chosen)
