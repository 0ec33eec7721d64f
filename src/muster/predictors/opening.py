"""Versions, opened by their origins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muster.extensions import named, with_entry_points
from muster.predictor import OpenPredictor, Origin, Predictor
from muster.predictors import ORIGINS
from muster.predictors.guarded import Guarded
from muster.predictors.local.site import LocalSite
from muster.records import Version

__all__ = ["OpenVersion", "open_version", "origin_of", "origins"]


def origins() -> Mapping[str, str]:
    """The origins that there are: each name with its `module:Class`."""
    return with_entry_points(ORIGINS, "muster.origins")


def origin_of(version: Version) -> Origin:
    found: Origin = named(origins(), version.origin, "origin")()
    return found


def open_version(version: Version, site: LocalSite, workers: int) -> Predictor:
    return origin_of(version).open(version, site, workers)


@dataclass(frozen=True, slots=True)
class OpenVersion:
    """Opens a version, behind its signature, where it is called: on this machine, or on an executor of a cluster.

    `inner` answers in its place, where it is given.
    """

    version: Version
    site: LocalSite
    threshold: float | None
    mapping: Mapping[str, str]
    workers: int
    inner: OpenPredictor | None = None

    def __call__(self) -> Predictor:
        inner = open_version(self.version, self.site, self.workers) if self.inner is None else self.inner()
        return Guarded(inner, threshold=self.threshold, mapping=self.mapping)
