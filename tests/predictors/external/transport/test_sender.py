from __future__ import annotations

import gzip
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from muster.errors import InvalidConfig
from muster.predictors.external.exchange import Reply, Request
from muster.predictors.external.transport.proxies import proxy_of
from muster.predictors.external.transport.sender import Sender
from muster.predictors.external.transport.unreachable import Unreachable
from tests.predictors.external.transport.certificates import Authority, Pair
from tests.predictors.external.transport.local import Server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Served-By: blue\r\n\r\nok"
SECRET = "geheim"


class Wire:
    """A server of bare sockets: says the same bytes to every request of a connection. `stays` keeps connections open."""

    def __init__(
        self, said: bytes, *, stays: bool = True, pair: Pair | None = None, clients: Path | None = None
    ) -> None:
        self.said, self.stays = said, stays
        self.context = pair.context(clients=clients) if pair else None
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.over, self.left = threading.Event(), threading.Event()
        """Whether the test is over, and whether a client closed its connection."""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.open: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}/score?signature={SECRET}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.open.append(connection)
            with connection, connection.makefile("rb") as stream:
                while head := self._head(stream):
                    self.heads.append(head)
                    length = next((int(v) for n, _, v in _fields(head) if n == b"content-length"), 0)
                    self.bodies.append(stream.read(length))
                    self._say(connection)
                    if not self.stays:
                        return
                self.left.set()
        except OSError:
            pass

    def _say(self, connection: socket.socket) -> None:
        connection.sendall(self.said)

    @staticmethod
    def _head(stream: Iterator[bytes]) -> bytes:
        lines = []
        for line in stream:
            lines.append(line)
            if line == b"\r\n":
                return b"".join(lines)
        return b""


class Drip(Wire):
    """Says a byte now and then."""

    def _say(self, connection: socket.socket) -> None:
        for place in range(len(self.said)):
            if self.over.wait(0.02):
                return
            connection.sendall(self.said[place : place + 1])


class Mute(Wire):
    def _say(self, connection: socket.socket) -> None:
        self.over.wait(5)


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    for line in head.splitlines():
        name, colon, value = line.partition(b":")
        yield name.lower(), colon, value.strip()


@contextmanager
def wired(wire: Wire) -> Iterator[Wire]:
    wire.threads[0].start()
    try:
        yield wire
    finally:
        wire.over.set()
        wire.socket.shutdown(socket.SHUT_RDWR)
        wire.socket.close()
        for connection in wire.open:
            connection.close()
        for thread in wire.threads:
            thread.join(5)


def post(url: str, sender: Sender | None = None, seconds: float = 5.0, body: bytes = b"rows") -> Reply:
    with sender or Sender() as send:
        return send(Request("POST", url, {"Authorization": f"Bearer {SECRET}"}, body), seconds)


def refused(url: str, sender: Sender | None = None, seconds: float = 5.0) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        post(url, sender, seconds)
    told = caught.value
    assert told.message
    assert SECRET not in f"{told} {told.message} {told.hint} {told!r} {told.__cause__}"
    assert told.__suppress_context__ or told.__context__ is None
    return told


def test_what_is_sent_and_what_comes_back() -> None:
    with wired(Wire(OK)) as wire:
        reply = post(wire.url)
    assert reply == Reply(200, {"content-length": "2", "x-served-by": "blue"}, b"ok")
    (head,) = wire.heads
    assert head.startswith(f"POST /score?signature={SECRET} HTTP/1.1\r\n".encode())
    assert {n: v for n, _, v in _fields(head)}[b"user-agent"] == b"muster"
    assert wire.bodies == [b"rows"]


def test_a_connection_is_kept_for_the_next_request() -> None:
    with wired(Wire(OK)) as wire, Sender() as send:
        for _ in range(5):
            send(Request("POST", wire.url, {}, b"x"), 5.0)
    assert (wire.connections, len(wire.heads)) == (1, 5)


