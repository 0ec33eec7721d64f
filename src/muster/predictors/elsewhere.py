"""Models that are elsewhere, for one hub: whichever place a source names brings its files here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from muster.config import Settings
from muster.extensions import load
from muster.predictor import Talk
from muster.predictors import SOURCES
from muster.source import Catalogue, Fetched, Listed, Source

__all__ = ["Elsewhere"]


class Elsewhere:
    def __init__(self, settings: Settings, talk: Talk) -> None:
        self._settings = settings
        self._talk = talk

    def fetch(self, source: object, folder: Path) -> Fetched | None:
        """The files that a source names, in the new folder; None for what is no name of a place elsewhere."""
        if not isinstance(source, str):
            return None
        for place in self._places():
            if place.claims(source):
                folder.mkdir()
                return place.fetch(source, folder)
        return None

    def catalogue(self, uri: str | None) -> Catalogue:
        """All that a registry elsewhere holds."""
        listed: Listed = load(SOURCES["tracking"])(self._settings, self._talk)
        return listed.catalogue(uri)

    def _places(self) -> Iterator[Source]:
        return (load(where)(self._settings, self._talk) for where in SOURCES.values())
