"""Opens the hub that a target names."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from muster.config import Settings, expanded, without_password
from muster.errors import InvalidInput, shortened

if TYPE_CHECKING:
    from muster.hub import Hub

__all__ = ["Place", "open", "opened", "place"]


def open(target: str | os.PathLike[str] | None = None, **settings: object) -> Hub:  # the name people type
    """The hub at a folder (made when new), `sqlite:///file` or `postgresql://…`; without a target the one that the settings name.

    Settings are given with their dots as double underscores: `worker__call_seconds=5`, `blobs="s3://bucket/prefix"`.
    """
    arguments = {name.replace("__", "."): value for name, value in settings.items()}
    if target is not None:
        arguments["hub"] = os.fspath(target)
    return opened(Settings.load(arguments))


def opened(settings: Settings, *, make: bool = True) -> Hub:
    """The hub that the settings name. Unless it may make one, NotFound where there is none."""
    found = place(settings)
    with _imports():
        from muster.hub import Hub

    return Hub.at(found.folder, settings, database=found.database, make=make)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hub is, or would be made: its database, and its files on this machine. Whether it is there a server must be asked."""

    folder: Path
    database: Path | str
    made: bool | None


def place(settings: Settings) -> Place:
    """The place that the settings name. Nothing is made, and no server asked."""
    named = settings.text("hub")
    if not named.strip():
        raise InvalidInput(
            f"the hub has an empty name (from: {settings.source('hub')})",
            hint="name a folder, or leave the setting out",
        )
    scheme, separator, rest = named.partition("://")
    if not separator:
        folder = expanded(named)
        return Place(folder, folder / "muster.db", _made(folder, folder / "muster.db"))
    if scheme in ("postgresql", "postgres"):
        return Place(_cache(settings), named, None)
    if scheme != "sqlite":
        raise InvalidInput(
            f"a hub cannot be opened at `{scheme}://…`",
            hint="give a folder, sqlite:///path/to/file.db or postgresql://user@host/database",
        )
    path = expanded(rest.removeprefix("/"))
    if not path.name:
        raise InvalidInput(
            f"`{named}` names no file",
            hint="give sqlite:///path/to/file.db, with a fourth slash for a path from the root",
        )
    return Place(path.parent / f"{path.stem}-files", path, _made(path.parent, path))


def _cache(settings: Settings) -> Path:
    """Where this machine keeps what it can make again for a hub that is elsewhere. The blobs are kept for all machines."""
    if not settings.text("blobs"):
        raise InvalidInput(
            "a hub in PostgreSQL keeps the files of models elsewhere, and nothing says where",
            hint="give blobs=, MUSTER_BLOBS or --set blobs=: s3://bucket/prefix, or a folder that all its machines share",
        )
    if named := settings.text("folder"):
        return expanded(named)
    known = hashlib.sha256(without_password(settings.text("hub")).encode()).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else expanded("~/.cache")) / "muster" / known


def _made(folder: Path, database: Path) -> bool:
    try:
        if folder.is_file():
            raise InvalidInput(
                f"`{folder}` is a file, not a hub",
                hint="name the folder of a hub; a hub's database is named with sqlite:/// before its path",
            )
        return database.exists()
    except OSError as error:
        raise InvalidInput(
            f"`{shortened(str(folder))}` cannot be a hub: {error.strerror}", hint="name a folder that you can open"
        ) from None


@contextmanager
def _imports() -> Iterator[None]:
    """Without collecting garbage: importing makes thousands of objects that stay, and looking through them takes a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
