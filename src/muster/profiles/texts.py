"""What the texts of a column are like: their values, their length, their words."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.profiles.categories import Categories
from muster.profiles.keys import Cells, Floats, hash_runs
from muster.profiles.numbers import Numbers
from muster.profiles.stored import Arrays, fitting
from muster.signature import Json

__all__ = ["WORD_CELLS", "Texts"]

WORD_CELLS = 4_096
"""Cells of the histogram of words."""

_SPREAD = 512
"""Cells of the lengths of texts, and of their numbers of words."""


_AT_ONCE = 1 << 22
"""Bytes whose words are looked for together; a longer text by itself."""


def _folded() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        if byte >= 128 or chr(byte).isalnum():
            table[byte] = ord(chr(byte).lower()) if byte < 128 else byte
    return table


_FOLDED = _folded()
"""What a byte counts as within a word: ASCII letters as small ones, 0 where it is between words."""


class Texts:
    """`categories`, the values; `lengths` in characters; `tokens`, the number of words; `words`, words by hash in WORD_CELLS cells.

    A word is what stands between ASCII characters that are no letters and no digits, with ASCII letters made small. In scripts without
    spaces it is what stands between marks. Only `categories` regards weights.
    """

    __slots__ = ("categories", "lengths", "tokens", "words")

    def __init__(self, most: int, *, weighted: bool = False, keep: bool = True) -> None:
        self.categories = Categories(most, weighted=weighted, keep=keep)
        self.lengths, self.tokens = Numbers(_SPREAD), Numbers(_SPREAD)
        self.words = np.zeros(WORD_CELLS, np.int64)

    def add(self, array: pa.Array, weight: Floats | None = None) -> None:
        """Count texts without nulls, as large_string or by dictionary."""
        many = not self.categories.values.exact
        if many and not pa.types.is_dictionary(array.type):  # then hardly any would come twice
            self._count(array, np.ones(len(array), np.int64), weight)
        else:
            self._count(*by_value(array, weight))

    def _count(self, texts: pa.Array, counts: Cells, mass: Floats | None) -> None:
        data, offsets = _buffers(texts)
        starts, sizes = offsets[:-1], np.diff(offsets)
        self.categories.add(texts, hash_runs(data, starts, sizes), counts, mass)
        self.lengths.add(pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.float64), counts=counts)
        cuts = np.searchsorted(offsets, np.arange(_AT_ONCE, offsets[-1], _AT_ONCE))
        for first, last in pairwise(np.unique([0, *cuts, len(texts)]).tolist()):
            self._count_words(data, offsets[first : last + 1], counts[first:last])

    def _count_words(self, data: npt.NDArray[np.uint8], offsets: Cells, counts: Cells) -> None:
        data, offsets = _FOLDED[data[offsets[0] : offsets[-1]]], offsets - offsets[0]
        starts, ends, row = _words(data, offsets)
        self.tokens.add(np.bincount(row, minlength=len(counts)).astype(np.float64), counts=counts)
        cell = (hash_runs(data, starts, ends - starts) >> np.uint64(52)).astype(np.int64)
        self.words = self.words + np.bincount(cell, counts[row], WORD_CELLS).astype(np.int64)

    def merge(self, other: Self) -> None:
        self.categories.merge(other.categories)
        self.lengths.merge(other.lengths)
        self.tokens.merge(other.tokens)
        self.words = self.words + other.words

    def arrays(self) -> Arrays:
        pieces: dict[str, Categories | Numbers] = {
            "categories": self.categories,
            "lengths": self.lengths,
            "tokens": self.tokens,
        }
        named = {f"{of}.{name}": a for of, piece in pieces.items() for name, a in piece.arrays().items()}
        return named | {"words": self.words}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.categories.restore(arrays, f"{prefix}categories.")
        self.lengths.restore(arrays, f"{prefix}lengths.")
        self.tokens.restore(arrays, f"{prefix}tokens.")
        self.words = fitting(arrays[f"{prefix}words"], self.words)
        if (self.words < 0).any() or {self.lengths.rows, self.tokens.rows} != {self.categories.rows}:
            raise ValueError("lengths of other texts than those that are counted")

    @property
    def rows(self) -> int:
        return self.categories.rows

    def figures(self) -> dict[str, Json]:
        """Those of the values; `empty`, texts of length 0; `length` and `tokens` as of numbers."""
        shown = ("min", "max", "mean", "std", "quantiles")
        figures = self.categories.figures() | {"empty": int(self.lengths.facts[4])}
        for name, numbers in (("length", self.lengths), ("tokens", self.tokens)):
            found = numbers.figures()
            figures[name] = {key: found[key] for key in shown if key in found}
        return figures


def by_value(array: pa.Array, weight: Floats | None) -> tuple[pa.Array, Cells, Floats | None]:
    """The distinct texts as a large_string array, the rows of each, and their weight."""
    coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    index = coded.indices.to_numpy(zero_copy_only=False)
    counts: Cells = np.bincount(index, minlength=len(coded.dictionary)).astype(np.int64)
    mass: Floats | None = None
    if weight is not None:
        mass = np.bincount(index, weight, len(coded.dictionary)).astype(np.float64)
    occurs = np.flatnonzero(counts)
    texts = coded.dictionary
    if len(occurs) < len(texts):
        texts, counts = texts.take(pa.array(occurs)), counts[occurs]
        mass = None if mass is None else mass[occurs]
    return texts, counts, mass


def _buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], Cells]:
    """The bytes of a large_string array, and where in them each text begins and the last one ends."""
    _, offsets, data = texts.buffers()
    if not len(texts) or offsets is None:
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    places = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
    first, last = int(places[0]), int(places[-1])
    found = np.frombuffer(data, np.uint8, last - first, first) if last > first else np.empty(0, np.uint8)
    return found, places - first


def _words(data: npt.NDArray[np.uint8], offsets: Cells) -> tuple[Cells, Cells, Cells]:
    """Where each word begins and ends in folded bytes, and in which text it is."""
    inside = data > 0
    edge = np.zeros(len(data) + 1, np.bool_)
    edge[offsets] = True
    begins, ends = inside.copy(), inside.copy()
    begins[1:] &= ~inside[:-1] | edge[1:-1]
    ends[:-1] &= ~inside[1:] | edge[1:-1]
    starts = np.flatnonzero(begins)
    return starts, np.flatnonzero(ends) + 1, np.searchsorted(offsets, starts, side="right") - 1
