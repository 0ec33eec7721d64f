"""What people give as the place of a local model."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["local_path"]


def local_path(source: object) -> Path | None:
    """The path that a text, path or `file:` URL names; None for anything else."""
    if isinstance(source, os.PathLike):
        source = os.fspath(source)
    if not isinstance(source, str) or not source or "\0" in source:
        return None
    if source.startswith("file:"):
        return Path(unquote(urlsplit(source).path))
    return None if "://" in source else Path(source).expanduser()