def test_threads_do_not_wait_for_each_other() -> None:
    gate = threading.Barrier(6)

    class Together(Wire):
        def _say(self, connection: socket.socket) -> None:
            gate.wait(5)
            connection.sendall(self.said)

    with wired(Together(OK)) as wire, Sender(most=2) as send, ThreadPoolExecutor(6) as threads:
        replies = [threads.submit(send, Request("POST", wire.url, {}, b"x"), 5.0) for _ in range(6)]
        assert {r.result().body for r in replies} == {b"ok"}


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503])
def test_every_status_comes_back(status: int) -> None:
    with wired(Wire(OK.replace(b"200 OK", b"%d No" % status))) as wire:
        assert post(wire.url).status == status


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(b"ok" * 1_000, mtime=0)


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED,
            b"ok" * 1_000,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_bodies_of_all_forms_are_read_whole(said: bytes, body: bytes) -> None:
    with wired(Wire(said, stays=False)) as wire:
        reply = post(wire.url)
    assert reply.body == body
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
        CHUNKED + b"14\r\nok",
        CHUNKED + b"2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + PACKED[:-9],
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 2",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
def test_a_cut_answer_is_none(said: bytes) -> None:
    with wired(Wire(said, stays=False)) as wire:
        told = refused(wire.url)
    assert told.kind == "broken"
    assert told.sent
    assert told.passes


def test_no_more_is_read_than_fits() -> None:
    with wired(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)) as wire:
        assert "answers with more than 1 MB" in refused(wire.url, Sender(most_bytes=1 << 20)).message


def test_what_unpacks_to_more_than_fits_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    said = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    with wired(Wire(said)) as wire:
        assert "answers with more than 1 MB" in refused(wire.url, Sender(most_bytes=1 << 20)).message


@pytest.mark.parametrize("wire", [Mute, Drip])
def test_a_server_that_is_slow_as_a_whole_is_late(wire: type[Wire]) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + b"x" * 400
    with wired(wire(long)) as slow:
        began = time.monotonic()
        told = refused(slow.url, seconds=0.1)
        assert time.monotonic() - began < 4.0, "a dripping server would take eight seconds"
    assert told.kind == "timeout"
    assert told.sent
    assert "did not answer within 0.1 seconds" in told.message


def test_without_time_nothing_is_sent() -> None:
    with wired(Wire(OK)) as wire:
        assert refused(wire.url, seconds=0.0).kind == "timeout"
    assert not wire.heads


def test_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    told = refused(f"http://muster.invalid/score?signature={SECRET}")
    assert told.kind == "name"
    assert not told.sent
    assert "muster.invalid" in told.message


def test_a_port_where_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    told = refused(f"http://127.0.0.1:{port}/score?signature={SECRET}")
    assert (told.kind, told.sent, told.passes) == ("connect", False, True)
    assert "Connection refused" in told.message


def test_a_password_in_an_address_is_not_shown() -> None:
    assert "127.0.0.1:1" in refused(f"http://user:{SECRET}@127.0.0.1:1/").message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    said = b"HTTP/1.1 %d Moved\r\nLocation: https://u:p@other.example/login?token=geheim\r\nContent-Length: 0\r\n\r\n"
    with wired(Wire(said % status)) as wire:
        told = refused(wire.url)
    assert (told.kind, told.passes) == ("redirect", False)
    assert told.message.endswith("sends on to https://other.example/login")
    assert len(wire.heads) == 1


