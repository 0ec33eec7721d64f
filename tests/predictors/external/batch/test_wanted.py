"""Rounds of batch jobs, as arithmetic: whatever jobs leave out, every row is answered once or refused alone, and the rounds end."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from muster.predictors.external.batch import wanted as rounds
from muster.predictors.external.batch.staged import Piece
from muster.predictors.external.batch.wanted import Ended, Range, Wanted, following, places, stretches

BATCH = 8
"""Instances that a job which tells of each row asks for at once, unless each goes alone."""


class Job:
    """Answers pieces as a provider does, and leaves out what it pleases."""

    def __init__(self, bad: set[tuple[int, int, int]], draw: random.Random, faults: float, *, by_row: bool) -> None:
        self.bad, self.draw, self.faults, self.by_row = bad, draw, faults, by_row
        self.answered: set[tuple[int, int, int]] = set()
        self.rejected: set[tuple[int, int, int]] = set()

    def round(self, wanted: Wanted | None, pieces: list[Piece], *, alone: bool) -> Ended:
        refused: dict[str, str | list[Range]] = {}
        again: dict[str, str | list[Range]] = {}
        for piece in pieces:
            rows = [(*piece.chunk, int(row)) for row in places(wanted, piece)]
            if self.draw.random() < self.faults:
                again[piece.name] = "the job was stopped"
            elif not self.by_row and self.bad & set(rows):
                refused[piece.name] = "no"
                if len(rows) == 1:
                    self.rejected |= set(rows)
            elif not self.by_row:
                self.answered |= set(rows)
            else:
                self.each(piece, rows, refused, again, alone=alone)
        return Ended(refused, again, {}, alone)

    def each(
        self,
        piece: Piece,
        rows: list[tuple[int, int, int]],
        refused: dict[str, str | list[Range]],
        again: dict[str, str | list[Range]],
        *,
        alone: bool,
    ) -> None:
        size = 1 if alone else BATCH
        lost, late = [], []
        for start in range(0, len(rows), size):
            some = list(range(start, min(start + size, len(rows))))
            if self.draw.random() < self.faults:
                late += some
            elif self.bad & {rows[n] for n in some}:
                lost += some
                if alone:
                    self.rejected |= {rows[n] for n in some}
            else:
                self.answered |= {rows[n] for n in some}
        refused |= {piece.name: stretches(np.array(lost))} if lost else {}
        again |= {piece.name: stretches(np.array(late))} if late else {}


def pieces_of(wanted: Wanted, of: int) -> list[Piece]:
    found = []
    for (part, index), asked in wanted.items():
        first = 0
        for size in asked.sizes:
            found.append(Piece(part, index, first, size, of, "0" * 16))
            first += size
        assert first == len(asked.rows) == len(set(asked.rows.tolist()))
    return found


@given(
    seed=st.integers(0, 1 << 32),
    chunks=st.integers(1, 3),
    of=st.integers(1, 70),
    each=st.integers(1, 70),
    share=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    faults=st.sampled_from([0.0, 0.1, 0.5]),
    by_row=st.booleans(),
)
def test_every_row_is_answered_or_refused_alone(
    *, seed: int, chunks: int, of: int, each: int, share: float, faults: float, by_row: bool
) -> None:
    draw = random.Random(seed)
    every = {(0, chunk, row) for chunk in range(chunks) for row in range(of)}
    bad = {one for one in every if draw.random() < share}
    job = Job(bad, draw, faults, by_row=by_row)
    size = of if by_row else min(of, each)
    pieces = [
        Piece(0, c, first, min(size, of - first), of, "0" * 16) for c in range(chunks) for first in range(0, of, size)
    ]
    wanted: Wanted | None = None
    alone, count = False, 0
    while pieces:
        ended = job.round(wanted, pieces, alone=alone)
        asked = sum(p.rows for p in pieces)
        wanted = following(wanted, ended, by_row=by_row)
        assert sum(len(a.rows) for a in wanted.values()) <= ended.rows <= asked
        pieces, alone = pieces_of(wanted, of), by_row and (alone or bool(ended.refused))
        count += 1
        assert count < 200
    assert (job.answered, job.rejected) == (every - bad, bad)


@given(st.integers(1, 30_000), st.integers(1, 50))
def test_what_was_refused_is_cut_finer_without_a_gap(rows: int, pieces: int) -> None:
    told = [Piece(0, n, 0, rows, rows, "0" * 16) for n in range(pieces)]
    wanted = following(None, Ended({p.name: "no" for p in told}), by_row=False)
    if rows == 1:
        assert wanted == {}
        return
    for asked in wanted.values():
        assert asked.rows.tolist() == list(range(rows))
        assert sum(asked.sizes) == rows
        assert max(asked.sizes) < rows
        assert max(asked.sizes) - min(asked.sizes) <= 1
    requests = sum(len(asked.sizes) for asked in wanted.values())
    assert requests <= rounds._MANY


def test_one_that_was_answered_is_asked_for_beside_those_that_failed_alone() -> None:
    piece = Piece(0, 0, 0, 4, 4, "0" * 16)
    ended = Ended({piece.name: [(0, 1)]}, {piece.name: [(2, 1)]}, {piece.name: [(2, 1)]}, alone=True)
    assert following(None, ended, by_row=True)[0, 0].rows.tolist() == [1, 2]


def test_an_end_is_read_as_it_was_written() -> None:
    piece = Piece(0, 0, 0, 4, 4, "0" * 16)
    ended = Ended({piece.name: "no"}, {piece.name: [(2, 1)]}, {piece.name: [(2, 1)]}, alone=True)
    assert Ended.from_json(ended.to_json()) == ended
