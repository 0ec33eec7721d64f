"""Rows put into parts, by their values: each value has one name, and no two share one, whatever else is in the data."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.errors import InvalidInput
from muster.profiles.doubles import numbers
from muster.profiles.edges import names_between, places_between
from muster.profiles.keys import Cells, Floats
from muster.profiles.part_names import CROSS, MISSING, part_name
from muster.profiles.question import MOST_SEGMENTS, Segmenting
from muster.profiles.reading import kind_of, plain, seconds

__all__ = ["PARTED", "TIMES", "check_parts", "fewer", "parts_of"]

TIMES = frozenset(("date", "timestamp", "timestamp_utc"))
PARTED = TIMES | {"null", "boolean", "number", "text", "clock", "duration"}
"""The kinds of columns whose values make parts."""


def parts_of(segmenting: Segmenting, batch: pa.RecordBatch) -> tuple[list[str], Cells]:
    """The names of the parts, and of each row that of its part."""
    columns = [batch.column(name) for name in segmenting.columns]
    if segmenting.edges:
        values = _seconds(columns[0]) if segmenting.times else numbers(plain(columns[0]))
        return names_between(segmenting.edges, times=segmenting.times), places_between(values, segmenting.edges)
    names, codes = _values(columns[0])
    for column in columns[1:]:
        more, its = _values(column)
        codes = codes * len(more) + its
        found, codes = np.unique(codes, return_inverse=True)
        names = [f"{names[c // len(more)]} {CROSS} {more[c % len(more)]}" for c in found.tolist()]
    return names, codes


def check_parts(segmenting: Segmenting, parts: Collection[str], kind: str = "") -> None:
    """InvalidInput where they are too many; `kind` is that of the column, where it is known."""
    if len(parts) > MOST_SEGMENTS:
        raise InvalidInput(
            f"`{segmenting.name}` has more than {MOST_SEGMENTS} values, which are too many parts to look at apart",
            hint=fewer(segmenting, kind),
        )


def fewer(segmenting: Segmenting, kind: str = "") -> str:
    """How there would be fewer parts."""
    name = segmenting.name
    if len(segmenting.columns) > 1:
        return "cross columns of fewer values: a number or a date is cut only by itself"
    if kind == "number":
        return f"choose another column, or cut it at edges: `{name}:10,20,50`"
    if kind in TIMES:
        return f"choose another column, or cut it at dates: `{name}:2024-01-01,2024-07-01`"
    return "choose a column of fewer values"


def _values(column: pa.Array) -> tuple[list[str], Cells]:
    column = plain(column)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    names = [*_names(encoded.dictionary), MISSING]
    codes = pc.fill_null(encoded.indices, len(names) - 1).to_numpy(zero_copy_only=False)
    found = {name: n for n, name in enumerate(dict.fromkeys(names))}  # a dictionary may hold a value twice
    return list(found), np.array([found[n] for n in names], np.int64)[codes]


def _names(values: pa.Array) -> Sequence[str]:
    """A number that is none is missing, as where numbers are cut; -0 is 0."""
    if pa.types.is_floating(values.type):
        whole = values.to_numpy(zero_copy_only=False)
        values = pa.array(whole + whole.dtype.type(0), values.type, mask=np.isnan(whole))
    name = part_name if kind_of(values.type) == "text" else str
    return [MISSING if t is None else name(t) for t in pc.cast(values, pa.large_string()).to_pylist()]


def _seconds(column: pa.Array) -> Floats:
    """Times in seconds since 1970; NaN where there is none."""
    column = plain(column)
    found = np.full(len(column), np.nan)
    found[column.is_valid().to_numpy(zero_copy_only=False)] = seconds(column.drop_null())
    return found