def test_a_redirect_to_nowhere() -> None:
    with wired(Wire(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")) as wire:
        assert refused(wire.url).message.endswith("sends on to nowhere")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_an_authority_of_ones_own_is_trusted_where_it_is_named(authority: Authority) -> None:
    with wired(Wire(OK, pair=authority.signed())) as wire:
        assert post(wire.url, Sender(ca_bundle=str(authority.bundle))).body == b"ok"


def test_the_bundle_may_be_named_by_the_usual_variable(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with wired(Wire(OK, pair=authority.signed())) as wire:
        assert post(wire.url).body == b"ok"


def test_a_certificate_that_nobody_trusts_is_never_taken(authority: Authority) -> None:
    with wired(Wire(OK, pair=authority.signed())) as wire:
        told = refused(wire.url)
    assert (told.kind, told.sent, told.passes) == ("tls", False, False)
    assert "not trusted" in told.message
    assert "ca_bundle" in told.hint
    assert not wire.heads, "nothing secret was sent"


@pytest.mark.parametrize(
    ("host", "days", "message"), [("localhost", -1, "expired"), ("other.example", 1, "not valid for '127.0.0.1'")]
)
def test_a_certificate_that_has_run_out_or_is_of_another(
    authority: Authority, host: str, days: int, message: str
) -> None:
    with wired(Wire(OK, pair=authority.signed(host, days))) as wire:
        told = refused(wire.url, Sender(ca_bundle=str(authority.bundle)))
    assert told.kind == "tls"
    assert message in told.message
    assert not wire.heads


def test_a_client_shows_its_own_certificate(authority: Authority) -> None:
    own, bundle = authority.signed("client"), str(authority.bundle)
    with wired(Wire(OK, pair=authority.signed(), clients=authority.bundle)) as wire:
        shown = Sender(ca_bundle=bundle, certificate=str(own.certificate), key=str(own.key))
        assert post(wire.url, shown).body == b"ok"
        told = refused(wire.url, Sender(ca_bundle=bundle))
    assert told.kind in ("tls", "broken"), "as the server's word comes before or after it has closed"
    assert "wants a client certificate" in told.hint


def test_a_server_that_speaks_no_tls(server: Server) -> None:
    told = refused(server.url.replace("http:", "https:"))
    assert told.kind == "tls"
    assert "WRONG_VERSION_NUMBER" in told.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ca_bundle": "/nowhere.pem"}, "`/nowhere.pem` is no bundle of certificates: No such file"),
        ({"certificate": "/nowhere.crt"}, "client certificate `/nowhere.crt` cannot be used: No such file"),
    ],
)
def test_files_that_are_none_are_told_at_once(options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        Sender(**options)  # type: ignore[arg-type]


def test_a_proxy_is_used_where_it_is_set() -> None:
    with wired(Wire(OK)) as proxy:
        assert (
            post("http://endpoint.example/score", Sender(proxy=f"http://u:p%40w@127.0.0.1:{proxy.port}")).body == b"ok"
        )
    (head,) = proxy.heads
    assert head.startswith(b"POST http://endpoint.example/score HTTP/1.1\r\n")
    assert {n: v for n, _, v in _fields(head)}[b"proxy-authorization"] == b"Basic dTpwQHc="


def test_a_tunnel_that_a_proxy_refuses() -> None:
    with wired(Wire(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", stays=False)) as proxy:
        told = refused(f"https://endpoint.example/score?k={SECRET}", Sender(proxy=f"http://127.0.0.1:{proxy.port}"))
    assert told.kind == "connect"
    assert "proxy" in told.message
    assert proxy.heads[0].startswith(b"CONNECT endpoint.example:443 HTTP/1.")


def test_the_usual_variables_name_proxies_and_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intern.example,127.0.0.1")
    assert proxy_of("https://endpoint.example/score") == "http://proxy.example:3128"
    assert proxy_of("http://endpoint.example/score") is None
    assert proxy_of("https://a.intern.example/score") is None
    assert proxy_of("https://127.0.0.1:8443/score") is None
    assert proxy_of("https://127.0.0.1:8443/score", "proxy.example:8080") == "http://proxy.example:8080"


def test_a_proxy_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="the setting `proxy` names a proxy of `socks5`"):
        proxy_of("https://endpoint.example", "socks5://proxy.example")


def test_after_closing_connections_are_made_anew() -> None:
    with wired(Wire(OK)) as wire:
        send = Sender()
        for _ in range(2):
            assert send(Request("POST", wire.url, {}, b"x"), 5.0).body == b"ok"
            send.close()
    assert wire.connections == 2


def test_closing_leaves_no_connection_to_the_garbage_collector() -> None:
    with wired(Wire(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")) as wire:
        send = Sender()
        with pytest.raises(Unreachable) as held:
            send(Request("POST", wire.url, {}, b"x"), 5.0)
        assert not wire.left.is_set()
        send.close()
        assert wire.left.wait(2.0)
    assert held.value.__traceback__ is not None, "which holds on to all that was used"


def test_it_can_be_handed_between_processes_as_an_error() -> None:
    error = Unreachable("connect", "no", "see")
    again = pickle.loads(pickle.dumps(error))
    assert (again.kind, again.message, again.hint) == ("connect", "no", "see")
