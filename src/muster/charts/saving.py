"""Files that people ask for: written beside their place and then put there, so that a file is whole or as it was before."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE

from muster.errors import InvalidInput, NotWritten

__all__ = ["check_place", "save"]


def check_place(target: Path) -> None:
    """What stands in the way of a file there is told before anything else is done."""
    folder = target.absolute().parent
    if not folder.is_dir():
        raise InvalidInput(f"there is no folder {folder}", hint="make it, or choose another place")
    if target.is_dir():
        raise InvalidInput(f"{target} is a folder, and a file is to be written", hint="choose another name")
    if not os.access(folder, os.W_OK):
        raise InvalidInput(f"nothing can be written in {folder}", hint="choose a folder that you may write to")


def save(target: Path, content: str | bytes) -> None:
    """NotWritten where that fails, as on a full disk. What is no file, such as a pipe, is written to as it is."""
    check_place(target)
    data = content.encode() if isinstance(content, str) else content
    try:
        place = target.resolve()  # a link goes on leading there
        if place.exists() and not place.is_file():
            place.write_bytes(data)
            return
        _replace(place, data)
    except OSError as error:
        raise NotWritten(
            f"{target} cannot be written: {error.strerror or error}",
            hint="see that its disk has room and that you may write there, or choose another place",
        ) from error


def _replace(place: Path, data: bytes) -> None:
    beside = place.parent / f".muster-{secrets.token_hex(8)}"
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            beside.chmod(S_IMODE(place.stat().st_mode))
        beside.replace(place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
