"""Whether anything listens where a cluster is said to be: its library would find out after minutes, and not say so."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["nobody_at"]

_SECONDS = 5.0
"""So long an address may take to answer, and all of one host three times that."""


def nobody_at(places: str) -> str | None:
    """Why nobody can be reached at `host:port`, or at any of several with commas between them; None if somebody listens.

    Nothing is said of what has no such form.
    """
    told = []
    for place in places.split(","):
        host, colon, port = place.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (host and colon):
            return None
        why = _why_not(host, port)
        if why is None:
            return None
        told.append(why)
    return "; ".join(told)


def _why_not(host: str, port: str) -> str | None:
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return f"`{port}` is no port: that is a number from 1 to 65535"
    try:
        found = _addresses(host, int(port))
    except (OSError, UnicodeError):
        return f"the host {host} is not known here"
    until, refused = time.monotonic() + 3 * _SECONDS, False
    for family, address in found:
        left = until - time.monotonic()
        if left <= 0:
            break
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(min(_SECONDS, left))
            try:
                probe.connect(address)
            except OSError as error:
                refused |= isinstance(error, ConnectionRefusedError)
                continue
            return None
    return (
        f"nothing listens at port {port} of {host}" if refused else f"port {port} of {host} cannot be reached from here"
    )


def _addresses(host: str, port: int) -> Sequence[tuple[int, Any]]:
    """Each once. What listens at this machine's own name only is found as `localhost` too: clusters mean it by that."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if all(str(where[0]).startswith("127.") or where[0] == "::1" for *_, where in found):
        with suppress(OSError):  # of a machine that does not know its own name
            found += socket.getaddrinfo(socket.gethostname(), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))
