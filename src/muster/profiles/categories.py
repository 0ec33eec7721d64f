"""Which values a column of texts has and how often, while they are few; and what can be told of them when they are many."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa

from muster.errors import InvalidInput
from muster.profiles.keys import Cells, Floats, Hashes
from muster.profiles.stored import Arrays, fitting
from muster.profiles.values import Values
from muster.signature import Json

__all__ = ["KEPT_BYTES", "LONGEST", "TOP", "Categories"]

LONGEST = 128
"""Characters of a value that are kept."""

KEPT_BYTES = 1 << 18
"""Of all values that are kept together, in UTF-8. Longer ones are free text, of which none is kept."""

TOP = 20
"""Values among the figures."""


class Categories:
    """Rows by the hash of their value, and `texts`, the value of each hash while no more than `most` are distinct; else None.

    `texts` is None too where values are longer than KEPT_BYTES in all, and where none were to be kept. All of that depends on the
    values alone, not on their order.
    """

    __slots__ = ("keep", "texts", "values")

    def __init__(self, most: int, *, weighted: bool = False, keep: bool = True) -> None:
        self.values = Values(most, weighted=weighted)
        self.keep = keep
        self.texts: dict[int, str] | None = {} if keep else None

    @property
    def rows(self) -> int:
        return self.values.cells.rows

    def add(self, texts: pa.Array, hashes: Hashes, counts: Cells, mass: Floats | None = None) -> None:
        """Count values, a large_string array without nulls, each `counts` times; the same value may come twice."""
        codes = hashes.view(np.int64)
        order = np.argsort(codes)
        codes = codes[order]
        first = np.ones(len(codes), np.bool_)
        np.not_equal(codes[1:], codes[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        if not len(starts):
            return
        codes, known = codes[starts], self.values.cells.cells
        times = np.add.reduceat(counts[order], starts)
        self.values.add(codes, times, None if mass is None else np.add.reduceat(mass[order], starts))
        if self.texts is not None and self.values.exact:
            new = ~np.isin(codes, known, assume_unique=True)
            found = texts.take(pa.array(order[starts[new]]))
            self.texts.update(zip(codes[new].tolist(), _trimmed(found), strict=True))
        self._settle()

    def merge(self, other: Self) -> None:
        if self.keep != other.keep:
            raise InvalidInput("one profile keeps texts and the other does not", hint="merge profiles of one kind only")
        self.values.merge(other.values)
        if self.texts is not None:
            self.texts = None if other.texts is None else self.texts | other.texts
        self._settle()

    def names(self) -> list[str] | None:
        """The values in the order of the cells, or None where they are not kept."""
        return None if self.texts is None else [self.texts[code] for code in self.values.cells.cells.tolist()]

    def arrays(self) -> Arrays:
        """All that is counted, by name; the values one after the other in UTF-8, and how many bytes each has."""
        arrays = dict(self.values.arrays())
        if (names := self.names()) is not None:
            encoded = [name.encode() for name in names]
            arrays["texts"] = np.frombuffer(b"".join(encoded), np.uint8)
            arrays["sizes"] = np.array([len(data) for data in encoded], np.int64)
        return arrays

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.values.restore(arrays, prefix)
        self.texts = None
        if f"{prefix}texts" not in arrays and f"{prefix}sizes" not in arrays:
            return
        codes = self.values.cells.cells.tolist()
        sizes = fitting(arrays[f"{prefix}sizes"], np.empty(len(codes), np.int64))
        ends = np.cumsum(sizes).tolist()
        data = fitting(arrays[f"{prefix}texts"], np.empty(ends[-1] if ends else 0, np.uint8)).tobytes()
        if not (self.keep and self.values.exact) or (sizes < 0).any():
            raise ValueError("texts where none belong")
        self.texts = {code: data[end - size : end].decode() for code, end, size in zip(codes, ends, sizes, strict=True)}

    def figures(self) -> dict[str, Json]:
        """`distinct`, `once` (the share of distinct values that one row has), `top` values, and `largest`, the most rows that one can have.

        `top` has a `text` of None where none is kept, and no values at all when they are many: `note` says so.
        """
        cells, sample = self.values.cells, self.values.sample
        counts = cells.counts[:, 0]
        times = counts if sample is None else sample.counts
        figures: dict[str, Json] = {
            "distinct": self.values.distinct().to_json(),
            "once": float((times == 1).mean()) if len(times) else None,
            "largest": int(counts.max(initial=0)),
            "top": [],
        }
        if sample is not None:
            return figures | {"note": f"more than {cells.most} distinct values: no value is kept"}
        names, kept = self.names() or [""] * len(counts), self.texts is not None
        most = sorted(zip((-counts).tolist(), names, strict=True))[:TOP]
        figures["top"] = [{"text": text if kept else None, "rows": -rows} for rows, text in most]
        if self.keep and not kept:
            figures["note"] = "the values are too long for categories: none is kept"
        return figures

    def _settle(self) -> None:
        if self.texts is not None and not (self.values.exact and _size(self.texts) <= KEPT_BYTES):
            self.texts = None


def _size(texts: dict[int, str]) -> int:
    return len("".join(texts.values()).encode())


def _trimmed(texts: pa.Array) -> list[str]:
    """As Python's texts, the long ones cut and marked so; bytes that are no UTF-8 are replaced."""
    whole = [data[: 4 * LONGEST + 4].decode("utf-8", "replace") for data in texts.cast(pa.large_binary()).to_pylist()]
    return [text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in whole]
