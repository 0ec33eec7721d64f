"""The classes that people and models name: scalars of one type, each named once, whatever they came in."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal

from muster.errors import InvalidInput
from muster.signature import Scalar, canonical

__all__ = ["classes_of", "listed", "one_type", "plain", "same_classes"]

_HINT = "name them in order, the positive one last: `[0, 1]`, `['no', 'yes']`"
_MOST = 12
_WIDEST = 2**63
_NOTHING = ("NAType", "NaTType")
"""What pandas writes for a value that is missing."""


def classes_of(given: object) -> tuple[Scalar, ...]:
    """Of a list, a tuple, or an array or a column of any library; None is none. InvalidInput tells all that is wrong with them."""
    if given is None:
        return ()
    if isinstance(given, (str, bytes, Mapping, AbstractSet)) or (values := listed(given)) is None:
        raise InvalidInput(f"the classes are a list in order, and not {given!r:.80}", hint=_HINT)
    wrong = _wrong(values)
    if wrong:
        raise InvalidInput("; ".join(wrong), hint=_HINT)
    return one_type(values)


def listed(given: object) -> list[object] | None:
    """The values of a list, or of an array or a column of any library, as Python's; None of all else."""
    for way in ("to_pylist", "tolist", "to_list"):  # Arrow; numpy and pandas; polars
        if callable(convert := getattr(given, way, None)):
            found = convert()
            return [plain(v) for v in found] if isinstance(found, list) else None
    return [plain(v) for v in given] if isinstance(given, Iterable) else None


def plain(value: object) -> object:
    """The value of numpy's or Arrow's scalar, as Python's."""
    for way in ("as_py", "item"):
        if callable(convert := getattr(value, way, None)) and not getattr(value, "shape", ()):
            return convert()
    return str(value) if isinstance(value, str) else value


def _wrong(values: Sequence[object]) -> list[str]:
    """What is no class among them: a value that is missing, a number that no column of whole numbers holds, a list."""
    if any(_is_missing(v) for v in values):
        return ["a class is missing: None and NaN are values that a row lacks, and no classes"]
    odd = [v for v in values if not isinstance(v, (bool, int, float, str, Decimal, dt.date, dt.time))]
    wrong = [f"{v!r:.80} is no class: classes are texts, whole numbers, or false and true" for v in odd]
    return wrong + [
        f"the class {v} is wider than 64 bits: name it as text"
        for v in values
        if isinstance(v, int) and not -_WIDEST <= v < _WIDEST
    ]


def one_type(values: Iterable[object]) -> tuple[Scalar, ...]:
    """Classes as scalars of one type: bool, int or str. Whole floats are ints; where one is not whole, all numbers are texts.

    InvalidInput where they are of several types, or one is named twice, however it is written.
    """
    found = [plain(v) for v in values]
    scalars = [_scalar(v) for v in found]
    if {type(s) for s in scalars} == {int, str} and not any(isinstance(v, str) for v in found):
        scalars = [canonical(s) for s in scalars]
    wrong = []
    if len(kinds := {type(s) for s in scalars}) > 1:
        wrong.append(
            f"the classes {_texts(scalars)} are of different types: {', '.join(sorted(k.__name__ for k in kinds))}"
        )
    names = [canonical(s) for s in scalars]
    if double := sorted({n for n in names if names.count(n) > 1}):
        wrong.append(f"the classes name {_texts(double)} more than once")
    if wrong:
        raise InvalidInput(
            "; ".join(wrong), hint="classes are all texts, all whole numbers, or false and true; name each once"
        )
    return tuple(scalars)


def same_classes(one: Sequence[Scalar], other: Sequence[Scalar]) -> bool:
    """Whether they are the same in the same order, however they are written: 0 is "0"."""
    return [canonical(c) for c in one] == [canonical(c) for c in other]


def _scalar(value: object) -> Scalar:
    if isinstance(value, (bool, int, str)):
        return value
    text = canonical(value)
    return int(text) if text.removeprefix("-").isdecimal() else text


def _is_missing(value: object) -> bool:
    if isinstance(value, (float, Decimal)):
        return math.isnan(value)
    return value is None or type(value).__name__ in _NOTHING


def _texts(values: Sequence[object]) -> str:
    shown = ", ".join(f"`{v}`" for v in values[:_MOST])
    return f"{shown} and {len(values) - _MOST} more" if len(values) > _MOST else shown
