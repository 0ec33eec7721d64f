"""One file from the chunks of a run, without holding more than a piece of one in memory."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.disk import create
from muster.datasets.encode import Encoding
from muster.datasets.json_text import plain
from muster.datasets.parquet_join import join

__all__ = ["assemble", "reasons_of", "reject_lines", "rejects_of", "without_dictionaries"]

_BLOCK = 1 << 20
_MOST_REASONS = 10_000
_SHOWN_REASONS = 3


def assemble(chunks: Sequence[Path], target: Path, encoding: Encoding, schema: pa.Schema) -> tuple[str, int]:
    """Write the file; its SHA-256 and its size."""
    with create(target) as stream:
        out = _Hashed(stream)
        if encoding.format == "parquet":
            join(chunks, out.write)
        elif encoding.format == "arrow":
            _join_arrow(chunks, out, without_dictionaries(schema.empty_table()).schema)
        else:
            out.write(encoding.encode(schema.empty_table()))
            _concatenate(chunks, out.write)
        return out.digest.hexdigest(), out.size


class _Hashed(io.RawIOBase):
    """Writes to a stream and keeps the digest of what went through."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self._stream.write(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size


def _concatenate(chunks: Sequence[Path], write: Callable[[bytes], object]) -> None:
    for chunk in chunks:
        with chunk.open("rb") as stream:
            while block := stream.read(_BLOCK):
                write(block)


def _join_arrow(chunks: Sequence[Path], out: _Hashed, schema: pa.Schema) -> None:
    with pa.ipc.new_file(pa.PythonFile(out, "w"), schema) as writer:
        for chunk in chunks:
            with pa.OSFile(str(chunk)) as source:
                reader = pa.ipc.open_file(source)
                for i in range(reader.num_record_batches):
                    writer.write_batch(reader.get_batch(i))


def without_dictionaries(table: pa.Table) -> pa.Table:
    """Plain values, because the batches of one Arrow file must share their dictionaries, and those of chunks do not."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, pc.cast(table.column(i), field.type.value_type))
    return table


def reject_lines(rejects: Sequence[Mapping[str, object]]) -> bytes:
    lines = [json.dumps(plain(reject, endless=True), ensure_ascii=False) + "\n" for reject in rejects]
    return "".join(lines).encode(errors="backslashreplace")


def rejects_of(found: Sequence[tuple[Path, int]], target: Path) -> str | None:
    """Write the rejects of all chunks, with the rows of their part turned into rows of the dataset. SHA-256; None without any."""
    present = [(path, start) for path, start in found if path.exists()]
    if not present:
        return None
    with create(target) as stream:
        out = _Hashed(stream)
        for path, start in present:
            for line in path.read_bytes().splitlines():
                reject = json.loads(line)
                reject["row"] += start
                out.write(json.dumps(reject, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")
        return out.digest.hexdigest()


def reasons_of(rejects: Path) -> dict[str, int]:
    """The most frequent reasons. Those that come after very many other ones, as when each tells a value, are not looked at."""
    counts: Counter[str] = Counter()
    with rejects.open(encoding="utf-8") as lines:
        for line in lines:
            error = json.loads(line)["error"]
            if error in counts or len(counts) < _MOST_REASONS:
                counts[error] += 1
    return dict(counts.most_common(_SHOWN_REASONS))
