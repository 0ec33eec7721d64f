"""A store that is opened where it is first needed: on this machine, or on an executor of a cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from muster.store import RecordStore

__all__ = ["Opened"]


class Opened:
    """Picklable if `open_store` is. Safe from several threads."""

    def __init__(self, open_store: Callable[[], RecordStore]) -> None:
        self._open = open_store
        self._lock, self._process = threading.Lock(), os.getpid()
        self._store: RecordStore | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return Opened, (self._open,)

    def __call__(self) -> RecordStore:
        if self._process != os.getpid():  # a thread of the parent may have held it
            self._lock, self._process = threading.Lock(), os.getpid()
        with self._lock:
            if self._store is None:
                self._store = self._open()
            return self._store

    def close(self) -> None:
        """Who still has something to give back opens it again."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()
