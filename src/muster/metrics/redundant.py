"""Which of the weak segments say no more than others: pairs that are as bad as one of their columns alone, and the same rows once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from muster.metrics.candidates import Candidates, Condition, Place
from muster.metrics.groups import LEAST_OF_A_GROUP
from muster.metrics.worse import ROWS, chance
from muster.profiles.keys import Floats

__all__ = ["kept_of", "saying_more"]

_LEVEL = 0.05
_LEVEL_OF_REST = 0.01
_MOST = 100
_SAME = 0.8
"""Two conditions say the same if so large a part of the rows of either is of both."""


def saying_more(found: Candidates, ranked: Sequence[int]) -> list[int]:
    """Without the pairs that are not worse than the other rows of one of their columns, where these are bad themselves.

    Those of a bad bin are tested together, all that were looked at (Bonferroni): the worst of many looks bad by chance.
    """
    pairs = [n for n in ranked if len(found.places[n]) == 2]
    if not pairs:
        return [*ranked]
    together = Counter(condition for place in found.places if len(place) == 2 for condition in place)
    own = found.counts[pairs]
    p = np.zeros(len(pairs))
    for side in (0, 1):
        conditions = [found.places[n][side] for n in pairs]
        column = np.array([found.at((condition,)) for condition in conditions])
        times = np.array([together[condition] for condition in conditions], np.float64)
        bad = chance(found.kind, column, found.whole - column) <= _LEVEL
        rest = column - own
        few = np.minimum(own[:, ROWS], rest[:, ROWS]) < LEAST_OF_A_GROUP
        p = np.maximum(p, np.where(bad, np.where(few, 1.0, times * chance(found.kind, own, rest)), 0.0))
    less = {n for n, one in zip(pairs, p.tolist(), strict=True) if one > _LEVEL}
    return [n for n in ranked if n not in less]


def _worse(found: Candidates, inside: Floats, others: Floats) -> float:
    if min(inside[ROWS], others[ROWS]) < LEAST_OF_A_GROUP:
        return 1.0
    return float(chance(found.kind, inside, others))


def kept_of(found: Candidates, ranked: Sequence[int]) -> list[int]:
    """One after the other, the worst first: those that are still worse than the rest without the rows of those before them; 100 at most.

    Then a bin goes of which the pairs that are left say all.
    """
    kept: dict[Place, int] = {}
    for n in ranked:
        place = found.places[n]
        told = _again(found, place, [*kept]) if len(place) == 2 else _explained(found, place[0], [*kept])
        if not told:
            kept[place] = n
        if len(kept) == _MOST:
            break
    pairs = [place for place in kept if len(place) == 2]
    return [n for place, n in kept.items() if len(place) == 2 or not _explained(found, place[0], pairs)]


def _again(found: Candidates, place: Place, kept: Sequence[Place]) -> bool:
    """Whether a pair before it has conditions that say the same."""
    return any(len(other) == 2 and all(any(_same(found, one, its) for its in other) for one in place) for other in kept)


def _same(found: Candidates, one: Condition, other: Condition) -> bool:
    both = found.both(one, other)
    if both is None:
        return False
    either = found.at((one,))[ROWS] + found.at((other,))[ROWS] - both[ROWS]
    return bool(both[ROWS] >= _SAME * either)


def _explained(found: Candidates, condition: Condition, kept: Sequence[Place]) -> bool:
    """Whether a bin is not worse without the rows of another bin before it, or of pairs before it that are in it."""
    own = found.at((condition,))
    within: dict[tuple[Condition, int], Floats] = {}
    for place in kept:
        if len(place) == 1:
            both = found.both(condition, place[0])
            if both is None or not both[ROWS]:
                continue
            others = found.whole - own - found.at(place) + both
            if _worse(found, own - both, others) > _LEVEL_OF_REST:
                return True
        for one, other in (place, place[::-1]) if len(place) == 2 else ():
            if one == condition or _same(found, one, condition):
                within[one, other[0]] = within.get((one, other[0]), np.zeros(4)) + found.at(place)
    rests = [(found.at((one,)), pairs) for (one, _), pairs in within.items()]
    return any(_worse(found, bin_ - pairs, found.whole - bin_) > _LEVEL_OF_REST for bin_, pairs in rests)
