"""Muster's end of the socket to a worker: requests out, answers in, big batches through shared memory."""

from __future__ import annotations

import mmap
import os
import socket
import time
from collections.abc import Mapping

import pyarrow as pa

from muster.signature import Json
from muster.worker.batches import decode, encode, write
from muster.worker.wire import Body, Head, Wire

__all__ = ["Channel"]

_SHARE = 1 << 17
"""From this many bytes on, a batch goes through shared memory: one copy, by this side, and none by the kernel."""


class Channel:
    """The requests of one thread at a time to one worker. Closed and TimeoutError come from the wire."""

    def __init__(self, end: socket.socket) -> None:
        self._wire = Wire(end)
        self._shared: mmap.mmap | None = None

    def receive(self, seconds: float) -> Head:
        self._wire.deadline = time.monotonic() + seconds
        return self._answer()[0]

    def ask(self, request: Mapping[str, Json], seconds: float) -> Head:
        """Send a request without a batch, and wait for its answer."""
        self._wire.deadline = time.monotonic() + seconds
        self._wire.send(dict(request))
        return self._answer()[0]

    def ask_about(
        self, batch: pa.RecordBatch, request: Mapping[str, Json], seconds: float
    ) -> tuple[Head, pa.RecordBatch | None]:
        """Send a request with a batch, and wait for its answer, which has a batch unless it is an error."""
        self._wire.deadline = time.monotonic() + seconds
        if pa.ipc.get_record_batch_size(batch) >= _SHARE and hasattr(os, "memfd_create"):
            self._send_shared(batch, dict(request))
        else:
            self._wire.send(dict(request), encode(batch))
        head, body = self._answer()
        if head.get("kept"):
            self._shared = None  # the model holds on to a part of it: it is the worker's now
        if not body:
            return head, None
        answer = decode(body)
        answer.validate(full=True)  # the process that wrote it runs code that nobody vouches for
        return head, answer

    def close(self) -> None:
        """Give back the shared memory, though an error's frames may refer to this for long. The socket is another's."""
        self._shared = None

    def _answer(self) -> tuple[Head, Body]:
        head, body, descriptor = self._wire.receive()
        if descriptor is not None:
            os.close(descriptor)  # a worker has none to give
        return head, body

    def _send_shared(self, batch: pa.RecordBatch, request: Head) -> None:
        measure = pa.MockOutputStream()
        write(batch, measure)
        request["shared"] = size = measure.size()
        if self._shared is not None and len(self._shared) >= size:
            self._fill(batch)
            self._wire.send(request)
            return
        descriptor = os.memfd_create("muster-batch")
        try:
            os.ftruncate(descriptor, size + size // 8)
            self._shared = mmap.mmap(descriptor, 0)
            self._fill(batch)
            self._wire.send(request, descriptor=descriptor)
        finally:
            os.close(descriptor)

    def _fill(self, batch: pa.RecordBatch) -> None:
        sink = pa.FixedSizeBufferWriter(pa.py_buffer(self._shared))
        write(batch, sink)
        sink.close()
