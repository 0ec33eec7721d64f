"""Where weak segments are looked for: bins of the input columns, chosen from the first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.profiles.binning import Binning, Kind, Search, numbers_of, values_of
from muster.profiles.reading import kind_of

__all__ = ["search_in"]

_MOST_COLUMNS = 50
_MOST_VALUES = 9
_FEW = 10
"""A number of no more different values than this is looked at value by value."""
_LEAST_SHARE = 0.005
"""Of the first rows, that a value has to have to be looked at by itself."""
_BINS = 8
_KINDS: Mapping[str, Kind] = {
    "number": "number",
    "date": "time",
    "timestamp": "time",
    "timestamp_utc": "time",
    "boolean": "category",
    "text": "category",
}


def search_in(head: pa.Table, inputs: Sequence[str], *, texts: bool = True) -> Search:
    """Bins of equal rows for numbers and times, the most frequent values of all else: by the first rows of the data. Without `texts`
    columns of texts are left out, whose values the bins would keep.
    """
    found: list[Binning] = []
    left_out: list[tuple[str, str]] = []
    for name in inputs:
        if len(found) == _MOST_COLUMNS:
            left_out.append((name, f"it stands behind the first {_MOST_COLUMNS} columns that can be looked at"))
            continue
        if not texts and kind_of(head[name].type) == "text":
            left_out.append((name, "no texts of the rows are kept"))
            continue
        binning = _binning(name, head[name].combine_chunks())
        if isinstance(binning, str):
            left_out.append((name, binning))
        else:
            found.append(binning)
    return Search(tuple(found), tuple(left_out))


def _binning(name: str, column: pa.Array) -> Binning | str:
    """The bins, or why there are none."""
    if isinstance(column, pa.ChunkedArray):  # as old versions of pyarrow combine extension types
        column = pa.concat_arrays(column.chunks)
    kind = _KINDS.get(kind_of(column.type))
    if kind is None:
        return f"its values are {column.type}"
    some = values_of(column)
    some = some.filter(pc.invert(pc.is_null(some, nan_is_null=True)))
    if not len(some):
        return "the first rows have no value in it"
    if kind == "category":
        return _of_values(name, some, all_of_them=False)
    numbers = numbers_of(some, kind)
    numbers = numbers[np.isfinite(numbers)]
    distinct = np.unique(numbers)
    if kind == "number" and len(distinct) <= _FEW:
        return _of_values(name, some, all_of_them=True)
    edges = _edges(numbers, whole=kind == "time" or bool((distinct == np.round(distinct)).all()))
    if not edges:
        return "the first rows have one value in it"
    return Binning(name, kind, edges=edges)


def _of_values(name: str, some: pa.Array, *, all_of_them: bool) -> Binning | str:
    counts = pc.value_counts(pc.cast(some, pa.large_string()))
    times = counts.field("counts").to_numpy()
    texts = counts.field("values").to_pylist()
    least = 1 if all_of_them else max(1, _LEAST_SHARE * len(some))
    order = sorted((n for n in range(len(texts)) if times[n] >= least), key=lambda n: (-times[n], texts[n]))
    values = tuple(texts[n] for n in order[: _FEW if all_of_them else _MOST_VALUES])
    if not values:
        return "none of its values is frequent"
    if len(texts) == 1:
        return "the first rows have one value in it"
    return Binning(name, "category", values=values)


def _edges(numbers: np.typing.NDArray[np.float64], *, whole: bool) -> tuple[float, ...]:
    """Quantiles, of numbers with three digits where that keeps them apart; none below which no row is."""
    cuts = np.quantile(numbers, np.arange(1, _BINS) / _BINS, method="closest_observation" if whole else "linear")
    rounded = cuts if whole else np.array([float(f"{cut:.3g}") for cut in cuts])
    kept = rounded if len(np.unique(rounded)) == len(np.unique(cuts)) else cuts
    return tuple(sorted({float(c) for c in kept if c > numbers.min()}))
