"""Arrow IPC: typed by itself. The file format is read apart by record batches; the stream format only in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import ipc

from muster.dataset import Fault
from muster.datasets.chunks import Piece, nothing
from muster.datasets.files import File, cores, reading
from muster.datasets.formats import Survey, Wanted, check_names, refuse_options
from muster.datasets.unite import fitted, united

__all__ = ["Arrow"]

_FILE = b"ARROW1"
_VERSION_1 = b"FEA1"
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Arrow:
    """Takes no options."""

    declarable: bool = False
    declared: tuple[tuple[str, pa.DataType], ...] = ()

    @classmethod
    def configure(cls, options: Mapping[str, str]) -> Arrow:
        refuse_options("Arrow", options, ())
        return cls()

    def survey(self, files: Sequence[File]) -> Survey:
        with ThreadPoolExecutor(cores()) as pool:
            known = list(pool.map(_head, files))
        schema = united(files, [schema for schema, _ in known])
        types = dict(zip(schema.names, schema.types, strict=True))
        groups = tuple(rows for _, rows in known)
        counts = tuple(None if rows is None else sum(rows) for rows in groups)
        return Survey(tuple(schema.names), types, counts, groups)

    def pieces(self, file: File, groups: range | None, schema: pa.Schema, wanted: Wanted) -> Iterator[Piece]:
        with reading(file), file.content.open() as source:
            reader = _open(source, None)
            yield nothing(pa.schema([reader.schema.field(name) for name in schema.names]))
            if groups is None:
                batches = iter(reader)
            else:
                picked = sorted(reader.schema.get_field_index(name) for name in schema.names) or [0]
                batches = map(_open(source, picked).get_batch, groups)
            for batch in batches:
                batch.validate()
                yield Piece(batch.num_rows, batch.select(schema.names))

    def convert(self, batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
        return fitted(batch, schema), ()


def _open(source: pa.NativeFile, picked: list[int] | None) -> ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader:
    """A reader of the file format, of these columns, or one of the stream format, which always has all."""
    source.seek(0)
    magic = source.read(len(_FILE))
    source.seek(0)
    if magic == _FILE:
        return ipc.open_file(source, options=ipc.IpcReadOptions(included_fields=picked or []))
    return ipc.open_stream(source)


def _head(file: File) -> tuple[pa.Schema, tuple[int, ...] | None]:
    """The schema, and the rows of each record batch if they can be read apart."""
    with reading(file), file.content.open() as source:
        if source.read(4) == _VERSION_1:
            raise file.error(
                "is Feather of version 1, which no longer has a reader for streams", "write it anew as version 2"
            )
        reader = _open(source, None)
        check_names(file, reader.schema.names)
        if isinstance(reader, ipc.RecordBatchStreamReader):
            _check_end(file, source)
            return reader.schema, None
        # One column tells how many rows a batch has; the others are not even unpacked.
        counting = _open(source, [0])
        return reader.schema, tuple(counting.get_batch(i).num_rows for i in range(counting.num_record_batches))


def _check_end(file: File, source: pa.NativeFile) -> None:
    """A stream that was cut between two batches reads without any error, so its end mark must be there."""
    source.seek(max(0, file.size - len(_END_OF_STREAM)))
    if source.read() != _END_OF_STREAM:
        raise file.error("is an Arrow stream without its end: it was cut, or is still being written", "write it anew")
