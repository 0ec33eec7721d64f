"""How many rows a chunk has."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["chunk_rows"]

_BYTES = 32 << 20
_MOST = 65_536
_LEAST = 1_024


def chunk_rows(schema: pa.Schema, rows: int | None, workers: int) -> int:
    """Rows whose values take some 32 MB, 65,536 at most; fewer where little data would leave workers idle.

    A chunk is the unit of retry and of output, so it is stored with the run and never chosen again.
    """
    width = sum(_width(f.type) for f in schema) or 8
    size = min(_MOST, _BYTES // width)
    if rows is not None:
        size = min(size, -(-rows // (4 * workers)))
    return max(_LEAST, size)


def _width(kind: pa.DataType) -> int:
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return 32 * max(1, kind.num_fields)
