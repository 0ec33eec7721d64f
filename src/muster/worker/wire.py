"""Frames on the socket between Muster and a worker: a head of JSON, a body of bytes, perhaps file descriptors.

Both ends use this module. Each sends one frame and then waits for the other's, so no frame is ever read too far.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import time
from typing import Any, Dict, Sequence, Union

PROTOCOL = 1
"""The worker's first frame has it. It grows when a change makes the two ends misunderstand each other."""

_MARK = b"MSTR"
_PREFIX = struct.Struct("<4sIQ")
_FIRST = 1 << 16
_ANCILLARY = socket.CMSG_SPACE(array.array("i").itemsize)

Head = Dict[str, Any]
Body = Union[bytes, bytearray]


class Closed(Exception):
    """The other end is gone, or what it sends is no frame."""


class Wire:
    """One end of the socket. With a `deadline` (a `time.monotonic()`), sending and receiving raise TimeoutError."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.deadline: float | None = None
        self._buffer = bytearray(_FIRST)

    def send(self, head: Head, body: Any = b"", descriptor: int | None = None) -> None:
        """Send one frame; `body` is anything that has the buffer protocol, and goes out uncopied."""
        text = json.dumps(head, separators=(",", ":")).encode()
        view = memoryview(body).cast("B") if len(body) else memoryview(b"")
        start = _PREFIX.pack(_MARK, len(text), len(view)) + text
        rights = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        try:
            self._wait()
            sent = self.socket.sendmsg([start, view], rights)
            for part in (memoryview(start)[sent:], view[max(0, sent - len(start)) :]):
                if len(part):
                    self._wait()
                    self.socket.sendall(part)
        except socket.timeout as error:
            raise TimeoutError from error
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self) -> tuple[Head, Body, int | None]:
        """The next frame. A file descriptor that came with it is the caller's to close."""
        try:
            return self._receive()
        except socket.timeout as error:
            raise TimeoutError from error
        except (OSError, ValueError, MemoryError, OverflowError, RecursionError) as error:
            raise Closed(str(error)) from error  # also what claims to be larger than can be

    def _receive(self) -> tuple[Head, Body, int | None]:
        buffer = memoryview(self._buffer)
        descriptors: list[int] = []
        have = 0
        while have < _PREFIX.size:
            self._wait()
            more, ancillary, _, _ = self.socket.recvmsg_into([buffer[have:]], _ANCILLARY)
            descriptors += _descriptors(ancillary)
            if not more:
                raise Closed("the other end closed the connection")
            have += more
        mark, head_size, body_size = _PREFIX.unpack_from(self._buffer)
        if mark != _MARK:
            raise Closed("what came is no frame")
        text = self._take(_PREFIX.size, have, head_size)
        body = self._take(_PREFIX.size + head_size, have, body_size)
        for extra in descriptors[1:]:
            os.close(extra)
        return json.loads(text.decode()), body, descriptors[0] if descriptors else None

    def _take(self, start: int, have: int, size: int) -> Body:
        """The `size` bytes of the frame from `start` on, of which those before `have` are in the buffer."""
        if start + size <= have:
            return bytes(memoryview(self._buffer)[start : start + size])
        whole = bytearray(size)
        ready = max(0, have - start)
        whole[:ready] = self._buffer[start : start + ready]
        rest = memoryview(whole)[ready:]
        while len(rest):
            self._wait()
            more = self.socket.recv_into(rest)
            if not more:
                raise Closed("the other end closed the connection")
            rest = rest[more:]
        return whole

    def _wait(self) -> None:
        if self.deadline is None:
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)


def _descriptors(ancillary: Sequence[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    for descriptor in found:
        os.set_inheritable(descriptor, False)
    return list(found)
