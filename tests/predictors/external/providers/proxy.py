"""A proxy on this machine: it tunnels what is encrypted, sends on what is not, and counts where to."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

__all__ = ["Proxy", "proxying"]


@dataclass
class Proxy:
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """`CONNECT host:port`, or the method and path of what came in the clear."""


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            proxy.asked.append(f"CONNECT {self.path}")
            host, _, port = self.path.partition(":")
            with socket.create_connection((host, int(port)), timeout=10) as far:
                self.send_response(200)
                self.end_headers()
                _tunnel(self.connection, far)
            self.close_connection = True

        def _forward(self) -> None:
            place = urlsplit(self.path)
            proxy.asked.append(f"{self.command} {place.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            far = HTTPConnection(place.hostname or "", place.port, timeout=10)
            headers = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")}
            far.request(self.command, place.path + (f"?{place.query}" if place.query else ""), body, headers)
            answer = far.getresponse()
            content = answer.read()
            far.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _forward  # noqa: N815  # http.server asks for these names

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """What was asked is counted."""

    return Handler


def _tunnel(near: socket.socket, far: socket.socket) -> None:
    both = {near: far, far: near}
    while True:
        for ready in select.select(list(both), [], [], 10)[0]:
            try:
                data = ready.recv(65_536)
            except OSError:
                data = b""
            if not data:
                return
            both[ready].sendall(data)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are no news."""


@contextmanager
def proxying() -> Iterator[Proxy]:
    proxy = Proxy()
    with _Quiet(("127.0.0.1", 0), _handler(proxy)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield proxy
        server.shutdown()
        thread.join()
