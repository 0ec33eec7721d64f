"""A table in files: the Dataset over any format, its parts, and the kind that opens them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from muster.dataset import Chunk, Fault
from muster.datasets.chunks import Piece, batch_of, cut, shifted
from muster.datasets.content import Disk
from muster.datasets.files import File, fingerprint, reading, stamp
from muster.datasets.formats import Format, Inferred, Survey, format_of
from muster.datasets.listing import find, partition_types
from muster.datasets.location import claims, locate
from muster.errors import InvalidInput, near

__all__ = ["Columns", "FileDataset", "FilePart", "Files", "group_spans"]


class Files:
    """DatasetKind of paths, folders, globs and `file:` URLs."""

    name = "files"

    def claims(self, uri: str) -> bool:
        return claims(uri)

    def open(self, uri: str, options: Mapping[str, str]) -> FileDataset:
        location = locate(uri, options)
        files = find(location)
        return FileDataset(location, files, format_of(files, location.options))


# Keyed by the files with their sizes and times: a dataset that is opened again is not read through again.
@lru_cache(maxsize=32)
def _survey(form: Format, files: tuple[File, ...]) -> Survey:
    return form.survey(files)


@lru_cache(maxsize=32)
def _inferred(form: Format, files: tuple[File, ...], names: tuple[str, ...]) -> Inferred:
    infer = _survey(form, files).infer
    assert infer is not None, "a format that tells no types infers them"
    return infer(names)


class Named(Protocol):
    """Where a dataset is: all that it needs to know of it is its name."""

    @property
    def uri(self) -> str: ...


class Columns:
    """The types of a dataset's columns. Those that no file tells are found by reading all of it, when first asked for. Picklable."""

    def __init__(
        self, form: Format, files: tuple[File, ...], names: tuple[str, ...], known: Mapping[str, pa.DataType]
    ) -> None:
        self._form = form
        self._files = files
        self.names = names
        self._known = dict(known)
        self.counts: tuple[int | None, ...] = ()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        complete = len(self._known) == len(self.names)
        return Columns, (self._form, () if complete else self._files, self.names, self._known)

    def schema(self, names: Sequence[str] | None = None) -> pa.Schema:
        wanted = self.names if names is None else tuple(names)
        missing = sorted(set(wanted).difference(self.names), key=wanted.index)
        if missing:
            told = ", ".join(f"`{n}`{near(n, self.names)}" for n in missing)
            raise InvalidInput(f"the data has no column {told}", hint="its columns are " + ", ".join(self.names[:20]))
        with self._lock:
            unknown = tuple(n for n in wanted if n not in self._known)
            if unknown:
                found = _inferred(self._form, self._files, unknown)
                self._known |= found.types
                self.counts = found.counts
        return pa.schema([(n, self._known[n]) for n in wanted])

    def declared(self, types: Mapping[str, pa.DataType]) -> Columns:
        added = {n: t for n, t in types.items() if n in self.names}
        return Columns(self._form, self._files, self.names, self._known | added)


