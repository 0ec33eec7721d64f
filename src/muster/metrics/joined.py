"""Weak segments of neighbouring bins, told as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from muster.metrics.candidates import Candidates

__all__ = ["Joined", "joined", "words"]

Joined: TypeAlias = tuple[int, ...]
"""Candidates that differ in nothing but neighbouring bins of a number or a time, in the order of these."""


def joined(found: Candidates, kept: Sequence[int]) -> list[Joined]:
    """Each of those kept by itself, or with its neighbours that are kept too: in pairs along the first column, else the second."""
    groups: list[Joined] = []
    alone = list(kept)
    for side in (0, 1):
        groups += _along(found, alone, side)
        told = {n for group in groups for n in group}
        alone = [n for n in alone if n not in told]
    order = {n: at for at, n in enumerate(kept)}
    return sorted([*groups, *((n,) for n in alone)], key=lambda group: min(order[n] for n in group))


def _along(found: Candidates, kept: Sequence[int], side: int) -> Iterator[Joined]:
    rows: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for n in kept:
        place = found.places[n]
        if len(place) <= side:
            continue
        column, code = place[side]
        binning = found.search.binnings[column]
        if binning.kind != "category" and code < binning.count - 1:
            rows[column, place[:side], place[side + 1 :]].append((code, n))
    for members in rows.values():
        members.sort()
        run = [members[0]]
        for member in [*members[1:], (-1, -1)]:
            if member[0] == run[-1][0] + 1:
                run.append(member)
                continue
            if len(run) > 1:
                yield tuple(n for _, n in run)
            run = [member]


def words(found: Candidates, group: Joined) -> tuple[str, ...]:
    """What is true of the rows of a group, by column."""
    ends = zip(found.places[group[0]], found.places[group[-1]], strict=True)
    return tuple(found.search.binnings[column].words(first, last) for (column, first), (_, last) in ends)
