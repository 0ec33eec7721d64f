"""A file that one process, and one thread of it, holds at a time; it is free again when the holder ends, however that happens."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from muster.errors import Conflict

__all__ = ["Busy", "exclusive"]

_PAUSE = 0.05


class Busy(Conflict):
    """Somebody else held the file for longer than one was ready to wait."""


@contextmanager
def exclusive(path: Path, *, seconds: float, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold `path`, which is made if it does not exist; `waiting` is called once if somebody else holds it."""
    deadline = time.monotonic() + seconds
    told = False
    while (handle := _take(path)) is None:
        if time.monotonic() >= deadline:
            raise Busy(f"{path} was held by another process for {seconds:g} s", hint="wait for it to end, or end it")
        if not told:
            told = True
            waiting()
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is still held: whoever waits on the old file sees that it is gone
        os.close(handle)


def _take(path: Path) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == path.stat().st_ino:
            taken, handle = handle, -1
            return taken
        return None
    except (BlockingIOError, FileNotFoundError):
        return None  # held, or removed by the one who held it
    finally:
        if handle >= 0:
            os.close(handle)
