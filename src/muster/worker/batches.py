"""Record batches as Arrow IPC streams of one batch: each names its own schema and brings its dictionaries."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def write(batch: pa.RecordBatch, sink: Any) -> None:
    """Write the batch to any Arrow output stream."""
    writer = pa.RecordBatchStreamWriter(sink, batch.schema)
    try:
        writer.write_batch(batch)
    finally:
        writer.close()


def encode(batch: pa.RecordBatch) -> pa.Buffer:
    """Bytes of the batch, in a buffer of their own."""
    sink = pa.BufferOutputStream()
    write(batch, sink)
    return sink.getvalue()


def decode(data: Any) -> pa.RecordBatch:
    """The batch in these bytes; its columns are views on them."""
    return pa.ipc.open_stream(pa.py_buffer(data)).read_next_batch()
