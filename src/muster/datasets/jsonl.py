"""JSON lines: an object on each line; a key that a line lacks is null there.

A column has the keys' order of first appearance and a type that takes every value of every file: numbers are int64, or
double where one has a fraction; whole numbers beyond int64, and values of different kinds, make a column of strings that holds
the JSON text of what is no string. Strings stay strings unless a type is declared. A line that is no object, or has a key twice, is
a fault of its row; blank lines are no rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from muster.dataset import Fault
from muster.datasets.chunks import Piece, nothing
from muster.datasets.files import File, cores, reading
from muster.datasets.formats import Survey, Wanted, check_names, refuse_options, typed_options
from muster.datasets.json_values import parsed_types, parsed_values, told, union
from muster.datasets.source import unpacked

__all__ = ["JsonLines"]

_BLOCK = 4 << 20
_LONGEST_LINE = 256 << 20
_LINES = pa.schema([("line", pa.binary())])


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Options: `type.COLUMN`."""

    declared: tuple[tuple[str, pa.DataType], ...] = ()
    declarable: bool = True

    @classmethod
    def configure(cls, options: Mapping[str, str]) -> JsonLines:
        wrong: list[str] = []
        declared = typed_options(options, wrong)
        refuse_options("JSON lines", options, ("type",), wrong)
        return cls(declared)

    def survey(self, files: Sequence[File]) -> Survey:
        """Keys may appear on any line, so all of them are read."""
        with ThreadPoolExecutor(cores()) as pool:
            scans = list(pool.map(_scan, files))
        types: dict[str, pa.DataType] = {}
        for found, _ in scans:
            types = union(types, found)
        types = {name: told(kind) for name, kind in types.items()}
        check_names(files[0], list(types))
        return Survey(tuple(types), types, tuple(rows for _, rows in scans), (None,) * len(files))

    def pieces(self, file: File, groups: range | None, schema: pa.Schema, wanted: Wanted) -> Iterator[Piece]:
        yield nothing(_LINES)
        for lines in _lines(file):
            yield Piece(len(lines), pa.record_batch([lines], schema=_LINES))

    def convert(self, batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
        return parsed_values(batch.column(0), schema)


def _scan(file: File) -> tuple[dict[str, pa.DataType], int]:
    types: dict[str, pa.DataType] = {}
    rows = good = 0
    for lines in _lines(file):
        found, objects = parsed_types(lines)
        types = union(types, found)
        rows, good = rows + len(lines), good + objects
    if rows and not good:
        raise file.error(
            f"none of its {rows} lines is a JSON object; {file.looks()}", "write each object on one line of its own"
        )
    return types, rows


def _lines(file: File) -> Iterator[pa.Array]:
    """The lines that are not blank, each with its newline, many at a time."""
    with reading(file), unpacked(file) as source:
        rest = b""
        first = True
        while block := source.read(_BLOCK):
            if first:
                block, first = _beginning(file, block), False
            end = block.rfind(b"\n") + 1
            if end:
                yield _split(rest + block[:end])
                rest = block[end:]
            else:
                rest += block
            if len(rest) > _LONGEST_LINE:
                raise file.error(
                    f"a line is longer than {_LONGEST_LINE >> 20} MB",
                    "is it JSON lines? Each object has a line of its own",
                )
        if rest:
            yield _split(rest + b"\n")


def _beginning(file: File, block: bytes) -> bytes:
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise file.error("is UTF-16 text, and JSON lines are UTF-8", "write it anew in UTF-8")
    block = block.removeprefix(b"\xef\xbb\xbf")
    if block.lstrip()[:1] == b"[":
        raise file.error(
            "is one JSON array, not JSON lines", "write each object on a line of its own, as `jq -c '.[]'` does"
        )
    return block


def _split(block: bytes) -> pa.Array:
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    lines = pa.Array.from_buffers(pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(block)])
    begins = np.frombuffer(block, np.uint8)[offsets[:-1]]
    odd = np.flatnonzero(begins != ord("{"))
    blank = [i for i in odd if not lines[i].as_py().strip()]
    if not blank:
        return lines
    keep = np.ones(len(ends), np.bool_)
    keep[blank] = False
    return lines.filter(pa.array(keep))
