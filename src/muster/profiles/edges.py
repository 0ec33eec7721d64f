"""Places between edges: what they are called, and which one a number is in. A name tells its edges exactly, so that two never share one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from muster.profiles.keys import Cells, Floats

__all__ = ["MISSING", "edge_texts", "follows", "names_between", "names_of_before", "places_between"]

MISSING = "missing"
"""The part of rows without a value."""
_EXACT = 2.0**53
"""Up to here every whole number is a double."""


def edge_texts(edges: Sequence[float], *, times: bool = False) -> list[str]:
    """With as many digits as tell an edge from every other number; times, in seconds since 1970, by UTC."""
    return [_time(e) if times else _number(e) for e in edges]


def follows(edge: float, before: float) -> bool:
    """Whether no number is between the two, so that the place from `before` to `edge` holds the one value `before`."""
    return edge == math.nextafter(before, math.inf)


def names_between(edges: Sequence[float], *, times: bool = False) -> list[str]:
    """The names of the places in their order, and of the rows without a value."""
    below, above, more = ("before", "after", "or later") if times else ("below", "above", "or more")
    texts = edge_texts(edges, times=times)
    names, start = [f"{below} {texts[0]}"], texts[0]
    for (one, other), (text, next_text) in zip(pairwise(edges), pairwise(texts), strict=True):
        alone = follows(other, one)
        names.append(text if alone else f"{start} to {next_text}")
        start = f"{above} {text}" if alone else next_text
    last = start if start.startswith(above) else f"{start} {more}"
    return [*names, last, MISSING]


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
