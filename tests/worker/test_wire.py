from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.worker.wire import Closed, Head, Wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=10,
)


class Ends:
    def __init__(self) -> None:
        self.sockets = socket.socketpair()
        self.here, self.there = map(Wire, self.sockets)

    def close(self) -> None:
        for end in self.sockets:
            end.close()

    def carry(self, head: Head, body: bytes, descriptor: int | None = None) -> tuple[Head, bytes, int | None]:
        thread = threading.Thread(target=self.here.send, args=(head, body, descriptor))
        thread.start()
        got, bytes_, passed = self.there.receive()
        thread.join()
        return got, bytes(bytes_), passed


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.close()


@given(
    frames=st.lists(
        st.tuples(st.dictionaries(st.text(max_size=9), JSON, max_size=5), st.integers(0, 300_000), st.integers(0, 255)),
        min_size=1,
        max_size=3,
    )
)
def test_frames_arrive_as_they_were_sent(frames: list[tuple[Head, int, int]]) -> None:
    ends = Ends()
    try:
        for head, size, fill in frames:
            body = bytes([fill]) * size
            assert ends.carry(head, body) == (head, body, None)
    finally:
        ends.close()


@pytest.mark.parametrize("size", [0, 1, 65_500, 65_520, 65_536, 65_537, 3_000_000])
def test_bodies_around_the_size_of_the_buffer(ends: Ends, size: int) -> None:
    body = os.urandom(size)
    assert ends.carry({"n": size}, body)[1] == body


@pytest.mark.parametrize("head", [60_000, 65_500, 65_536, 500_000])
@pytest.mark.parametrize("body", [0, 10, 100_000])
def test_heads_around_the_size_of_the_buffer(ends: Ends, head: int, body: int) -> None:
    sent = {"params": {"text": "ä" * (head // 6)}}
    assert ends.carry(sent, b"x" * body) == (sent, b"x" * body, None)


def test_a_descriptor_comes_along_and_is_not_inherited(ends: Ends) -> None:
    read, write = os.pipe()
    _, body, passed = ends.carry({}, b"x" * 500_000, write)
    assert passed not in {None, write}
    assert passed is not None
    assert not os.get_inheritable(passed)
    os.write(passed, b"through")
    assert os.read(read, 10) == b"through"
    assert len(body) == 500_000
    for descriptor in (read, write, passed):
        os.close(descriptor)


@pytest.mark.parametrize("sent", [b"", b"MST", b"MSTR" + b"\0" * 5, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_whole_frame_is_the_end(ends: Ends, sent: bytes) -> None:
    ends.sockets[0].sendall(sent)
    ends.sockets[0].close()
    with pytest.raises(Closed):
        ends.there.receive()


@given(junk=st.binary(max_size=200))
def test_junk_is_the_end(junk: bytes) -> None:
    ends = Ends()
    try:
        ends.sockets[0].sendall(b"MSTR\x05\0\0\0\0\0\0\0\0\0\0\0" + junk)
        ends.sockets[0].close()
        with pytest.raises(Closed):
            while True:
                ends.there.receive()
    finally:
        ends.close()


def test_sending_to_nobody_is_the_end(ends: Ends) -> None:
    ends.sockets[1].close()
    with pytest.raises(Closed):
        ends.here.send({}, b"x" * 1_000_000)


def test_a_deadline_bounds_receiving_and_sending(ends: Ends) -> None:
    for work in (ends.there.receive, lambda: ends.there.send({}, b"x" * 10_000_000)):
        ends.there.deadline = time.monotonic() + 0.02
        with pytest.raises(TimeoutError):
            work()
    ends.there.deadline = time.monotonic() - 1
    with pytest.raises(TimeoutError):
        ends.there.receive()
