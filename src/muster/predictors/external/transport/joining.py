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
_together: dict[str, Together] = {}


def _forget() -> None:
    """In a process that was forked off: what its parent was lent is not its own, nor are its parent's threads and locks."""
    global _lock  # noqa: PLW0603  # the parent's may be held by a thread that is not here
    _lock = threading.Lock()
    _together.clear()


os.register_at_fork(after_in_child=_forget)


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


def _place(key: str, shares: Shares | None) -> str:
    return key if shares is None else f"{shares.place}\n{key}"


@atexit.register
def _leave_all() -> None:
    """Of a program that ends without closing what it opened."""
    with _lock:
        every = list(_together.values())
    for together in every:
        together.close()