@dataclass(frozen=True, slots=True)
class FilePart:
    """Some `groups` of a file, or all of it."""

    index: int
    source: File
    form: Format
    columns: Columns
    groups: range | None
    offset: int
    rows: int | None

    @property
    def file(self) -> str:
        return self.source.name

    def chunks(
        self, rows: int, columns: Sequence[str] | None = None, skip: frozenset[int] = frozenset()
    ) -> Iterator[Chunk]:
        schema = self.columns.schema(columns)
        partition = dict(self.source.partition)
        stored = pa.schema([f for f in schema if f.name not in partition])

        def wanted(start: int, stop: int) -> bool:
            return any(index not in skip for index in range(start // rows, -(-stop // rows)))

        start = 0
        pieces = self.form.pieces(self.source, self.groups, stored, wanted)
        for index, (piece, last) in enumerate(cut(pieces, rows)):
            if index not in skip:
                with reading(self.source):
                    batch, faults = self._converted(piece, stored)
                yield Chunk(self.index, index, start, _placed(batch, schema, partition), shifted(faults, start), last)
            start += piece.length

    def _converted(self, piece: Piece, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
        assert piece.batch is not None, "rows that somebody wants were read"
        batch, found = self.form.convert(piece.batch, schema)
        if not found:
            return batch, piece.faults
        rows = piece.rows()
        faults = [*piece.faults, *(replace(f, row=int(rows[f.row])) for f in found)]
        return batch, tuple(sorted(faults, key=lambda f: f.row))


def _placed(batch: pa.RecordBatch, schema: pa.Schema, partition: Mapping[str, str | None]) -> pa.RecordBatch:
    """The batch with the columns that its folders give, all in the order of the schema."""
    if not any(name in partition for name in schema.names):
        return batch
    n = batch.num_rows
    arrays = [_constant(partition[f.name], f.type, n) if f.name in partition else batch.column(f.name) for f in schema]
    return batch_of(arrays, schema, n)


def _constant(value: str | None, kind: pa.DataType, n: int) -> pa.Array:
    if value is None:
        return pa.nulls(n, kind)
    return pa.repeat(pa.scalar(int(value) if pa.types.is_int64(kind) else value, kind), n)


class FileDataset:
    """A Dataset of files of one format. A picklable value that keeps no file open."""

    def __init__(self, location: Named, files: tuple[File, ...], form: Format, columns: Columns | None = None) -> None:
        self._location = location
        self._files = files
        self._form = form
        self._columns = columns or self._told()

    def _told(self) -> Columns:
        survey, folders = _survey(self._form, self._files), partition_types(self._files)
        names = (*(n for n in survey.names if n not in folders), *folders)
        unknown = [f"`{n}`{near(n, names)}" for n, _ in self._form.declared if n not in names]
        if unknown:
            raise InvalidInput(f"types are given for columns that the data does not have: {', '.join(unknown)}")
        types = {**survey.types, **dict(self._form.declared), **folders}
        return Columns(self._form, self._files, names, types)

    @property
    def uri(self) -> str:
        return self._location.uri

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of its files on a disk, in reading order."""
        return tuple(f.content.path for f in self._files if isinstance(f.content, Disk))

    @property
    def schema(self) -> pa.Schema:
        return self._columns.schema()

    @property
    def names(self) -> tuple[str, ...]:
        return self._columns.names

    def types(self, columns: Sequence[str]) -> pa.Schema:
        return self._columns.schema(columns)

    def declare(self, types: Mapping[str, pa.DataType]) -> FileDataset:
        if not self._form.declarable:
            return self
        fixed = {n for n, _ in self._form.declared} | {n for f in self._files for n, _ in f.partition}
        columns = self._columns.declared({n: t for n, t in types.items() if n not in fixed})
        return FileDataset(self._location, self._files, self._form, columns)

    def parts(self, rows: int) -> Sequence[FilePart]:
        survey = _survey(self._form, self._files)
        parts: list[FilePart] = []
        for position, file in enumerate(self._files):
            groups, offset = survey.groups[position], 0
            for span in [None] if groups is None else group_spans(groups, rows):
                count = survey.counts[position] if span is None or groups is None else sum(groups[i] for i in span)
                parts.append(FilePart(len(parts), file, self._form, self._columns, span, offset, count))
                offset += count or 0
        return parts

    def rows(self) -> int | None:
        counts = self._columns.counts or _survey(self._form, self._files).counts
        known = [c for c in counts if c is not None]
        return sum(known) if len(known) == len(counts) else None

    def size(self) -> int:
        return sum(f.size for f in self._files)

    def stamp(self) -> str:
        return stamp(self._files)

    def fingerprint(self) -> str:
        return fingerprint(self._files)


def group_spans(groups: Sequence[int], rows: int) -> list[range]:
    """Consecutive groups of at least `rows` rows together; what is left at the end goes with those before it."""
    spans: list[range] = []
    begin = count = 0
    for end, size in enumerate(groups, 1):
        count += size
        if count >= rows:
            spans.append(range(begin, end))
            begin, count = end, 0
    if begin < len(groups) or not spans:
        spans[-1:] = [range(spans[-1].start if spans else 0, len(groups))]
    return spans
