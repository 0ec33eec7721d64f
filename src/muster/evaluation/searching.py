"""Where weak segments are looked for: bins of the input columns, chosen before anything is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.evaluation.cutting import cuts
from muster.evaluation.segmenting import Sample
from muster.profiles.binning import Binning, Kind, Search, numbers_of, texts_of, values_of
from muster.profiles.reading import kind_of

__all__ = ["search_in", "searchable"]

_MOST_COLUMNS = 50
_MOST_VALUES = 9
_FEW = 10
"""A number of no more different values than this is looked at value by value."""
_LEAST_SHARE = 0.005
"""Of the rows that are looked at first, that a value has to have to be looked at by itself."""
_BINS = 8
_KINDS: Mapping[str, Kind] = {
    "number": "number",
    "date": "time",
    "timestamp": "time",
    "timestamp_utc": "time",
    "boolean": "category",
    "text": "category",
}


def searchable(head: pa.Table) -> tuple[str, ...]:
    return tuple(field.name for field in head.schema if kind_of(field.type) in _KINDS)


def search_in(known: Sample, inputs: Sequence[str], *, texts: bool = True) -> Search:
    """Bins of equal rows for numbers and times, the most frequent values of all else: by the rows that are known. Without `texts`
    columns of texts are left out, whose values the bins would keep.
    """
    found: list[Binning] = []
    left_out: list[tuple[str, str]] = []
    for name in inputs:
        if len(found) == _MOST_COLUMNS:
            left_out.append((name, f"it stands behind the first {_MOST_COLUMNS} columns that can be looked at"))
            continue
        values = known.column(name)
        if not texts and kind_of(values.type) == "text":
            left_out.append((name, "no texts of the rows are kept"))
            continue
        binning = _binning(name, values)
        if isinstance(binning, str):
            left_out.append((name, binning))
        else:
            found.append(binning)
    return Search(tuple(found), tuple(left_out))


def _binning(name: str, column: pa.Array) -> Binning | str:
    """The bins, or why there are none."""
    kind = _KINDS.get(kind_of(column.type))
    if kind is None:
        return f"its values are {column.type}"
    some = values_of(column)
    some = some.filter(pc.invert(pc.is_null(some, nan_is_null=True)))
    if not len(some):
        return "the rows looked at first have no value in it"
    if kind == "category":
        return _of_values(name, some, all_of_them=False)
    numbers = numbers_of(some, kind)
    numbers = numbers[np.isfinite(numbers)]
    distinct = np.unique(numbers)
    if kind == "number" and len(distinct) <= _FEW:
        return _of_values(name, some, all_of_them=True)
    edges = cuts(numbers, _BINS, times=kind == "time")
    if not edges:
        return "the rows looked at first have one value in it"
    return Binning(name, kind, edges=edges)


def _of_values(name: str, some: pa.Array, *, all_of_them: bool) -> Binning | str:
    counts = pc.value_counts(texts_of(some))
    times = counts.field("counts").to_numpy()
    texts = counts.field("values").to_pylist()
    least = 1 if all_of_them else max(1, _LEAST_SHARE * len(some))
    order = sorted((n for n in range(len(texts)) if times[n] >= least), key=lambda n: (-times[n], texts[n]))
    values = tuple(texts[n] for n in order[: _FEW if all_of_them else _MOST_VALUES])
    if not values:
        return "none of its values is frequent"
    if len(texts) == 1:
        return "the rows looked at first have one value in it"
    return Binning(name, "category", values=values)
