"""A table as the bytes of a format.

Where a format has no such type: in CSV and JSON times with a zone are in UTC, bytes are base64, dictionaries are their
values; in CSV a nested value is JSON; in JSON a number that is not finite is null.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from muster.datasets.formats import COMPRESSED, refuse_options
from muster.datasets.json_text import base64_texts, json_lines, json_texts

__all__ = ["Encoding"]

_CODECS = ("snappy", "zstd", "gzip", "lz4", "brotli", "none")
_PACKED = {"gzip": ".gz", "zstd": ".zst"}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How an output is written. `packing` is that of a text file as a whole, `compression` that inside of Parquet."""

    format: str
    packing: str | None = None
    compression: str = "snappy"
    delimiter: str = ","

    @classmethod
    def configure(cls, name: str, packing: str | None, options: Mapping[str, str]) -> Encoding:
        known = {"parquet": ("compression",), "csv": ("delimiter",)}.get(name, ())
        wrong = []
        compression = options.get("compression", "snappy")
        if name == "parquet" and compression not in _CODECS:
            wrong.append(f"`compression` is one of {', '.join(_CODECS)}, not {compression!r}")
        delimiter = {"tab": "\t", "\\t": "\t"}.get(options.get("delimiter", ","), options.get("delimiter", ","))
        if name == "csv" and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"'):
            wrong.append(f"`delimiter` is one sign, not {delimiter!r}")
        refuse_options(f"an output in {name}", {k: v for k, v in options.items() if k != "format"}, known, wrong)
        return cls(name, packing if name in COMPRESSED else None, compression, delimiter)

    @property
    def suffix(self) -> str:
        return f".{self.format}{_PACKED.get(self.packing or '', '')}"

    def encode(self, table: pa.Table, *, header: bool = True) -> bytes | pa.Buffer:
        """A file of its own; text without `header` is one that goes on from another."""
        match self.format:
            case "parquet":
                return _parquet(table, self.compression)
            case "arrow":
                return _arrow(table)
            case "csv":
                return self._packed(_csv(table, self.delimiter, header=header))
        return self._packed(json_lines(table))

    def _packed(self, content: pa.Buffer) -> bytes | pa.Buffer:
        """Members of gzip, like frames of zstd, make one file when they stand behind one another."""
        match self.packing:
            case "gzip":
                return gzip.compress(content, 6, mtime=0)
            case "zstd":
                return pa.Codec("zstd", 3).compress(content, asbytes=True)
        return content


def _parquet(table: pa.Table, compression: str) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    # Floats hardly ever repeat: the dictionary that is tried for them first costs time and is thrown away.
    repeating = [f.name for f in table.schema if not pa.types.is_floating(f.type)]
    pq.write_table(
        table, sink, row_group_size=max(1, table.num_rows), compression=compression, use_dictionary=repeating
    )
    return sink.getvalue()


def _arrow(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _csv(table: pa.Table, delimiter: str, *, header: bool) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    columns = [_csv_column(column) for column in table.columns]
    plain = pa.Table.from_arrays(columns, names=table.column_names)
    if plain.num_columns:
        pa_csv.write_csv(plain, sink, pa_csv.WriteOptions(include_header=header, delimiter=delimiter))
    return sink.getvalue()


def _csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _csv_column(pc.cast(column, kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        return _csv_column(pc.cast(column, kind.storage_type))
    if pa.types.is_nested(kind):
        return pa.chunked_array([json_texts(chunk) for chunk in column.chunks], pa.string())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pc.cast(column, pa.timestamp(kind.unit, "UTC"))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.chunked_array([base64_texts(chunk) for chunk in column.chunks], pa.string())
    return pc.cast(column, pa.string()) if pa.types.is_string_view(kind) or pa.types.is_interval(kind) else column
