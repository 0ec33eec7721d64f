"""CONTRACT Dataset: any table, as a stream of Arrow record batches that is cut into parts which can be read apart; and the
Sink that commits one.

Rows have an order: files in bytewise order of path, rows in the order of each. A dataset is cut into parts (files, row
groups, key ranges), and a part into chunks: consecutive rows, by the dataset and the chunk size alone. Datasets and parts
are plain picklable values without open files. Reading errors are DatasetError and name the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

__all__ = ["Chunk", "Dataset", "DatasetKind", "Fault", "KeptRejects", "Part", "Sink", "SinkKind", "Written"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not be read: its offset from the start of its part, why, and what was found of it."""

    row: int
    error: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a part: `batch` has those that could be read, `faults` the others; together `length` rows from `start`."""

    part: int
    index: int
    start: int
    batch: pa.RecordBatch
    faults: tuple[Fault, ...] = ()
    last: bool = False

    @property
    def length(self) -> int:
        return int(self.batch.num_rows) + len(self.faults)


class Part(Protocol):
    """A piece of a dataset that can be read apart from the others."""

    @property
    def index(self) -> int: ...
    @property
    def file(self) -> str:
        """What a person would call it: the path within the dataset."""
        ...

    @property
    def offset(self) -> int:
        """Rows of the same file before this part, so that a reject can name its line's place in the file."""
        ...

    @property
    def rows(self) -> int | None:
        """How many rows, where that is known without reading them."""
        ...

    def chunks(
        self, rows: int, columns: Sequence[str] | None = None, skip: frozenset[int] = frozenset()
    ) -> Iterator[Chunk]:
        """Its chunks of `rows` rows, in order, without those whose index is in `skip`; the last one says so.

        A part without rows gives one empty chunk. Memory is bounded by a few chunks. `columns` picks and orders columns.
        """
        ...


class Dataset(Protocol):
    """A table somewhere. It does not change while it is used; `fingerprint` tells whether it did."""

    @property
    def uri(self) -> str:
        """What names it, without secrets."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """The columns and types of all of it. A text format without declared types is read through once, whole, to know them."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, which is cheaper to ask than their types."""
        ...

    def types(self, columns: Sequence[str]) -> pa.Schema:
        """The types of these columns: a text format is read through only if one of them is not declared."""
        ...

    def declare(self, types: Mapping[str, pa.DataType]) -> Dataset:
        """The same rows with these types where the format has none of its own (CSV; numbers and dates of JSON).

        A value that cannot be read as its type is a fault of its row. Other formats, and unknown names, are left as they are.
        """
        ...

    def parts(self, rows: int) -> Sequence[Part]:
        """The parts, for chunks of `rows` rows: as small as can be read apart, but none without need smaller than a chunk."""
        ...

    def rows(self) -> int | None:
        """How many rows, where that is known without reading them."""
        ...

    def size(self) -> int:
        """Bytes as stored."""
        ...

    def stamp(self) -> str:
        """What tells at once that nothing was touched: paths, sizes and times of change. Other data has another one; the same data may."""
        ...

    def fingerprint(self) -> str:
        """SHA-256 over (relative path, size, content digest) of the files in reading order."""
        ...


class DatasetKind(Protocol):
    """A kind of dataset: recognises what names one, and opens it. Outside packages add theirs under the entry point `muster.datasets`."""

    name: str

    def claims(self, uri: str) -> bool:
        """By its text alone; touches no disk and no network."""
        ...

    def open(self, uri: str, options: Mapping[str, str]) -> Dataset:
        """DatasetNotFound when nothing is there; InvalidInput names every wrong option."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """A chunk that is on disk, synced, under its final name in staging."""

    file: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class KeptRejects:
    """Where the rejects of a run without output stand, and their SHA-256; the most frequent reasons, with how many rows each has."""

    place: str
    sha256: str
    reasons: Mapping[str, int]


class Sink(Protocol):
    """Where an output grows: chunks in a staging folder beside it, then one rename. A picklable value; safe from several threads.

    Whoever reads the output sees the old one or the complete new one. `write` the same chunk again replaces it.
    """

    @property
    def staging(self) -> Path | str:
        """Where it grows: a folder, or the URL of one."""
        ...

    @property
    def output(self) -> str: ...

    def check(self) -> None:
        """Tell all that stands in the way: an existing output, no right to write, an input in the same place. Makes nothing."""
        ...

    def begin(self) -> None:
        """Make the staging folder, unless it is there; what stands in the way by now is told."""
        ...

    def write(
        self, part: int, index: int, table: pa.Table, rejects: Sequence[Mapping[str, object]] = ()
    ) -> Written: ...

    @property
    def rejects(self) -> str:
        """Where the rejects stand once the output is in place, if there are any."""
        ...

    def rejects_sha256(self) -> str | None:
        """Of the rejects of the output that is in place; None where there are none, or where that is not known."""
        ...

    def commit(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], starts: Mapping[int, int]
    ) -> None:
        """Put the chunks, in this order, in place as one output with `_muster.json`. Done twice, it is done once.

        `starts` gives the rows before each part, which turns the rows of the rejects into rows of the dataset. What
        `committed` needs to know stays in staging until `discard`.
        """
        ...

    def keep_rejects(self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]) -> KeptRejects:
        """Put only the rejects in place, under a name of this run: where nothing else comes of it. `discard` leaves them."""
        ...

    def committed(self) -> bool:
        """Whether this very sink's output is in place."""
        ...

    def discard(self) -> None:
        """Remove the staging folder: when the run is recorded as done, or given up. An output that is in place stays."""
        ...


class SinkKind(Protocol):
    """Opens sinks for what names an output."""

    name: str

    def claims(self, uri: str) -> bool: ...

    def create(
        self,
        uri: str,
        run: str,
        schema: pa.Schema,
        *,
        overwrite: bool = False,
        inputs: Sequence[str] = (),
        scratch: Path | None = None,
    ) -> Sink:
        """A sink for the output `uri` of the run; `inputs` are URIs that it must not lie in or over.

        `scratch` is a folder of the hub: what cannot be staged beside its output is staged there, and its rejects stay there.
        """
        ...
