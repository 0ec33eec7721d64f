"""Reading the files of a Delta table: without deleted rows, under the table's own names and types, with partition columns."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from muster.dataset import Chunk
from muster.datasets.chunks import Piece, batch_of, cut, nothing
from muster.datasets.delta_log import DataFile, Snapshot, deltalake
from muster.datasets.files import cores, first_line
from muster.errors import DatasetError, InvalidInput
from muster.signature import Json

__all__ = ["DeltaPart", "row_groups"]

_BATCH = 65_536
_BUFFER = 256 << 10


@dataclass(frozen=True, slots=True)
class DeltaPart:
    """Some row `groups` of a file; without a file a table that has none."""

    index: int
    table: Snapshot
    source: DataFile | None
    groups: range
    offset: int
    rows: int

    @property
    def file(self) -> str:
        return self.source.path if self.source is not None else ""

    def chunks(
        self, rows: int, columns: Sequence[str] | None = None, skip: frozenset[int] = frozenset()
    ) -> Iterator[Chunk]:
        names = self.table.schema.names if columns is None else list(columns)
        missing = [n for n in names if n not in self.table.schema.names]
        if missing:
            raise InvalidInput(f"the data has no column {', '.join(missing)}")
        schema = pa.schema([self.table.schema.field(n) for n in names])
        start = 0
        for index, (piece, last) in enumerate(cut(self._pieces(schema, rows, skip), rows)):
            if index not in skip:
                assert piece.batch is not None, "rows that somebody wants were read"
                yield Chunk(self.index, index, start, piece.batch, (), last)
            start += piece.length

    def _pieces(self, schema: pa.Schema, rows: int, skip: frozenset[int]) -> Iterator[Piece]:
        yield nothing(schema)
        if self.source is None:
            return
        with opened(self.table, self.source) as file:
            reader = _Columns(self.table, self.source, file.schema_arrow, schema)
            row = sum(file.metadata.row_group(i).num_rows for i in range(self.groups.start))
            start = 0
            for group in self.groups:
                stop = row + file.metadata.row_group(group).num_rows
                count = int(self.source.keeps(row, stop).sum())
                if all(index in skip for index in range(start // rows, -(-(start + count) // rows))):
                    yield Piece(count, None)
                else:
                    yield from self._read(file, group, row, reader)
                row, start = stop, start + count

    def _read(self, file: pq.ParquetFile, group: int, row: int, reader: _Columns) -> Iterator[Piece]:
        assert self.source is not None
        for batch in file.iter_batches(_BATCH, [group], reader.stored):
            kept = self.source.keeps(row, row + batch.num_rows)
            row += batch.num_rows
            whole = reader.table_batch(batch)
            if not kept.all():
                whole = batch_of([a.filter(pa.array(kept)) for a in whole.columns], whole.schema, int(kept.sum()))
            yield Piece(whole.num_rows, whole)


class _Columns:
    """How the columns of one file become those of the table."""

    def __init__(self, table: Snapshot, file: DataFile, stored: pa.Schema, wanted: pa.Schema) -> None:
        self._fields = table.columns()
        self._partition = dict(file.partition)
        self._wanted = wanted
        self._physical = {n: _physical(self._fields[n]) for n in wanted.names}
        self._present = {n for n in wanted.names if self._physical[n] in stored.names and not self._is_partition(n)}
        self.stored = [self._physical[n] for n in wanted.names if n in self._present]

    def _is_partition(self, name: str) -> bool:
        return name in self._partition or self._physical[name] in self._partition

    def table_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch_of([self._column(batch, f) for f in self._wanted], self._wanted, batch.num_rows)

    def _column(self, batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
        physical = self._physical[field.name]
        if self._is_partition(field.name):
            value = self._partition.get(field.name, self._partition.get(physical))
            return pa.repeat(pa.scalar(value, field.type), batch.num_rows)
        if field.name not in self._present:  # added to the table after this file was written
            return pa.nulls(batch.num_rows, field.type)
        found = _named(batch.column(physical), field.type, self._fields[field.name]["type"])
        if found.type == field.type:
            return found
        try:
            return pc.cast(found, field.type)
        except pa.ArrowException as error:
            raise DatasetError(
                f"`{field.name}` is {found.type} in a file and {field.type} in the table: {first_line(error)}",
                hint="write the table anew with one type",
                details={"resume": False},
            ) from None


def _named(array: pa.Array, kind: pa.DataType, told: Json) -> pa.Array:
    """A struct with the table's names for its fields, and nulls for those that came later."""
    if not pa.types.is_struct(kind) or not isinstance(told, dict):
        return array
    fields = {str(f["name"]): f for f in told["fields"] if isinstance(f, dict)}  # type: ignore[union-attr]  # a struct has fields
    children = []
    for field in kind:
        physical = _physical(fields[field.name])
        at = array.type.get_field_index(physical)
        child = pa.nulls(len(array), field.type) if at < 0 else pc.struct_field(array, [at])
        child = child if at < 0 else _named(child, field.type, fields[field.name]["type"])
        children.append(child if child.type == field.type else pc.cast(child, field.type))
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())


def _physical(field: Mapping[str, Json]) -> str:
    metadata = field.get("metadata")
    mapped = metadata.get("delta.columnMapping.physicalName") if isinstance(metadata, dict) else None
    return str(mapped or field["name"])


def row_groups(table: Snapshot) -> tuple[tuple[int, ...], ...]:
    """The rows of each row group of each file."""
    with ThreadPoolExecutor(cores()) as pool:
        return tuple(pool.map(lambda file: _groups(table, file), table.files))


def _groups(table: Snapshot, file: DataFile) -> tuple[int, ...]:
    with opened(table, file) as source:
        return tuple(source.metadata.row_group(i).num_rows for i in range(source.num_row_groups))


@contextmanager
def opened(table: Snapshot, file: DataFile) -> Iterator[pq.ParquetFile]:
    """A file of the table; whatever goes wrong with it is told with its name."""
    told = {"file": file.path}
    try:
        with pq.ParquetFile(
            _source(table.place, file.path),
            pre_buffer=False,
            buffer_size=_BUFFER,
            coerce_int96_timestamp_unit="us",
        ) as source:
            yield source
    except FileNotFoundError:
        raise DatasetError(
            f"version {table.version} of the Delta table {table.place} lacks its file {file.path}: it was vacuumed, or removed",
            hint="take a newer version, or restore the file",
            details={**told, "resume": False},
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{file.path} of the Delta table {table.place} cannot be read: {first_line(error)}",
            hint="check the table, its storage and your rights on it",
            details={**told, "resume": isinstance(error, OSError)},
        ) from error


def _source(place: str, path: str) -> Any:
    if "://" in path:
        raise DatasetError(
            f"the Delta table {place} lists a file outside of it: {path}",
            hint="Muster reads no shallow clones: read the table that was cloned, or make a deep one",
        )
    if "://" not in place:
        return str(Path(place) / path)
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import PyFileSystem

    deltalake()
    return PyFileSystem(DeltaStorageHandler(place)).open_input_file(posixpath.normpath(path))
