"""Rows from all over a dataset, to tell how its values are spread before they are counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from muster.dataset import Chunk, Dataset, Part
from muster.profiles.keys import Hashes, hash_rows

__all__ = ["spread"]

_STEP = 65_536
_CELLS = 10_000_000
"""More values than this are not read for it, where rows are counted without being read."""
_BYTES = 128_000_000
"""A text of no more bytes is read through for it."""
_PARTS = 16
_EVERY = np.uint64(2**64 - 1)


def spread(dataset: Dataset, columns: Sequence[str], rows: int) -> tuple[pa.Table, int]:
    """At least so many rows, where there are as many, and less than twice as many; and how many were looked at to take them: of data
    that are too large to be read twice, the first of up to 16 of their parts. Where all are looked at, the same rows give the same ones
    in whatever files they are.
    """
    parts = dataset.parts(_STEP)
    chosen, most = _chosen(dataset, parts, len(columns))
    kept: list[tuple[pa.RecordBatch, Hashes]] = []
    looked_at = count = 0
    least = _EVERY
    for chunk in (c for part in chosen for c in _first(part, columns, most)):
        hashes = hash_rows(0, np.arange(looked_at, looked_at + chunk.batch.num_rows))
        looked_at += chunk.length
        kept.append(_below(chunk.batch, hashes, least))
        count += len(kept[-1][1])
        while count >= 2 * rows:
            least //= np.uint64(2)
            kept = [_below(batch, hashes, least) for batch, hashes in kept]
            count = sum(len(hashes) for _, hashes in kept)
    return pa.Table.from_batches([batch for batch, _ in kept]), looked_at


def _chosen(dataset: Dataset, parts: Sequence[Part], columns: int) -> tuple[Sequence[Part], int | None]:
    """The parts to look at, and how many rows of each; None is all."""
    counts = [part.rows for part in parts]
    known = [n for n in counts if n is not None]
    counted = len(known) == len(counts)
    if sum(known) * columns <= _CELLS if counted else dataset.size() <= _BYTES:
        return parts, None
    places = np.unique(np.linspace(0, len(parts) - 1, _PARTS).round().astype(int)).tolist()
    return [parts[place] for place in places], max(1_000, _CELLS // (columns * len(places))) if counted else _STEP


def _first(part: Part, columns: Sequence[str], most: int | None) -> Iterator[Chunk]:
    """The chunks that hold the first rows of a part."""
    for chunk in part.chunks(_STEP if most is None else min(_STEP, most), columns):
        yield chunk
        if most is not None and chunk.start + chunk.length >= most:
            return


def _below(batch: pa.RecordBatch, hashes: Hashes, least: np.uint64) -> tuple[pa.RecordBatch, Hashes]:
    if least == _EVERY:
        return batch, hashes
    some = hashes < least
    return batch.filter(pa.array(some)), hashes[some]
