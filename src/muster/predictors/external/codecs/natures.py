"""What the cells of a column are, whatever they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from muster.predictors.external.codecs.cells import Floats, lists, number, only
from muster.predictors.external.codecs.scores import pair_list
from muster.signature import Scalar, canonical

__all__ = ["Cells"]


@dataclass(frozen=True)
class Cells:
    """The cells that hold anything. `texts_are_numbers`: in CSV all cells are texts."""

    name: str
    values: Sequence[Any]
    texts_are_numbers: bool

    @classmethod
    def of(cls, name: str, values: Sequence[Any], *, texts_are_numbers: bool, as_lists: bool = False) -> Cells:
        """Lists of one are what they hold, unless they stay `as_lists`."""
        held = [v if as_lists or _is_pairs(v) else only(v) for v in lists(values)]
        return cls(name, [v for v in held if v is not None and v != ""], texts_are_numbers)

    @cached_property
    def nature(self) -> str:
        """number, flag, text, list, map, pairs, nothing, or mixed."""
        found = {_nature(v, texts=self.texts_are_numbers) for v in self.values}
        if self.texts_are_numbers and found == {"number", "text"}:
            return "text"
        return found.pop() if len(found) == 1 else "mixed" if found else "nothing"

    @cached_property
    def numbers(self) -> Floats:
        """Those that are finite."""
        found = np.array([n for v in self.values if (n := number(v)) is not None], np.float64)
        return found[np.isfinite(found)]

    @property
    def within(self) -> bool:
        """Whether there are numbers, and all are from 0 to 1."""
        return self.numbers.size > 0 and bool((self.numbers >= 0).all() and (self.numbers <= 1).all())

    @property
    def whole(self) -> bool:
        return self.numbers.size > 0 and bool((self.numbers == np.floor(self.numbers)).all())

    @cached_property
    def width(self) -> int:
        """The length that most lists have."""
        lengths = [len(v) for v in self.values if isinstance(v, list)]
        return max(set(lengths), key=lengths.count) if lengths else 0

    def are(self, classes: Sequence[Scalar]) -> bool:
        """Whether all are classes."""
        known = {canonical(c) for c in classes}
        return bool(self.values) and all(canonical(v) in known for v in self.values)

    def items(self) -> list[Any]:
        """The items of all lists."""
        return [item for v in self.values if isinstance(v, list) for item in v]


def _is_pairs(value: Any) -> bool:
    found = pair_list(value)
    return isinstance(found, list) and bool(found) and all(isinstance(p, tuple) for p in found)


def _nature(value: Any, *, texts: bool) -> str:
    if _is_pairs(value):
        return "pairs"
    match value:
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case list():
            return "list"
        case dict():
            return "map"
    return "number" if texts and number(value) is not None else "text"
