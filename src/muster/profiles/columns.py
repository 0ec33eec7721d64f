"""What the columns of a dataset look like: for each its missing rows, and its values as their type allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast

import numpy as np
import pyarrow as pa

from muster.errors import InvalidInput, TooNew
from muster.profiles.booleans import Booleans
from muster.profiles.keys import Floats
from muster.profiles.numbers import Numbers
from muster.profiles.reading import booleans, doubles, fractions, kind_of, lists, plain, seconds
from muster.profiles.stored import Arrays, fitting
from muster.profiles.texts import Texts
from muster.profiles.times import Times
from muster.profiles.vectors import Vectors
from muster.signature import Json

__all__ = ["Column", "Columns", "Kept", "Measure"]

_LAYOUT = 1
"""Of `arrays` and `header`, told in the header."""

_TYPES, _TYPE_LENGTH = 8, 128
"""Of the types that a column had, so many are told, and each so far."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept: `most` distinct values of a column, or cells of its numbers; the texts of values or none; weights or none."""

    most: int = 4_096
    texts: bool = True
    weighted: bool = False

    def __post_init__(self) -> None:
        if self.most < 2:
            raise InvalidInput(f"at least 2 distinct values are kept, not {self.most}")


class Measure(Protocol):
    """The measurement of the values of one column: of those that are no nulls."""

    @property
    def rows(self) -> int: ...
    def add(self, values: Any, weight: Floats | None = None) -> None: ...
    def merge(self, other: Any) -> None: ...
    def arrays(self) -> Arrays: ...
    def restore(self, arrays: Arrays, prefix: str) -> None: ...
    def figures(self) -> dict[str, Json]: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    read: Callable[[pa.Array], Any]
    measure: Callable[[Kept], Measure]


def _numbers(kept: Kept) -> Numbers:
    return Numbers(kept.most, weighted=kept.weighted)


_KINDS: Mapping[str, _Kind] = {
    "number": _Kind(doubles, _numbers),
    "clock": _Kind(fractions, _numbers),
    "duration": _Kind(fractions, _numbers),
    "boolean": _Kind(booleans, lambda kept: Booleans(weighted=kept.weighted)),
    "text": _Kind(lambda array: array, lambda kept: Texts(kept.most, weighted=kept.weighted, keep=kept.texts)),
    "date": _Kind(seconds, lambda _: Times()),
    "timestamp": _Kind(seconds, lambda _: Times()),
    "timestamp_utc": _Kind(seconds, lambda _: Times()),
    "vector": _Kind(lists, lambda _: Vectors()),
}

_NOTES = {
    "clock": "in seconds since midnight",
    "duration": "in seconds",
    "timestamp_utc": "by UTC",
    "other": "rows are counted as present or missing only",
}


class Column:
    """One column: `kind` (as `reading.kind_of`; `null` until a batch has another type), the Arrow `types` that it had, and `measure`.

    `rows` has the rows that are present and those that are missing; `mass` their weights, without weights it is empty.
    """

    def __init__(self, kind: str, kept: Kept) -> None:
        self.kept = kept
        self.types: set[str] = set()
        self.rows = np.zeros(2, np.int64)
        self.mass = np.zeros(2 if kept.weighted else 0, np.float64)
        self._become(kind)

    @property
    def present(self) -> int:
        return int(self.rows[0])

    @property
    def missing(self) -> int:
        return int(self.rows[1])

    def _become(self, kind: str) -> None:
        self.kind = kind
        self.measure = _KINDS[kind].measure(self.kept) if kind in _KINDS else None

    def fits(self, kind: str) -> bool:
        return self.kind == kind or "null" in (self.kind, kind)

    def add(self, array: pa.Array, weight: Floats | None) -> None:
        kind = kind_of(array.type)
        if self.kind == "null" and kind != "null":
            self._become(kind)
        self._name(str(array.type)[:_TYPE_LENGTH])
        array = plain(array)
        missing = array.null_count
        self.rows = self.rows + np.array([len(array) - missing, missing])
        if missing:
            valid = array.is_valid()
            if weight is not None:
                there = valid.to_numpy(zero_copy_only=False)
                self.mass = self.mass + np.bincount(~there, weight, 2)
                weight = weight[there]
            if self.measure is not None:
                array = array.filter(valid)
        elif weight is not None:
            self.mass = self.mass + np.array([weight.sum(), 0.0])
        if self.measure is not None and len(array):
            self.measure.add(_KINDS[self.kind].read(array), weight)

    def merge(self, other: Column) -> None:
        if self.kind == "null":
            self._become(other.kind)
        for name in other.types:
            self._name(name)
        self.rows = self.rows + other.rows
        self.mass = self.mass + other.mass
        if self.measure is not None and other.measure is not None:
            self.measure.merge(other.measure)

    def arrays(self) -> Arrays:
        return {"rows": self.rows, "mass": self.mass, **(self.measure.arrays() if self.measure else {})}

    def header(self) -> dict[str, Json]:
        return {"kind": self.kind, "types": [*sorted(self.types)]}

    def restore(self, header: Mapping[str, Json], arrays: Arrays, prefix: str) -> None:
        self.types = {str(name) for name in cast("list[str]", header["types"])}
        self.rows = fitting(arrays[f"{prefix}rows"], self.rows)
        self.mass = fitting(arrays[f"{prefix}mass"], self.mass)
        if (self.rows < 0).any():
            raise ValueError("fewer than no rows")
        if self.measure is not None:
            self.measure.restore(arrays, prefix)
            if self.measure.rows != self.present:
                raise ValueError("values of other rows than those that are present")

    def figures(self) -> dict[str, Json]:
        figures: dict[str, Json] = {"kind": self.kind, "types": [*sorted(self.types)]}
        figures |= {"rows": self.present + self.missing, "missing": self.missing}
        if self.kind in _NOTES:
            figures["note"] = _NOTES[self.kind]
        return figures | (self.measure.figures() if self.measure else {})

    def _name(self, name: str) -> None:
        """The first ones of the alphabet, whatever order they come in."""
        if name not in self.types:
            self.types = set(sorted(self.types | {name})[:_TYPES])


