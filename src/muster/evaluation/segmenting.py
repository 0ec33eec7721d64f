"""The parts of the rows that are asked for: columns as they are, several together, or numbers and times between edges."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from muster.errors import near
from muster.evaluation.cutting import cuts
from muster.profiles.doubles import numbers
from muster.profiles.keys import Floats
from muster.profiles.parting import PARTED, TIMES, fewer, parts_of
from muster.profiles.question import MOST_SEGMENTS, Segmenting
from muster.profiles.reading import kind_of, plain, seconds

__all__ = ["Edge", "Sample", "Segment", "Segments", "columns_of", "segmenting", "to_sample", "twice"]

Edge: TypeAlias = float | str | date
"""A number, or a time: as ISO 8601 writes it, by UTC where it has no zone."""
Segment: TypeAlias = str | Sequence[str] | Mapping[str, Sequence[Edge]] | Segmenting
"""A column, several columns together, a column with the edges at which it is cut, or all that as it was before."""
Segments: TypeAlias = Sequence[Segment]

_FIFTHS = 5
_FEW = 20
"""A number of more different values than this is cut at its fifths, unless edges are given; a time of more than there may be parts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of the data, and of some columns rows from all over them, for which so many were looked at."""

    head: pa.Table
    rows: pa.Table | None = None
    looked_at: int = 0

    def column(self, name: str) -> pa.Array:
        found = self.head if self.rows is None or name not in self.rows.column_names else self.rows
        values = found[name].combine_chunks()
        return pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values


def segmenting(segments: Segments, known: Sample, names: Sequence[str]) -> tuple[tuple[Segmenting, ...], list[str]]:
    """The parts that are asked for, and what is wrong with them. A text is `column`, `one*other` or `column:10,20`."""
    found: list[Segmenting] = []
    wrong: list[str] = []
    for asked in segments:
        try:
            one = _parsed(asked, names)
        except ValueError:
            wrong.append(f"the segment `{_text(asked)}` has edges that are no numbers and no dates in rising order")
            continue
        faults = [*_wrong_columns(one, known.head, names)]
        if not faults and not one.edges:
            one = _cut(one, known)
            faults = [*_too_many(one, known.head)]
        wrong += faults
        found.append(one)
    return tuple(dict.fromkeys(found)), wrong


def to_sample(segments: Segments, head: pa.Table, names: Sequence[str]) -> tuple[str, ...]:
    """The columns of which more than the first rows has to be known to cut them."""
    alone = [c[0] for s in segments if len(c := columns_of(s, names)) == 1 and not _has_edges(s, names)]
    kinds = {c: kind_of(head[c].type) for c in alone if c in head.column_names}
    return tuple(c for c, kind in kinds.items() if kind == "number" or kind in TIMES)


def columns_of(asked: Segment, names: Sequence[str]) -> tuple[str, ...]:
    try:
        return _parsed(asked, names).columns
    except ValueError:  # told with all else that is wrong
        return ()


def twice(segments: Sequence[Segmenting]) -> list[str]:
    """Segments of one name, of which it is not clear what is meant."""
    times = Counter(s.name for s in segments)
    cut = {s.name for s in segments if s.edges}
    return [
        f"`{name}` is asked for with different edges" if name in cut else f"`{name}` is the name of two segments"
        for name, n in times.items()
        if n > 1
    ]


def _has_edges(asked: Segment, names: Sequence[str]) -> bool:
    try:
        return bool(_parsed(asked, names).edges)
    except ValueError:
        return True


def _wrong_columns(one: Segmenting, head: pa.Table, names: Sequence[str]) -> Iterator[str]:
    for column in one.columns:
        if column not in head.column_names:
            yield f"the segment `{column}` is no column of the data{near(column, names)}"
            continue
        kind, told = kind_of(head[column].type), head[column].type
        if kind not in PARTED:
            yield f"the segment `{column}` is {told}, whose values make no parts"
        elif one.edges and one.times and kind not in TIMES:
            yield f"the segment `{column}` has dates as edges, and is {told}"
        elif one.edges and not one.times and kind in TIMES:
            yield f"the segment `{column}` has numbers as edges, and is {told}: write dates, as `{column}:2024-01-01,2024-07-01`"
        elif one.edges and kind not in ("number", "boolean", *TIMES):
            yield f"the segment `{column}` has edges, and is no number but {told}"


def _too_many(one: Segmenting, head: pa.Table) -> Iterator[str]:
    """What the first rows tell before anything is counted."""
    if one.edges:
        return
    columns = {name: Sample(head).column(name) for name in one.columns}
    parts = len(np.unique(parts_of(one, pa.record_batch(columns))[1]))
    if parts > MOST_SEGMENTS:
        told = fewer(one, kind_of(head[one.columns[0]].type))
        rows = f"the first {head.num_rows:,} rows"
        yield f"`{one.name}` has {parts:,} values in {rows}, and at most {MOST_SEGMENTS} parts are looked at: {told}"


def _cut(one: Segmenting, known: Sample) -> Segmenting:
    """At fifths, where it is one column of many numbers or times."""
    if len(one.columns) > 1:
        return one
    values = known.column(one.columns[0])
    kind = kind_of(values.type)
    if kind != "number" and kind not in TIMES:
        return one
    times = kind in TIMES
    found = seconds(plain(values).drop_null()).astype(np.float64) if times else _finite(numbers(plain(values)))
    if len(np.unique(found)) <= (MOST_SEGMENTS if times else _FEW):
        return one
    edges = cuts(found, _FIFTHS, times=times)
    return Segmenting(one.columns, edges, times, len(values), max(known.looked_at, len(values)))


def _finite(found: Floats) -> Floats:
    return found[np.isfinite(found)]


def _parsed(asked: Segment, names: Sequence[str]) -> Segmenting:
    """ValueError where edges are none, or do not rise."""
    if not asked:
        raise ValueError
    if isinstance(asked, Segmenting):
        return asked
    if isinstance(asked, Mapping):
        ((column, given),) = asked.items()
        return _between(column, given)
    if not isinstance(asked, str):
        return Segmenting(tuple(asked))
    if asked in names:
        return Segmenting((asked,))
    colons = [n for n, letter in enumerate(asked) if letter == ":" and n]
    if not colons:
        return Segmenting(tuple(part.strip() for part in asked.split("*")))
    at = next((n for n in colons[::-1] if asked[:n] in names), colons[0])
    return _between(asked[:at], asked[at + 1 :].split(","))


def _between(column: str, given: Sequence[Edge]) -> Segmenting:
    edges = [_edge(edge) for edge in given]
    found = tuple(value for value, _ in edges)
    times = {time for _, time in edges}
    if len(times) != 1 or any(not math.isfinite(e) for e in found) or any(a >= b for a, b in pairwise(found)):
        raise ValueError
    return Segmenting((column,), found, times.pop())


def _edge(given: Edge) -> tuple[float, bool]:
    """As a number, and whether it is a time: then in whole seconds since 1970."""
    if isinstance(given, str):
        try:
            return float(given), False
        except ValueError:
            given = datetime.fromisoformat(given.strip())
    if not isinstance(given, date):
        try:
            return float(given), False
        except TypeError:
            raise ValueError from None
    moment = given if isinstance(given, datetime) else datetime(given.year, given.month, given.day, tzinfo=UTC)
    found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if found != math.floor(found):
        raise ValueError
    return found, True


def _text(asked: Segment) -> str:
    if isinstance(asked, Mapping):
        return ", ".join(f"{c}:{','.join(map(str, edges))}" for c, edges in asked.items())
    return str(asked)
