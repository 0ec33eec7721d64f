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

    def predictor(self, version: Version, threshold: float | None, mapping: Mapping[str, str]) -> Predictor:
        key = version.id, threshold, tuple(mapping.items())
        with self._lock:
            if version.id not in self._opened:
                self._opened[version.id] = self._open(version)
            if key not in self._guarded:
                if len(self._guarded) >= _MANY:
                    self._guarded.clear()
                self._guarded[key] = Guarded(self._opened[version.id], threshold=threshold, mapping=mapping)
            return self._guarded[key]

    def close(self) -> None:
        with self._lock:
            opened, self._opened, self._guarded = list(self._opened.values()), {}, {}
        for predictor in opened:
            predictor.close()