class Columns:
    """The columns of the first batch, each by itself; every later batch has the same ones, of the same kinds.

    Counts merge to the same bits in any order and grouping. `columns` has them by name, in the order of the first batch; it is empty
    before that.
    """

    def __init__(self, kept: Kept = Kept()) -> None:
        self.kept = kept
        self.columns: dict[str, Column] = {}
        self._began = False

    @property
    def rows(self) -> int:
        return max((column.present + column.missing for column in self.columns.values()), default=0)

    def add(self, batch: pa.RecordBatch, weight: Floats | None = None) -> None:
        """Count rows. InvalidInput, and nothing is counted, if columns are missing, new, of another kind, or of one name."""
        kinds = {name: kind_of(kind) for name, kind in zip(batch.schema.names, batch.schema.types, strict=True)}
        twice = sorted(name for name, n in Counter(batch.schema.names).items() if n > 1)
        self._check(kinds, twice, "the batch")
        weight = None if weight is None else np.asarray(weight, np.float64)
        if (weight is not None) != self.kept.weighted:
            raise InvalidInput(f"these columns are measured {'with' if self.kept.weighted else 'without'} weights")
        if weight is not None and not (
            len(weight) == batch.num_rows and (weight >= 0).all() and np.isfinite(weight).all()
        ):
            raise InvalidInput("weights have to be finite and not negative, one for each row")
        self._begin(kinds)
        for name, column in self.columns.items():
            column.add(batch.column(name), weight)

    def merge(self, other: Self) -> None:
        if self.kept != other.kept:
            raise InvalidInput("these profiles keep different things", hint="merge profiles of one kind only")
        if not other._began:
            return
        kinds = {name: column.kind for name, column in other.columns.items()}
        self._check(kinds, [], "the other profile")
        self._begin(kinds)
        for name, column in self.columns.items():
            column.merge(other.columns[name])

    def arrays(self) -> Arrays:
        """All that is counted, by the place of the column and by name."""
        columns = enumerate(self.columns.values())
        return {f"{n}.{name}": array for n, column in columns for name, array in column.arrays().items()}

    def header(self) -> dict[str, Json]:
        """All else that is needed to restore it."""
        columns: list[Json] = [{"name": name, **column.header()} for name, column in self.columns.items()]
        return {
            "layout": _LAYOUT,
            "most": self.kept.most,
            "texts": self.kept.texts,
            "weighted": self.kept.weighted,
            "columns": columns if self._began else None,
        }

    @classmethod
    def restored(cls, header: Mapping[str, Any], arrays: Arrays, prefix: str = "") -> Self:
        """The profile that gave `header` and, stored under `prefix`, `arrays`; TooNew for a later layout; ValueError, KeyError or
        TypeError if they do not fit.
        """
        if int(header["layout"]) > _LAYOUT:
            raise TooNew(f"these columns were written in layout {header['layout']}", hint="upgrade Muster to read them")
        columns = cls(Kept(int(header["most"]), bool(header["texts"]), bool(header["weighted"])))
        if header["columns"] is None:
            return columns
        columns._began = True
        for n, stored in enumerate(header["columns"]):
            if stored["kind"] not in {*_KINDS, "null", "other"}:
                raise ValueError(f"a column of no known kind: {stored['kind']}")
            column = columns.columns[str(stored["name"])] = Column(str(stored["kind"]), columns.kept)
            column.restore(stored, arrays, f"{prefix}{n}.")
        if len(columns.columns) != len(header["columns"]):
            raise ValueError("two columns of one name")
        if any(column.present + column.missing != columns.rows for column in columns.columns.values()):
            raise ValueError("columns of different numbers of rows")
        return columns

    def figures(self) -> dict[str, Json]:
        """By column: `kind`, `types`, `rows`, `missing`, and what its measurement tells. Weights are in the mean, the deviation and
        quantiles of numbers; all else is told of rows.
        """
        return {name: column.figures() for name, column in self.columns.items()}

    def _begin(self, kinds: Mapping[str, str]) -> None:
        if not self._began:
            self.columns = {name: Column(kind, self.kept) for name, kind in kinds.items()}
            self._began = True

    def _check(self, kinds: Mapping[str, str], twice: list[str], where: str) -> None:
        """Name all that is wrong with the columns of a batch or of another profile."""
        faults = [f"`{name}` is there twice" for name in twice]
        if self._began:
            faults += [f"`{name}` is missing" for name in self.columns if name not in kinds]
            faults += [f"`{name}` is new" for name in kinds if name not in self.columns]
            faults += [
                f"`{name}` is of kind {kinds[name]}, not {column.kind}"
                for name, column in self.columns.items()
                if name in kinds and not column.fits(kinds[name])
            ]
        if faults:
            hint = "each batch needs the columns of the first one" if self._began else "give each column its own name"
            raise InvalidInput(
                f"the columns of {where} do not fit: {'; '.join(faults)}", hint=hint, details={"columns": faults}
            )
