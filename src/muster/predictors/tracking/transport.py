"""Calls over HTTP: with a time limit each, tried again where it helps, through the usual proxies, and never telling a secret."""

from __future__ import annotations

import errno
import http.client
import json
import random
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlencode, urlsplit

from muster.errors import NotFound, SourceDenied, SourceError, SourceUnavailable, shortened
from muster.predictors.tracking.login import Login

__all__ = ["Transport"]

SECONDS = 60.0
"""How long a server may be silent."""
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
_LONGEST = 30.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_JSON = 64 << 20
_BLOCK = 1 << 20


class _Opened(Protocol):
    headers: Message

    def read(self, size: int = -1, /) -> bytes: ...


class _Refused(Exception):
    """What a server answers that is no success. `wait` is what it asks for in seconds."""

    def __init__(self, status: int, code: str, said: str, wait: float | None) -> None:
        super().__init__(status)
        self.status, self.code, self.said, self.wait = status, code, said, wait


class Transport:
    """Talks to one server. Safe from several threads. `pauses` are the seconds before each further attempt."""

    def __init__(self, login: Login, pauses: tuple[float, ...] | None = None) -> None:
        self.login = login
        self._pauses = PAUSES if pauses is None else pauses
        self._opener = _opener(login)

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        return self._json(path, query=query)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._json(path, body=json.dumps(body).encode(), kind="application/json")

    def form(self, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        return self._json(path, body=urlencode(fields).encode(), kind="application/x-www-form-urlencoded")

    def download(self, path: str, target: Path, query: Mapping[str, str] | None = None) -> int:
        """Write what is at `path` into a new file; its size. A stream that ends early is begun again."""
        return self._again(path, lambda: self._save(self._request(self.login.url + path, query), target))

    def download_signed(self, url: str, headers: Mapping[str, str], target: Path) -> int:
        """Write what a signed address gives; the address is a secret, and the server's credentials are none of its host's."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise SourceError(f"{self.login.url} gave an address that is not one of http", hint="see the server's log")
        request = urllib.request.Request(url, headers={**headers})  # noqa: S310  # http and https alone
        return self._again("a signed address of its storage", lambda: self._save(request, target))

    def _json(
        self, path: str, *, query: Mapping[str, str | int] | None = None, body: bytes | None = None, kind: str = ""
    ) -> dict[str, Any]:
        def ask() -> dict[str, Any]:
            with self._open(self._request(self.login.url + path, query, body, kind)) as answer:
                return self._parsed(path, answer.read(_MOST_JSON + 1))

        return self._again(path, ask)

    def _parsed(self, path: str, said: bytes) -> dict[str, Any]:
        try:
            value = json.loads(said) if len(said) <= _MOST_JSON else None
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise SourceError(
                f"{self.login.url}{path} answered something else than JSON: {shortened(said[:200].decode(errors='replace'))}",
                hint="see that the address is that of a tracking server, and not of a page to log in at",
            )
        return value

    def _request(
        self, url: str, query: Mapping[str, str | int] | None = None, body: bytes | None = None, kind: str = ""
    ) -> urllib.request.Request:
        full = f"{url}?{urlencode(query)}" if query else url
        request = urllib.request.Request(full, data=body, headers={"User-Agent": "muster"})  # noqa: S310  # http and https alone
        if kind:
            request.add_header("Content-Type", kind)
        if self.login.credentials is not None:
            request.add_unredirected_header("Authorization", self.login.credentials.header())
        return request

    def _save(self, request: urllib.request.Request, target: Path) -> int:
        with self._open(request) as answer, target.open("wb") as file:
            told, size = answer.headers.get("Content-Length"), 0
            while block := answer.read(_BLOCK):
                size += file.write(block)
        if told is not None and told.isdecimal() and int(told) != size:
            raise http.client.IncompleteRead(b"", int(told) - size)
        return size

    @contextmanager
    def _open(self, request: urllib.request.Request) -> Iterator[_Opened]:
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error) from None

    def _again(self, path: str, call: Callable[[], Any]) -> Any:
        """The call, tried again after what passes: too much at once, a server that restarts, a connection that breaks."""
        for pause in (*self._pauses, None):
            wait: float | None = None
            try:
                return call()
            except _Refused as refused:
                if refused.status not in _AGAIN or pause is None:
                    raise self._told(path, refused) from None
                wait = refused.wait
            except (OSError, http.client.HTTPException) as error:
                if pause is None or _is_ours(error) or _is_final(error):
                    raise self._unreachable(error) from None
            assert pause is not None
            time.sleep(pause * random.uniform(0.5, 1.5) if wait is None else min(wait, _LONGEST))  # noqa: S311  # jitter
        raise AssertionError("the last attempt returns or raises")

    def _told(self, path: str, refused: _Refused) -> Exception:
        """What a refusal means to who asked."""
        url, said = self.login.url, shortened(refused.said, 300)
        if refused.status == HTTPStatus.UNAUTHORIZED:
            return SourceDenied(
                f"{url} does not let you in ({self.login.how})",
                hint="see the token, or the user and password: MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_USERNAME,"
                " MLFLOW_TRACKING_PASSWORD; at Databricks DATABRICKS_TOKEN",
                details={"status": 401},
            )
        if refused.status == HTTPStatus.FORBIDDEN:
            return SourceDenied(
                f"{url} refuses this ({self.login.how}): {said}", hint="ask its owner for the right to read it"
            )
        if refused.status == HTTPStatus.NOT_FOUND or refused.code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return NotFound(
                f"{url}: {said or f'there is nothing at {path}'}", hint="see the name there, and the server's address"
            )
        if refused.status < HTTPStatus.INTERNAL_SERVER_ERROR and refused.status != HTTPStatus.TOO_MANY_REQUESTS:
            return NotFound(f"{url}: {said or refused.status}", hint="see the name, version or alias there")
        return SourceUnavailable(
            f"{url} fails ({refused.status}): {said or 'it does not say why'}",
            hint="try again later, or see the server's log",
        )

    def _unreachable(self, error: Exception) -> Exception:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if _is_ours(error):
            return SourceUnavailable(f"the files cannot be written: {reason}", hint="see that the hub's disk has room")
        if _is_final(error):
            return SourceUnavailable(
                f"the certificate of {self.login.url} is not trusted: {getattr(reason, 'verify_message', reason)}",
                hint="name your CA bundle in MLFLOW_TRACKING_SERVER_CERT_PATH or SSL_CERT_FILE",
            )
        told = (isinstance(reason, OSError) and reason.strerror) or str(reason) or type(reason).__name__
        return SourceUnavailable(
            f"{self.login.url} cannot be reached: {told}", hint="see that the server runs, the address, and your proxy"
        )


_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG})


def _is_ours(error: Exception) -> bool:
    """An error of this machine's disk."""
    return isinstance(error, OSError) and not isinstance(error, urllib.error.URLError) and error.errno in _DISK


def _is_final(error: Exception) -> bool:
    """A certificate that is not trusted now will not be in a second."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(reason, ssl.SSLCertVerificationError)


def _refused(error: urllib.error.HTTPError) -> _Refused:
    try:
        said = error.read(65_536).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        said = ""
    code = ""
    try:
        body = json.loads(said)
        code, said = str(body.get("error_code", "")), str(body.get("message") or body.get("error_code") or "")
    except (ValueError, AttributeError):
        said = "" if "<html" in said.lower() else said
    wait = error.headers.get("Retry-After", "") if error.headers else ""
    return _Refused(error.code, code, said.partition("\n")[0], float(wait) if wait.isdecimal() else None)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https alone; credentials go on only to the same host, and never from https to http."""

    def redirect_request(  # noqa: PLR0917  # urllib's own
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme not in ("http", "https"):
            return None
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        same = before.hostname == after.hostname and (before.port == after.port or before.scheme != after.scheme)
        if request is not None and same and not (before.scheme == "https" and after.scheme == "http"):
            kept = req.unredirected_hdrs.get("Authorization")
            if kept is not None:
                request.add_unredirected_header("Authorization", kept)
        return request


def _opener(login: Login) -> urllib.request.OpenerDirector:
    """What speaks http, https and proxies, and nothing else that urllib can: no files, no ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=login.context),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
