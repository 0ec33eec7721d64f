"""Which type a column of text has, from all of its values.

Each value is of one kind; the kinds that a column has anywhere decide its type, so that order and block size do not
matter: whole numbers are int64, numbers double, `true`/`false` bool, ISO dates date32, ISO times timestamps (in UTC where
every one has a zone), anything else string. Text that would lose something as a number stays text: a leading zero or plus,
and whole numbers beyond int64 unless the column has decimals too. Null tokens are of no kind; a column of nothing else is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.text import TOKENS, Starts, spread

__all__ = ["Kinds", "decided", "kinds", "settled"]

Kinds: TypeAlias = frozenset[str]
Look: TypeAlias = Callable[[pa.Array], Kinds | None]

_TYPES: Mapping[Kinds, pa.DataType] = {
    frozenset(): pa.null(),
    frozenset({"bool"}): pa.bool_(),
    frozenset({"int"}): pa.int64(),
    frozenset({"double"}): pa.float64(),
    frozenset({"int", "double"}): pa.float64(),
    frozenset({"big", "double"}): pa.float64(),
    frozenset({"int", "big", "double"}): pa.float64(),
    frozenset({"date"}): pa.date32(),
    frozenset({"time"}): pa.timestamp("us"),
    frozenset({"date", "time"}): pa.timestamp("us"),
    frozenset({"fine"}): pa.timestamp("ns"),
    frozenset({"time", "fine"}): pa.timestamp("ns"),
    frozenset({"date", "fine"}): pa.timestamp("ns"),
    frozenset({"date", "time", "fine"}): pa.timestamp("ns"),
    frozenset({"far"}): pa.timestamp("us"),
    frozenset({"date", "far"}): pa.timestamp("us"),
    frozenset({"time", "far"}): pa.timestamp("us"),
    frozenset({"date", "time", "far"}): pa.timestamp("us"),
    frozenset({"zoned"}): pa.timestamp("us", "UTC"),
    frozenset({"zoned_fine"}): pa.timestamp("ns", "UTC"),
    frozenset({"zoned", "zoned_fine"}): pa.timestamp("ns", "UTC"),
}
"""Every other mixture is text. `far` is a time that nanoseconds cannot tell, `fine` one that microseconds cannot."""

_BROKEN = np.frombuffer(b".eE", np.uint8)
_BOOLS = pa.array(["true", "false", "True", "False", "TRUE", "FALSE"])
_INT, _NUMBER = r"^-?(0|[1-9][0-9]*)$", r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^-?inf(inity)?$"


def decided(found: Kinds) -> pa.DataType:
    return _TYPES.get(found, pa.string())


@cache
def settled(found: Kinds) -> bool:
    """Whether the column is text whatever else it holds."""
    return not any(found <= known for known in _TYPES)


def kinds(values: pa.Array, before: Kinds = frozenset()) -> Kinds:
    """The kinds of these strings. `before`, what the column had so far, is tried first."""
    known = values.drop_null()
    if not len(known):
        return frozenset()
    if found := _uniform(known, before):
        return found
    plain = pc.ascii_trim_whitespace(known)
    plain = plain.filter(pc.invert(pc.is_in(plain, TOKENS)))
    return _uniform(plain, before) or _mixed(plain) if len(plain) else frozenset()


def _uniform(values: pa.Array, before: Kinds) -> Kinds | None:
    """The kinds, if one look at all values together tells them."""
    sure, others = _looks(before)
    for look in sure:
        if found := _looked(look, values):
            return found
    for look in others:
        # A look that fails takes longer than one that succeeds, and mostly fails on the first few values.
        if _looked(look, values.slice(0, 16)) and (found := _looked(look, values)):
            return found
    return None


@cache
def _looks(before: Kinds) -> tuple[tuple[Look, ...], tuple[Look, ...]]:
    """The one for the kind that all values before had, and the others, those for kinds that were seen first."""
    ordered = [look for _, look in sorted(_LOOKS.items(), key=lambda item: item[0] not in before)]
    sure = int(len(before) == 1 and not before.isdisjoint(_LOOKS))
    return tuple(ordered[:sure]), tuple(ordered[sure:])


def _looked(look: Look, values: pa.Array) -> Kinds | None:
    try:
        return look(values)
    except pa.ArrowInvalid:
        return None


def _ints(values: pa.Array) -> Kinds | None:
    pc.cast(values, pa.int64())
    return frozenset({"int"}) if not Starts.of(values).padded(for_ints=True) else None


def _doubles(values: pa.Array) -> Kinds | None:
    numbers = pc.cast(values, pa.float64())
    if Starts.of(values).padded() or not pc.all(pc.is_finite(numbers)).as_py():
        return None
    _, content = spread(values)
    return frozenset({"double"}) if np.isin(content, _BROKEN).any() else frozenset({"big"})


def _bools(values: pa.Array) -> Kinds | None:
    return frozenset({"bool"}) if pc.all(pc.is_in(values, _BOOLS)).as_py() else None


def _dates(values: pa.Array) -> Kinds:
    pc.cast(values, pa.date32())
    return frozenset({"date"})


def _times(values: pa.Array) -> Kinds:
    times = pc.cast(values, pa.timestamp("us"))
    try:
        pc.cast(times, pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return frozenset({"far"})
    return frozenset({"time"})


def _fine(values: pa.Array) -> Kinds:
    pc.cast(values, pa.timestamp("ns"))
    return frozenset({"fine"})


def _zoned(values: pa.Array) -> Kinds:
    pc.cast(values, pa.timestamp("us", "UTC"))
    return frozenset({"zoned"})


def _zoned_fine(values: pa.Array) -> Kinds:
    pc.cast(values, pa.timestamp("ns", "UTC"))
    return frozenset({"zoned_fine"})


_LOOKS: Mapping[str, Look] = {
    "int": _ints,
    "double": _doubles,
    "bool": _bools,
    "date": _dates,
    "time": _times,
    "fine": _fine,
    "zoned": _zoned,
    "zoned_fine": _zoned_fine,
}


def _mixed(values: pa.Array) -> Kinds:
    """The kinds of values that are not all alike: numbers of several kinds, or else text."""
    whole = pc.match_substring_regex(values, _INT)
    broken = pc.and_not(pc.match_substring_regex(values, _NUMBER, ignore_case=True), whole)
    if not pc.all(pc.or_(whole, broken)).as_py():
        return frozenset({"text"})
    texts = values.filter(broken)
    numbers = pc.cast(texts, pa.float64())
    endless = pc.is_inf(numbers)
    if pc.any(pc.and_(endless, pc.match_substring_regex(texts, "[0-9]"))).as_py():
        return frozenset({"text"})
    found = {"double"} if len(numbers) else set()
    try:
        pc.cast(values.filter(whole), pa.int64())
    except pa.ArrowInvalid:
        return frozenset(found | {"big"})
    return frozenset(found | ({"int"} if pc.any(whole).as_py() else set()))
