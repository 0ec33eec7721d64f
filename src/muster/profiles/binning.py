"""Values of a column as few bins, which are chosen before anything is counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.profiles.edges import after, name_between
from muster.profiles.keys import Cells, Floats
from muster.profiles.part_names import part_name
from muster.profiles.reading import doubles, plain, seconds
from muster.signature import Json

__all__ = ["PAIRED", "Binning", "Kind", "Search", "numbers_of", "texts_of", "values_of"]

PAIRED = 16
"""Of so many columns the bins are taken in pairs too: 120 pairs."""

_RARER = "any rarer value"

Kind = Literal["category", "number", "time"]


@dataclass(frozen=True, slots=True)
class Binning:
    """Some `values` of a column and all others together, or the places between `edges` (of times in seconds since 1970). Rows without a
    value are the last bin.
    """

    column: str
    kind: Kind
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        return len(self.values or self.edges) + 2

    def codes(self, column: pa.Array) -> Cells:
        """The bin of each row."""
        column = values_of(column)
        if self.kind == "category":
            found = pc.fill_null(
                pc.index_in(texts_of(column), pa.array(self.values, pa.large_string())), len(self.values)
            )
            codes = found.to_numpy(zero_copy_only=False).astype(np.int64)
            missing = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
            return np.where(missing, len(self.values) + 1, codes)
        if not column.null_count:
            return self._places(numbers_of(column, self.kind))
        codes = np.full(len(column), len(self.edges) + 1, np.int64)
        codes[column.is_valid().to_numpy(zero_copy_only=False)] = self._places(
            numbers_of(column.drop_null(), self.kind)
        )
        return codes

    def _places(self, numbers: Floats) -> Cells:
        """Of finite numbers how many edges they reach, which for few edges is quicker than to search."""
        codes = np.zeros(len(numbers), np.int64)
        for edge in self.edges:
            codes += numbers >= edge
        codes[np.isnan(numbers)] = len(self.edges) + 1
        return codes

    def words(self, code: int, last: int | None = None) -> str:
        """What is true of the rows of a bin; or of those of neighbours up to the last one, between edges."""
        if code == self.count - 1:
            return f"{self.column} missing"
        if self.kind == "category":
            return f"{self.column} = {_RARER if code == len(self.values) else _value(self.values[code])}"
        end = code if last is None else last
        if code == 0 and end == len(self.edges):
            return f"{self.column} not missing"
        times = self.kind == "time"
        alone = code == end and 0 < end < len(self.edges) and self.edges[end] == after(self.edges[end - 1], times=times)
        return f"{self.column} {'= ' * alone}{name_between(self.edges, code, end, times=times)}"

    def to_json(self) -> dict[str, Json]:
        edges: list[Json] = [float(e).hex() for e in self.edges]
        return {"column": self.column, "kind": self.kind, "values": [*self.values], "edges": edges}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Binning:
        edges = tuple(float.fromhex(e) for e in document["edges"])
        return cls(document["column"], document["kind"], tuple(document["values"]), edges)


@dataclass(frozen=True, slots=True)
class Search:
    """Where weak segments are looked for: in the bins of each column, and in those of the first `PAIRED` ones by pairs. `left_out` are
    columns that are not looked at, and why.
    """

    binnings: tuple[Binning, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Places of two columns, the first before the second."""
        paired = min(PAIRED, len(self.binnings))
        return [(a, b) for a in range(paired) for b in range(a + 1, paired)]

    def to_json(self) -> dict[str, Json]:
        return {"bins": [b.to_json() for b in self.binnings], "left_out": [[*pair] for pair in self.left_out]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Search:
        bins = tuple(Binning.from_json(b) for b in document["bins"])
        return cls(bins, tuple((str(name), str(why)) for name, why in document["left_out"]))


def values_of(column: pa.Array) -> pa.Array:
    """The values without what only says how they are written, not even a dictionary."""
    found = plain(column)
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found


def texts_of(values: pa.Array) -> pa.Array:
    """Values as texts; -0 is 0."""
    if pa.types.is_floating(values.type):
        whole = values.to_numpy(zero_copy_only=False)
        values = pa.array(
            whole + whole.dtype.type(0), values.type, mask=values.is_null().to_numpy(zero_copy_only=False)
        )
    return pc.cast(values, pa.large_string())


def numbers_of(values: pa.Array, kind: Kind) -> Floats:
    """Of values without nulls; times in seconds since 1970."""
    return seconds(values).astype(np.float64) if kind == "time" else doubles(values)


def _value(text: str) -> str:
    """In quotes where it would be taken for other words of a condition."""
    return json.dumps(text, ensure_ascii=False) if text == _RARER or " and " in text else part_name(text)
