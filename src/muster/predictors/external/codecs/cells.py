"""Cells of a response as numbers, and as lists of them: whole columns at once where all cells are alike."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.errors import plural, shortened

__all__ = ["Faults", "Floats", "lists", "matrix", "nested", "number", "numbers", "only"]

Floats: TypeAlias = npt.NDArray[np.float64]

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_ENDLESS = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_NUMPY = re.compile(r"\[[\s0-9eE.+-]*\]")
_MOST = 1_000_000
"""Characters of a text that is looked into."""


class Faults:
    """What is wrong with rows. What was found first of a row stands."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.texts: dict[int, str] = {}

    def add(self, place: int, text: str) -> None:
        self.texts.setdefault(place, text)

    def where(self, bad: npt.NDArray[np.bool_], tell: Callable[[int], str]) -> None:
        for place in np.flatnonzero(bad).tolist():
            if place not in self.texts:
                self.texts[place] = tell(place)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        found = np.zeros(self.count, np.bool_)
        found[list(self.texts)] = True
        return found


def only(value: Any) -> Any:
    """The one item of a list of one: libraries give (n, 1) where they mean (n,)."""
    while type(value) is list and len(value) == 1:
        value = value[0]
    return value


def number(value: Any) -> float | None:
    """A number, or a text that is one; None for anything else. What is not finite is a number here."""
    value = only(value)
    match value:
        case bool():
            return None
        case float():
            return value
        case int():
            return float(value) if abs(value) < 2**1023 else math.inf
        case str():
            text = value.strip()
            if _NUMBER.fullmatch(text) or _ENDLESS.fullmatch(text):
                return float(text)
    return None


def numbers(values: Sequence[Any], faults: Faults, what: str) -> Floats:
    """A number for each cell, NaN where there is none."""
    quick = _quick(values)
    if quick is not None and np.isfinite(quick).all():
        return quick
    found = np.full(len(values), np.nan)
    for place, value in enumerate(values):
        got = number(value)
        if got is None or not math.isfinite(got):
            faults.add(place, f"the endpoint gave {_said(value, what)}")
        else:
            found[place] = got
    return found


def _said(value: Any, what: str) -> str:
    value = only(value)
    if value is None or value == "":
        return f"no {what}"
    return f"{shortened(value if isinstance(value, str) else json.dumps(value))} as its {what}, which is no number"


def _quick(values: Sequence[Any]) -> Floats | None:
    """All cells at once, where all are numbers or all are texts of numbers."""
    kinds = set(map(type, values))
    try:
        if kinds <= {float, int}:
            return np.array(values, np.float64)
        if kinds == {str}:
            texts = pc.utf8_trim_whitespace(pa.array(values, pa.string()))
            return texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (OverflowError, pa.ArrowInvalid, UnicodeEncodeError):
        pass
    return None


def nested(value: Any) -> Any:
    """A text that holds a list, as JSON, as Python or as numpy writes it; other values as they are."""
    if not isinstance(value, str) or not value.strip().startswith(("[", "{", "(")) or len(value) > _MOST:
        return value
    text = value.strip()
    if _NUMPY.fullmatch(text) and "," not in text:
        return [number(part) for part in text[1:-1].split()]
    for read in (json.loads, _python):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return list(found) if isinstance(found, tuple) else found
    return value


def _python(text: str) -> Any:
    """A literal of Python that has nothing but what JSON has."""
    found = ast.literal_eval(text)
    json.dumps(found)
    return found


def lists(values: Sequence[Any]) -> list[Any]:
    """The cells, with the texts among them read as the lists that they hold."""
    return [nested(v) for v in values] if str in set(map(type, values)) else list(values)


def matrix(values: Sequence[Any], width: int, faults: Faults, what: str) -> Floats:
    """Cells that are lists of `width` numbers, NaN in all of a row that is none."""
    values = lists(values)
    if set(map(type, values)) <= {list} and set(map(len, values)) <= {width}:
        quick = _quick(list(chain.from_iterable(values)))
        if quick is not None and np.isfinite(quick).all():
            return quick.reshape(len(values), width)
    found = np.full((len(values), width), np.nan)
    for place, value in enumerate(values):
        row = _row(value, width, place, faults, what)
        if row is not None:
            found[place] = row
    return found


def _row(value: Any, width: int, place: int, faults: Faults, what: str) -> list[float] | None:
    while type(value) is list and len(value) == 1 and type(value[0]) is list:
        value = value[0]
    if value is None or value in ("", []):
        faults.add(place, f"the endpoint gave no {what}")
        return None
    if not isinstance(value, list):
        faults.add(place, f"the endpoint gave {shortened(json.dumps(value))} for its {what}, which is no list")
        return None
    if len(value) != width:
        faults.add(place, f"the endpoint gave {plural(len(value), 'number')} as its {what} for {width} classes")
        return None
    row = [number(v) for v in value]
    if not all(v is not None and math.isfinite(v) for v in row):
        faults.add(place, f"the endpoint's {what} are not finite numbers: {shortened(json.dumps(value))}")
        return None
    return [v for v in row if v is not None]
