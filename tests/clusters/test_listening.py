"""Whether somebody listens where a cluster is said to be: sockets of this machine alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from muster.runners.cluster import listening
from muster.runners.cluster.listening import nobody_at


@pytest.fixture
def port() -> Iterator[int]:
    """Somebody listens there, at this address alone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """Nobody does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    return number


def test_somebody_listens(port: int, closed: int) -> None:
    assert nobody_at(f"127.0.0.1:{port}") is None
    assert nobody_at(f"localhost:{port}") is None, "whichever of its addresses it is"
    assert nobody_at(f"127.0.0.1:{closed}, 127.0.0.1:{port}") is None, "one of several is enough"


def test_why_nobody_is_reached_is_told(closed: int) -> None:
    refused = f"nothing listens at port {closed} of 127.0.0.1"
    assert nobody_at(f"127.0.0.1:{closed}") == refused
    assert nobody_at("nohost.invalid:6379") == "the host nohost.invalid is not known here"
    assert nobody_at(f"nohost.invalid:1,127.0.0.1:{closed}") == f"the host nohost.invalid is not known here; {refused}"
    for wrong in ("0", "65536", "x", "", "-1", "٣"):
        assert nobody_at(f"127.0.0.1:{wrong}") == f"`{wrong}` is no port: that is a number from 1 to 65535"
    assert nobody_at(f"{'a' * 70}.example:1") is not None, "no name that a resolver takes"


def test_every_address_of_a_host_is_tried(port: int, closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", n)) for n in (closed, port)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert nobody_at("head.example:6379") is None
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found[:1])
    assert nobody_at("head.example:6379") == "nothing listens at port 6379 of head.example"


def test_what_listens_at_the_name_of_this_machine_is_found_as_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        server = socket.create_server(("127.0.0.3", 0))
    except OSError:
        pytest.skip("this machine has one address alone")
    with server:
        port = server.getsockname()[1]
        assert nobody_at(f"127.0.0.1:{port}") == f"nothing listens at port {port} of 127.0.0.1"
        monkeypatch.setattr(socket, "gethostname", lambda: "127.0.0.3")
        assert nobody_at(f"127.0.0.1:{port}") is None


def test_who_does_not_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose line is full of those that wait answers nobody more."""
    monkeypatch.setattr(listening, "_SECONDS", 0.05)
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        port = server.getsockname()[1]
        assert nobody_at(f"127.0.0.1:{port}") == f"port {port} of 127.0.0.1 cannot be reached from here"


@pytest.mark.parametrize("other", ["auto", "local", "head", "", ":6379"])
def test_nothing_is_said_of_what_is_no_host_and_port(other: str) -> None:
    assert nobody_at(other) is None
