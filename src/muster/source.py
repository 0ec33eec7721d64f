"""CONTRACT Source: a place elsewhere that models are fetched from, whatever they are; the origins then look at the files.

A Source that is a registry of its own also lists what it holds, so that all of it can be imported. Nothing that it stores or
says has a secret in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from muster.records import Record
from muster.signature import Json

__all__ = ["Catalogue", "Entry", "Fetched", "Listed", "Source", "SourceModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Files that are here now. `lineage` and `imported` go to the version (see Version); `source` is what was fetched, put in full."""

    path: Path
    source: str
    lineage: Mapping[str, Json] = field(default_factory=dict)
    imported: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModel:
    """A model in another registry."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Record):
    """A version in another registry. `source` fetches it, `imported` identifies it; `problem` says why it cannot be fetched."""

    KIND: ClassVar[str] = "entry"
    KEY: ClassVar[tuple[str, ...]] = ("name", "number")
    INDEXED: ClassVar[tuple[str, ...]] = ("name", "number", "alias", "stage", "run_id")

    name: str
    number: int
    source: str
    imported: str
    aliases: tuple[str, ...] = ()
    stage: str = ""
    run_id: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All that another registry holds: models by name, and versions in order of name and number."""

    server: str
    models: Mapping[str, SourceModel]
    entries: Sequence[Entry]


class Source(Protocol):
    """SourceError says that the place cannot be reached, SourceDenied that it refuses, NotFound that it has no such thing."""

    def claims(self, source: object) -> bool:
        """Whether it is one of this place's, by its form. Never raises."""
        ...

    def fetch(self, source: str, scratch: Path) -> Fetched:
        """Bring the files into `scratch`, an empty folder, all of them and verified, or raise."""
        ...


class Listed(Source, Protocol):
    """A place that is a registry of its own."""

    def catalogue(self, uri: str | None) -> Catalogue:
        """What the registry at `uri` holds; of the one that is set, without."""
        ...
