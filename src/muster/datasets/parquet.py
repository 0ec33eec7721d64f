"""Parquet: typed by itself, and read apart by row groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from muster.dataset import Fault
from muster.datasets.chunks import Piece, nothing
from muster.datasets.files import File, cores, reading
from muster.datasets.formats import Survey, Wanted, check_names, refuse_options
from muster.datasets.unite import fitted, united

__all__ = ["Parquet"]

_BUFFER = 256 << 10
_REMOTE_BUFFER = 4 << 20
_AHEAD = 96 << 20
_BATCH = 65_536


@dataclass(frozen=True, slots=True)
class Parquet:
    """`compression` is an option of outputs; files tell theirs, so readers have no use for it."""

    declarable: bool = False
    declared: tuple[tuple[str, pa.DataType], ...] = ()

    @classmethod
    def configure(cls, options: Mapping[str, str]) -> Parquet:
        refuse_options("Parquet", options, ("compression",))
        return cls()

    def survey(self, files: Sequence[File]) -> Survey:
        with ThreadPoolExecutor(cores()) as pool:
            footers = list(pool.map(_footer, files))
        schema = united(files, [schema for schema, _ in footers])
        groups = tuple(rows for _, rows in footers)
        types = dict(zip(schema.names, schema.types, strict=True))
        return Survey(tuple(schema.names), types, tuple(map(sum, groups)), groups)

    def pieces(self, file: File, groups: range | None, schema: pa.Schema, wanted: Wanted) -> Iterator[Piece]:
        with reading(file), file.content.open() as stream, _opened(file, stream, groups, schema.names) as source:
            yield nothing(pa.schema([source.schema_arrow.field(name) for name in schema.names]))
            start = 0
            for group in range(source.num_row_groups) if groups is None else groups:
                rows = source.metadata.row_group(group).num_rows
                if wanted(start, start + rows):
                    for batch in source.iter_batches(_BATCH, [group], schema.names):
                        yield Piece(batch.num_rows, batch.select(schema.names))
                else:
                    yield Piece(rows, None)
                start += rows

    def convert(self, batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
        return fitted(batch, schema), ()


def _opened(file: File, stream: pa.NativeFile, groups: range | None, names: Sequence[str]) -> pq.ParquetFile:
    """Read ahead whole, a column chunk would take as much memory as its row group: this way it comes by pages.

    Where each read is a request, the columns of a row group come in few large ones, unless they are too large for that.
    """
    if not file.content.remote:
        return pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER)
    footer = pq.read_metadata(stream)
    picked = range(footer.num_row_groups) if groups is None else groups
    whole = max((_stored(footer.row_group(i), names) for i in picked), default=0) <= _AHEAD
    return pq.ParquetFile(stream, metadata=footer, pre_buffer=whole, buffer_size=_REMOTE_BUFFER)


def _stored(group: pq.RowGroupMetaData, names: Sequence[str]) -> int:
    """The bytes of these columns, whose nested ones have a path."""
    columns = map(group.column, range(group.num_columns))
    return sum(c.total_compressed_size for c in columns if any(c.path_in_schema.startswith(n) for n in names))


def _footer(file: File) -> tuple[pa.Schema, tuple[int, ...]]:
    with reading(file), file.content.open() as stream, pq.ParquetFile(stream, pre_buffer=False) as source:
        schema = source.schema_arrow
        check_names(file, schema.names)
        return schema, tuple(source.metadata.row_group(i).num_rows for i in range(source.num_row_groups))
