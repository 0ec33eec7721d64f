"""Opens the hub that a target names."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from muster.config import Settings, expanded
from muster.errors import InvalidInput

if TYPE_CHECKING:
    from muster.hub import Hub

__all__ = ["open"]


def open(target: str | os.PathLike[str] | None = None, **settings: object) -> Hub:  # the name people type
    """The hub at a folder (made when new) or `sqlite:///file`; without a target the one that the settings name.

    Settings are given with their dots as double underscores: `worker__call_seconds=5`.
    """
    arguments = {name.replace("__", "."): value for name, value in settings.items()}
    if target is not None:
        arguments["hub"] = os.fspath(target)
    loaded = Settings.load(arguments)
    return _hub(loaded)


def _hub(settings: Settings) -> Hub:
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
    with _imports():
        from muster.hub import Hub

    if not separator:
        return Hub.at(expanded(named), settings)
    path = expanded(rest.removeprefix("/"))
    if not path.name:
        raise InvalidInput(
            f"`{named}` names no file",
            hint="give sqlite:///path/to/file.db, with a fourth slash for a path from the root",
        )
    return Hub.at(path.parent / f"{path.stem}-files", settings, database=path)


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
