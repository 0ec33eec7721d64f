"""Opens the hub that a target names."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from muster.config import Settings, expanded
from muster.errors import InvalidInput, shortened

if TYPE_CHECKING:
    from muster.hub import Hub

__all__ = ["Place", "open", "place"]


def open(target: str | os.PathLike[str] | None = None, **settings: object) -> Hub:  # the name people type
    """The hub at a folder (made when new) or `sqlite:///file`; without a target the one that the settings name.

    Settings are given with their dots as double underscores: `worker__call_seconds=5`.
    """
    arguments = {name.replace("__", "."): value for name, value in settings.items()}
    if target is not None:
        arguments["hub"] = os.fspath(target)
    loaded = Settings.load(arguments)
    found = place(loaded)
    with _imports():
        from muster.hub import Hub

    return Hub.at(found.folder, loaded, database=found.database)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hub is, or would be made; and whether it is there."""

    folder: Path
    database: Path
    made: bool


def place(settings: Settings) -> Place:
    """The place that the settings name. Nothing is made."""
    named = settings.text("hub")
    if not named.strip():
        raise InvalidInput(
            f"the hub has an empty name (from: {settings.source('hub')})",
            hint="name a folder, or leave the setting out",
        )
    scheme, separator, rest = named.partition("://")
    if separator and scheme != "sqlite":
        raise InvalidInput(
            f"a hub cannot be opened at `{scheme}://…`", hint="give a folder, or sqlite:///path/to/file.db"
        )
    if not separator:
        folder = expanded(named)
        return Place(folder, folder / "muster.db", _made(folder, folder / "muster.db"))
    path = expanded(rest.removeprefix("/"))
    if not path.name:
        raise InvalidInput(
            f"`{named}` names no file",
            hint="give sqlite:///path/to/file.db, with a fourth slash for a path from the root",
        )
    return Place(path.parent / f"{path.stem}-files", path, _made(path.parent, path))


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
