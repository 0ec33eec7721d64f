"""What all blob stores say of digests and of files."""

from __future__ import annotations

import re
from pathlib import Path

from muster.errors import Conflict, Corrupt, InvalidInput, NotFound

__all__ = ["check_digest", "damaged", "is_digest", "missing", "occupied", "unreadable"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Whether it is a SHA-256, as this project writes them."""
    return _DIGEST.fullmatch(text) is not None


def check_digest(digest: str) -> str:
    """The digest, if it is one: it becomes part of paths."""
    if not is_digest(digest):
        raise InvalidInput(
            f"`{digest[:80]}` is no digest", hint="a digest is a SHA-256: 64 digits of 0 to 9 and a to f"
        )
    return digest


def missing(digest: str) -> NotFound:
    """No such blob."""
    return NotFound(
        f"there is no blob {digest}", hint="it may have been collected, or the store is not the one it was put into"
    )


def damaged(digest: str, found: str) -> Corrupt:
    """Other bytes than those that were put."""
    return Corrupt(
        f"the blob {digest} is damaged: its bytes have the digest {found}",
        hint="restore it from a backup, or remove it and put the same bytes again",
    )


def occupied(target: Path) -> Conflict:
    """The file to fetch into exists."""
    return Conflict(f"{target} exists already", hint="name a new file")


def unreadable(source: Path, error: OSError) -> InvalidInput:
    """The file to put cannot be read."""
    return InvalidInput(f"{source} cannot be read: {error.strerror or error}", hint="give a file that can be read")
