"""Rounds of batch jobs, as arithmetic: whatever jobs leave out, every row is answered once or refused alone, and the rounds end."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.predictors.external.batch import wanted as rounds
from muster.predictors.external.batch.staged import Piece
from muster.predictors.external.batch.wanted import (
    Ended,
    Place,
    Range,
    Wanted,
    decided,
    following,
    places,
    stretches,
    turns,
)

BATCH = 8
"""Instances that a job which tells of each row asks for at once, unless each goes alone."""
PROOFS = 3


class Job:
    """Answers pieces as a provider does: rows that are `bad` fail, some end the model for all that come after, and some of it is lost."""

    def __init__(self, bad: set[Place], kills: set[Place], draw: random.Random, faults: float, *, by_row: bool) -> None:
        self.bad, self.kills, self.draw, self.faults, self.by_row = bad, kills, draw, faults, by_row
        self.answered: set[Place] = set()

    def round(
        self, number: int, wanted: Wanted | None, pieces: list[Piece], last: Ended | None, *, alone: bool
    ) -> Ended:
        lost = {piece.name for piece in pieces if self.draw.random() < self.faults}
        failed: dict[str, list[int]] = {}
        ended, fresh = False, set()
        for piece, some, _ in sorted(self.units(number, wanted, pieces, alone=alone), key=lambda u: u[2]):
            rows = {(*piece.chunk, int(places(wanted, piece)[n])) for n in some}
            ended = ended or bool(rows & self.kills)
            if ended or rows & self.bad:
                failed.setdefault(piece.name, []).extend(some)
            elif piece.name not in lost:
                fresh |= rows
        self.answered |= fresh
        tried: dict[str, Sequence[Range] | None] = {
            name: stretches(np.array(sorted(some))) if self.by_row else None
            for name, some in failed.items()
            if name not in lost
        }
        known = (
            last.proofs if last is not None and last.proofs else tuple(sorted(fresh)[:: max(1, len(fresh) // PROOFS)])
        )
        asked = {(*chunk, int(row)) for chunk, one in (wanted or {}).items() for row in one.proofs}
        return Ended(
            tried=tried,
            silent=dict.fromkeys(lost),
            alone=alone,
            proofs=known[:PROOFS],
            proven=bool(asked) and asked <= fresh,
        )

    def units(
        self, number: int, wanted: Wanted | None, pieces: list[Piece], *, alone: bool
    ) -> Iterator[tuple[Piece, list[int], int]]:
        """What is asked for at once, and when."""
        for piece in pieces:
            size = piece.rows if not self.by_row else 1 if alone else BATCH
            for start in range(0, piece.rows, size):
                some = list(range(start, min(start + size, piece.rows)))
                turn = 0 if wanted is None else turns(wanted[piece.chunk], number, piece.chunk)[piece.first + start]
                yield piece, some, int(turn)


def pieces_of(wanted: Wanted, of: int) -> list[Piece]:
    found = []
    for (part, index), asked in wanted.items():
        first = 0
        for size in asked.sizes:
            found.append(Piece(part, index, first, size, of, "0" * 16))
            first += size
        assert first == len(asked.rows)
        assert len(set(asked.rows.tolist()) - set(asked.proofs.tolist())) + asked.proofs.size == len(asked.rows)
    return found


@given(
    seed=st.integers(0, 1 << 32),
    chunks=st.integers(1, 3),
    of=st.integers(1, 70),
    each=st.integers(1, 70),
    share=st.sampled_from([0.0, 0.02, 0.3]),
    kills=st.sampled_from([0.0, 0.5]),
    faults=st.sampled_from([0.0, 0.1, 0.4]),
    by_row=st.booleans(),
)
def test_every_row_is_answered_or_refused_alone(
    *, seed: int, chunks: int, of: int, each: int, share: float, kills: float, faults: float, by_row: bool
) -> None:
    """A row without fault is never refused; where all jobs are whole, the others are, and that is all."""
    draw = random.Random(seed)
    every = {(0, chunk, row) for chunk in range(chunks) for row in range(of)}
    bad = {one for one in every if draw.random() < share}
    killing = {one for one in bad if draw.random() < kills}
    job = Job(bad, killing, draw, faults, by_row=by_row)
    size = of if by_row else min(of, each)
    pieces = [
        Piece(0, c, first, min(size, of - first), of, "0" * 16) for c in range(chunks) for first in range(0, of, size)
    ]
    wanted: Wanted | None = None
    before: tuple[Ended, Wanted | None] | None = None
    refused: set[Place] = set()
    alone = False
    for number in range(30):
        ended = job.round(number, wanted, pieces, before[0] if before else None, alone=alone)
        if before:
            ended = decided(ended, wanted, *before, by_row=by_row)
        for name, told in ended.refused.items():
            at = places(wanted, next(p for p in pieces if p.name == name))
            numbers = (
                range(len(at)) if told is None else [n for first, many in told for n in range(first, first + many)]
            )
            refused |= {(0, next(p for p in pieces if p.name == name).index, int(at[n])) for n in numbers}
        before = ended, wanted
        alone = alone or (by_row and bool(ended.tried))
        wanted = following(wanted, ended, by_row=by_row, alone=alone)
        if not (pieces := pieces_of(wanted, of)):
            break
    assert (job.answered & bad, refused & job.answered) == (set(), set())
    if faults == 0 and not killing and ended.proofs:
        assert (pieces, job.answered, refused) == ([], every - bad, bad)
    else:
        assert not pieces or ended.unanswered
        assert refused <= bad


@given(st.integers(1, 30_000), st.integers(1, 50))
def test_what_was_refused_is_cut_finer_without_a_gap(rows: int, pieces: int) -> None:
    told = [Piece(0, n, 0, rows, rows, "0" * 16) for n in range(pieces)]
    wanted = following(None, Ended(tried={p.name: None for p in told}), by_row=False, alone=False)
    for asked in wanted.values():
        assert asked.rows.tolist() == list(range(rows))
        assert sum(asked.sizes) == rows
        assert max(asked.sizes) < max(2, rows)
        assert max(asked.sizes) - min(asked.sizes) <= 1
    requests = sum(len(asked.sizes) for asked in wanted.values())
    assert requests <= rounds._MANY


ONE = Piece(0, 0, 0, 4, 4, "0" * 16)


def test_rows_that_are_known_to_be_answered_are_asked_for_beside_those_that_failed_alone() -> None:
    ended = Ended(refused={ONE.name: [(0, 1)]}, tried={ONE.name: [(2, 1)]}, alone=True, proofs=((0, 0, 1), (3, 1, 7)))
    wanted = following(None, ended, by_row=True, alone=True)
    assert {c: (a.rows.tolist(), a.sizes) for c, a in wanted.items()} == {(0, 0): ([2, 1], (1, 1)), (3, 1): ([7], (1,))}
    for number in range(4):  # of two, one is asked for first and one last, and not always the same
        at = turns(wanted[0, 0], number, (0, 0))[1], turns(wanted[3, 1], number, (3, 1))[0]
        assert tuple(map(int, at)) == ((0, 0xFFFFFFFF) if number % 2 else (0xFFFFFFFF, 0))


def alone(*tried: Range, proven: bool = True) -> Ended:
    return Ended(tried={ONE.name: tried} if tried else {}, alone=True, proofs=((0, 0, 3),), proven=proven)


@pytest.mark.parametrize(
    ("ended", "before", "refused"),
    [
        (alone((1, 2)), alone((1, 2)), [(1, 2)]),
        (alone((1, 2)), alone((1, 1)), [(1, 1)]),  # the other one failed alone for the first time
        (alone((1, 1)), alone((1, 2)), []),  # some have gone through: so may the rest
        (alone((1, 2), proven=False), alone((1, 2)), []),
        (alone((1, 2)), Ended(tried={ONE.name: [(1, 2)]}), []),  # not alone before
    ],
)
def test_rows_are_refused_that_failed_alone_twice_while_all_others_go_through(
    ended: Ended, before: Ended, refused: list[Range]
) -> None:
    found = decided(ended, None, before, None, by_row=True)
    assert list(found.refused.get(ONE.name) or ()) == refused


def test_an_end_is_read_as_it_was_written() -> None:
    ended = Ended(
        refused={ONE.name: None}, tried={ONE.name: [(2, 1)]}, silent={ONE.name: [(3, 1)]}, said="no", alone=True,
        proofs=((0, 1, 2),), proven=True,
    )  # fmt: skip
    assert Ended.from_json(ended.to_json()) == ended
