"""Why nothing, or not all, came back from a server; told without what is secret in a request."""

from __future__ import annotations

import http.client
import ssl
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

__all__ = ["Unreachable", "UnreachableKind", "server", "unreachable"]

UnreachableKind: TypeAlias = Literal[
    "name",  # no address belongs to the name
    "connect",  # nothing listens there, or a firewall or proxy is in the way
    "tls",  # the certificate is not trusted, or the two do not agree: never ignored
    "redirect",  # it sends on to another address, which is not followed
    "timeout",  # it did not answer in time
    "broken",  # the connection broke, or the answer is cut
]

_FIREWALL = "see that the server runs, the address, and your proxy and firewall"


class Unreachable(Exception):
    """No reply, or only a part of one. What has `message` and `hint` may be shown to anyone."""

    def __init__(self, kind: UnreachableKind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint

    def __reduce__(self) -> tuple[object, ...]:
        return Unreachable, (self.kind, self.message, self.hint)

    @property
    def passes(self) -> bool:
        """Whether the same may succeed in a while with nobody having mended anything."""
        return self.kind not in ("tls", "redirect")

    @property
    def sent(self) -> bool:
        """Whether the server may have worked on the request, and count it."""
        return self.kind in ("timeout", "broken")


def server(url: str) -> str:
    """The server of an address: paths and queries may have secrets in them."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}"


def unreachable(error: Exception, url: str, seconds: float) -> Unreachable:
    """What an error of urllib3 means; that is loaded with what sends, and not with this."""
    from urllib3 import exceptions

    at = server(url)
    match error:
        case exceptions.ProxyError():
            return Unreachable(
                "connect",
                f"the proxy to {at} fails: {_cause(error.original_error)}",
                "see the setting `proxy`, or HTTPS_PROXY and NO_PROXY",
            )
        case exceptions.NameResolutionError():
            return Unreachable(
                "name", f"no server has the name in {at}", "see the address, and that this machine can resolve it"
            )
        case exceptions.NewConnectionError():
            return Unreachable("connect", f"{at} takes no connection: {_cause(error)}", _FIREWALL)
        case exceptions.ConnectTimeoutError():
            return Unreachable("connect", f"{at} does not take a connection in time", _FIREWALL)
        case exceptions.TimeoutError():
            return late(at, seconds)
        case exceptions.SSLError():
            return _tls(error, at)
    if isinstance(_root(error), ssl.SSLError):
        return _tls(error, at)
    return Unreachable("broken", f"the connection to {at} broke: {_cause(error)}", "try again; see the server's log")


def late(at: str, seconds: float) -> Unreachable:
    return Unreachable(
        "timeout", f"{at} did not answer within {seconds:g} seconds", "allow more time, or send fewer rows"
    )


def _tls(error: Exception, at: str) -> Unreachable:
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreachable(
            "tls",
            f"the certificate of {at} is not trusted: {cause.verify_message}",
            "name your CA bundle in the setting `ca_bundle`, or in SSL_CERT_FILE",
        )
    if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Unreachable(
            "broken", f"{at} broke the connection off", "try again; see whether it wants a client certificate"
        )
    return Unreachable(
        "tls",
        f"{at} and this machine do not agree on TLS: {_cause(error)}",
        "see that the address is one of https, and whether it wants a client certificate",
    )


def _root(error: BaseException) -> BaseException:
    """The error below those that wrap it."""
    for inner in (*error.args, error.__cause__):
        if isinstance(inner, BaseException) and inner is not error:
            return _root(inner)
    return error


def _cause(error: BaseException) -> str:
    """In the system's words alone: an error's own text may have the address with its query in it."""
    from urllib3 import exceptions

    root = _root(error)
    if isinstance(root, (exceptions.IncompleteRead, http.client.IncompleteRead)):
        return "the answer is cut"
    if isinstance(root, ssl.SSLError):
        return root.reason or "it broke off"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror
    if isinstance(root, http.client.RemoteDisconnected):
        return "it closed without an answer"
    return type(root).__name__
