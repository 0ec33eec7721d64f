"""Places between edges: what they are called, and which one a number is in. A name tells its edges exactly, so that two never share one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from muster.profiles.keys import Cells, Floats
from muster.profiles.part_names import MISSING

__all__ = ["after", "edge_texts", "name_between", "names_between", "names_of_before", "places_between"]

_EXACT = 2.0**53
"""Up to here every whole number is a double."""


def edge_texts(edges: Sequence[float], *, times: bool = False) -> list[str]:
    """With as many digits as tell an edge from every other number; times, in seconds since 1970, by UTC."""
    return [_time(e) if times else _number(e) for e in edges]


def after(edge: float, *, times: bool = False) -> float:
    """The next number, or the next second: the place from an edge to it holds one value."""
    return edge + 1 if times else math.nextafter(edge, math.inf)


def names_between(edges: Sequence[float], *, times: bool = False) -> list[str]:
    """The names of the places in their order, and of the rows without a value."""
    return [*(name_between(edges, n, n, times=times) for n in range(len(edges) + 1)), MISSING]


def name_between(edges: Sequence[float], first: int, last: int, *, times: bool = False) -> str:
    """The name of a place, or of neighbouring ones up to the `last`; not of all together."""
    texts = edge_texts(edges, times=times)
    exact = [f"{text} 00:00" if times and " " not in text else text for text in texts]  # a moment, and not its day
    below, less, above, more = (
        ("before", "or earlier", "after", "or later") if times else ("below", "or less", "above", "or more")
    )
    alone = 0 < last < len(edges) and edges[last] == after(edges[last - 1], times=times)
    if alone and first == last:
        return exact[last - 1]
    if first == 0:
        return f"{exact[last - 1]} {less}" if alone else f"{below} {texts[last]}"
    open_start = first > 1 and edges[first - 1] == after(edges[first - 2], times=times)
    start = f"{above} {exact[first - 2]}" if open_start else texts[first - 1]
    if last == len(edges):
        return start if open_start else f"{start} {more}"
    return f"{start} to {exact[last - 1]} inclusive" if alone else f"{start} to {texts[last]}"


def names_of_before(edges: Sequence[float]) -> dict[str, str]:
    """By the names of six digits that places once had, those of today; of places that shared one, the name stays."""
    texts = [f"{e:g}" for e in edges]
    old = [f"below {texts[0]}", *(f"{a} to {b}" for a, b in pairwise(texts)), f"{texts[-1]} or more"]
    new = names_between(edges)
    return {was: now for was, now in zip(old, new, strict=False) if was not in new and old.count(was) == 1}


def places_between(values: Floats, edges: Sequence[float]) -> Cells:
    """How many edges a number reaches; of one that is none, as many places as there are, which is the last."""
    codes = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, codes)


def _number(edge: float) -> str:
    return str(int(edge)) if abs(edge) < _EXACT and edge == int(edge) else repr(float(edge))


def _time(edge: float) -> str:
    text = str(np.datetime64(math.floor(edge), "s")).replace("T", " ")
    return text.removesuffix(":00").removesuffix(" 00:00")
