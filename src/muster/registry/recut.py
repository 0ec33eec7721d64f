"""Answers that were kept by the chunks of one reading of the data, found again by those of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muster.dataset import Dataset
from muster.errors import Conflict
from muster.registry.answering import Chunks
from muster.runner import Places

__all__ = ["Pieces", "Reading", "recut"]

Pieces = Mapping[tuple[int, int], Sequence[tuple[str, NDArray[np.int64]]]]
"""By part and index of the chunk: the blobs with the answers to its rows, in order, and which rows of each."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The data, cut into chunks of `rows` rows of these columns."""

    dataset: Dataset
    rows: int
    columns: tuple[str, ...]

    def chunks(self) -> Iterator[tuple[tuple[int, int], int, NDArray[np.int64]]]:
        """Of each chunk its key, the number of its file, and in the file those of its rows that can be read."""
        parts = self.dataset.parts(self.rows)
        places = Places.of(parts)
        for part in parts:
            for chunk in part.chunks(self.rows, self.columns):
                rows = places.rows(chunk)
                yield (chunk.part, chunk.index), rows.file, rows.numbers()


def recut(chunks: Chunks, kept: Reading, wanted: Reading) -> Pieces:
    """Conflict where a row has no answer."""
    digests: list[str] = []
    files: dict[int, list[tuple[int, NDArray[np.int64]]]] = {}
    for key, file, numbers in kept.chunks():
        files.setdefault(file, []).append((len(digests), numbers))
        digests.append(chunks.get(key, ""))
    answered = {file: _joined(of) for file, of in files.items()}
    return {key: _pieces(numbers, answered.get(file), digests) for key, file, numbers in wanted.chunks()}


_Answered = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Numbers of rows in order; of each, its chunk and its place there."""


def _joined(chunks: list[tuple[int, NDArray[np.int64]]]) -> _Answered:
    numbers = np.concatenate([n for _, n in chunks])
    owners = np.concatenate([np.full(len(n), chunk, np.int64) for chunk, n in chunks])
    places = np.concatenate([np.arange(len(n), dtype=np.int64) for _, n in chunks])
    order = np.argsort(numbers, kind="stable")
    return numbers[order], owners[order], places[order]


def _pieces(
    numbers: NDArray[np.int64], answered: _Answered | None, digests: Sequence[str]
) -> list[tuple[str, NDArray[np.int64]]]:
    if not len(numbers):
        return []
    known, owners, places = answered or (np.empty(0, np.int64),) * 3
    at = np.minimum(np.searchsorted(known, numbers), max(len(known) - 1, 0))
    if not len(known) or (known[at] != numbers).any():
        raise Conflict("the answers that are kept are not those to these rows", hint="evaluate the version again")
    starts = np.flatnonzero(np.diff(owners[at], prepend=-1))
    ends = [*starts[1:].tolist(), len(at)]
    found = [(digests[owners[at[a]]], places[at[a:b]]) for a, b in zip(starts.tolist(), ends, strict=True)]
    if not all(digest for digest, _ in found):
        raise Conflict("answers to some of the rows are not kept any more", hint="evaluate the version again")
    return found
