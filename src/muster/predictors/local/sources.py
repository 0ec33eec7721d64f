"""What people give as the place of a local model."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from muster.errors import InvalidModel

__all__ = ["here", "link", "local_path", "readable"]


def local_path(source: object) -> Path | None:
    """The path that a text, path or `file:` URL names; None for anything else."""
    if isinstance(source, os.PathLike):
        source = os.fspath(source)
    if not isinstance(source, str) or not source or "\0" in source:
        return None
    if source.startswith("file:"):
        return Path(unquote(urlsplit(source).path))
    if "://" in source:
        return None
    try:
        return Path(source).expanduser()
    except RuntimeError:  # the home of a user that there is not
        return Path(source)


@contextmanager
def readable(what: object) -> Iterator[None]:
    """What the system refuses, as what is wrong with the source."""
    try:
        yield
    except (OSError, UnicodeError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidModel(
            f"{what} cannot be read: {told}", hint="give the path of a model that you may read"
        ) from None


def here() -> str:
    """This Python's minor."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def link(source: str | Path, target: str | Path) -> str:
    """A copy, without bytes where the disk allows it: it is only read."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
    return str(target)
