"""Who in this process uses which connection: they share its caps."""

from __future__ import annotations

import atexit
import os
import threading

from muster.predictors.external.transport.lent import Lent
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.together import Own, Together
from muster.sharing import Shares

__all__ = ["join", "leave"]

_lock = threading.Lock()
_together: dict[tuple[int, str], Together] = {}
"""Of processes and keys: one that was forked off shares none of its parent's threads."""


def join(
    key: str, name: str, caps: Caps, cap: int | None, *, shares: Shares | None = None, connection: str = ""
) -> Together:
    """The caps of what `key` names, here and, where they are lent, in all processes of the hub; messages call it `name`."""
    place = _place(key, shares)
    with _lock:
        found = _together.get(place)
        if found is None:
            found = Own(name) if shares is None else Lent(name, shares, connection)
            _together[place] = found
        found.join(caps, cap)
        return found


def leave(key: str, caps: Caps, cap: int | None, *, shares: Shares | None = None) -> None:
    place = _place(key, shares)
    with _lock:
        left = _together[place]
        if left.leave(caps, cap):
            return
        del _together[place]
    left.close()


def _place(key: str, shares: Shares | None) -> tuple[int, str]:
    return os.getpid(), key if shares is None else f"{shares.place}\n{key}"


@atexit.register
def _leave_all() -> None:
    """Of a program that ends without closing what it opened."""
    with _lock:
        every = [together for (process, _), together in _together.items() if process == os.getpid()]
    for together in every:
        together.close()
