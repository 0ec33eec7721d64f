"""Sends requests of one connection over HTTP: kept-alive connections, one try each, whole answers, and no redirects."""

from __future__ import annotations

import logging
import os
import threading
import time
import zlib
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, make_headers

from muster.predictors.external.exchange import Reply, Request
from muster.predictors.external.transport.proxies import proxy_of, without_login
from muster.predictors.external.transport.trust import trust
from muster.predictors.external.transport.unreachable import Unreachable, late, server, unreachable

__all__ = ["Sender"]

MOST_BYTES = 256 << 20
"""Of an answer, decoded."""

_BLOCK = 1 << 20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


_parents: list[object] = []
"""Connections of the process that this one was forked off from: not even to be closed."""


def _without_query(record: logging.LogRecord) -> bool:
    """urllib3 tells at DEBUG what it asks for: a key may stand in the address."""
    if isinstance(record.args, tuple):
        cut = (a.partition("?") if isinstance(a, str) else None for a in record.args)
        record.args = tuple(
            a if parts is None or not parts[1] else f"{parts[0]}?***" for a, parts in zip(record.args, cut, strict=True)
        )
    return True


logging.getLogger("urllib3.connectionpool").addFilter(_without_query)


class Sender:
    """Implements Send. Safe from several threads, which never wait for each other; `most` connections to a server are kept.

    What it raises and shows has no queries, headers or bodies in it.
    """

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        certificate: str = "",
        key: str = "",
        key_password: str = "",
        proxy: str = "",
        most: int = 64,
        connect_seconds: float = 10.0,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._context = trust(ca_bundle, certificate, key, key_password)
        self._proxy, self._most = proxy, most
        self._connect, self._most_bytes = connect_seconds, most_bytes
        self._begin()

    def _begin(self) -> None:
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, request: Request, seconds: float) -> Reply:
        until = time.monotonic() + seconds
        if seconds <= 0:
            raise late(server(request.url), 0)
        try:
            response = self._open(request, seconds)
            try:
                body = self._whole(response, until, server(request.url), seconds)
            except BaseException:
                response.close()
                raise
            response.release_conn()
        except (HTTPError, OSError) as error:
            raise unreachable(error, request.url, seconds) from None
        if response.status in _REDIRECTS:
            raise _redirected(request.url, response.headers.get("location", ""))
        return self._reply(response, body, server(request.url))

    def close(self) -> None:
        """Let go of all connections. One that is used is closed once its answer is read."""
        if self._process != os.getpid():
            return
        with self._lock:
            managers, self._managers = list(self._managers.values()), {}
        for manager in managers:
            for key in manager.pools.keys():  # noqa: SIM118  # it refuses to be iterated
                if (pool := manager.pools.get(key)) is not None:
                    pool.close()  # `clear` would leave that to the garbage collector
            manager.clear()

    def _open(self, request: Request, seconds: float) -> urllib3.BaseHTTPResponse:
        return self._manager(request.url).request(
            request.method,
            request.url,
            body=request.body or None,
            headers=_with_usual(request.headers),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(total=seconds, connect=min(self._connect, seconds)),
        )

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_of(url, self._proxy)
        if self._process != os.getpid():
            _parents.append(self._managers)  # two processes on one connection would get each other's answers
            self._begin()
        with self._lock:
            if proxy not in self._managers:
                self._managers[proxy] = self._made(proxy)
            return self._managers[proxy]

    def _made(self, proxy: str | None) -> urllib3.PoolManager:
        if proxy is None:
            return urllib3.PoolManager(maxsize=self._most, block=False, ssl_context=self._context)
        address, login = without_login(proxy)
        return urllib3.ProxyManager(
            address,
            maxsize=self._most,
            block=False,
            ssl_context=self._context,
            proxy_ssl_context=self._context,
            proxy_headers=make_headers(proxy_basic_auth=login) if login else None,
        )

    def _whole(self, response: urllib3.BaseHTTPResponse, until: float, at: str, seconds: float) -> bytes:
        """The body as it came. A server that sends a byte now and then is late like one that sends none."""
        blocks: list[bytes] = []
        size = 0
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise late(at, seconds)
            socket = getattr(response.connection, "sock", None)
            if socket is not None:
                socket.settimeout(left)
            block = response.read1(_BLOCK)
            if not block:
                return b"".join(blocks)
            blocks.append(block)
            size += len(block)
            if size > self._most_bytes:
                raise self._too_long(at)

    def _too_long(self, at: str) -> Unreachable:
        return Unreachable("broken", f"{at} answers with more than {self._most_bytes >> 20:,} MB", "send fewer rows")

    def _reply(self, response: urllib3.BaseHTTPResponse, body: bytes, at: str) -> Reply:
        headers = {name.lower(): value for name, value in response.headers.items()}
        encoding = headers.pop("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            body = self._plain(body, encoding, at)
        return Reply(response.status, headers, body)

    def _plain(self, body: bytes, encoding: str, at: str) -> bytes:
        if encoding not in ("gzip", "x-gzip"):
            raise Unreachable("broken", f"{at} answers in the encoding `{encoding}`, which was not asked for")
        if not body:
            return body
        reader = zlib.decompressobj(wbits=31)
        try:
            plain = reader.decompress(body, self._most_bytes + 1)
        except zlib.error:
            raise Unreachable(
                "broken", f"{at} answers with what is no gzip", "see the server, or a proxy before it"
            ) from None
        if len(plain) > self._most_bytes:
            raise self._too_long(at)
        if not reader.eof:
            raise Unreachable("broken", f"the answer of {at} is cut", "try again; see the server's log")
        return plain


def _with_usual(headers: Mapping[str, str]) -> dict[str, str]:
    """With what every request says, unless it says otherwise itself."""
    given = {name.lower() for name in headers}
    usual = {"Accept-Encoding": "gzip", "User-Agent": "muster"}
    return {**headers, **{name: value for name, value in usual.items() if name.lower() not in given}}


def _redirected(url: str, location: str) -> Unreachable:
    try:
        split = urlsplit(urljoin(url, location))
    except ValueError:
        split = urlsplit("")
    place = (
        f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}" if location and split.netloc else "nowhere"
    )
    return Unreachable(
        "redirect",
        f"{server(url)} sends on to {place}",
        "give the endpoint's own address: credentials are not sent on to another",
    )
