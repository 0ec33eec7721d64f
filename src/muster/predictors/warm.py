"""Predictors that are kept open between calls, one for each version."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from muster.predictor import Predictor
from muster.predictors.guarded import Guarded
from muster.records import Version

__all__ = ["Warm"]

_MANY = 64
"""Ways of asking (version, threshold, mapping) that are remembered."""


class Warm:
    """A version is opened once, whatever the thresholds and mappings that it is asked with. Safe from several threads."""

    def __init__(self, open_version: Callable[[Version], Predictor]) -> None:
        self._open = open_version
        self._opened: dict[str, Predictor] = {}
        self._guarded: dict[tuple[object, ...], Predictor] = {}
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}

    def predictor(self, version: Version, threshold: float | None, mapping: Mapping[str, str]) -> Predictor:
        key = version.id, threshold, tuple(mapping.items())
        with self._lock:
            if key in self._guarded:
                return self._guarded[key]
        guarded = Guarded(self._inner(version), threshold=threshold, mapping=mapping)
        with self._lock:
            if len(self._guarded) >= _MANY:
                self._guarded.clear()
            return self._guarded.setdefault(key, guarded)

    def _inner(self, version: Version) -> Predictor:
        """Opening one may build an environment, for which only those wait who ask for the same version."""
        with self._lock:
            opening = self._opening.setdefault(version.id, threading.Lock())
        with opening:
            if (known := self._opened.get(version.id)) is not None:
                return known
            opened = self._open(version)
            with self._lock:
                self._opened[version.id] = opened
            return opened

    def close(self) -> None:
        with self._lock:
            opened, self._opened, self._guarded = list(self._opened.values()), {}, {}
        for predictor in opened:
            predictor.close()
