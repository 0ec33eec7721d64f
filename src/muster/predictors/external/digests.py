"""What stands for a value that may hold secrets, and changes when it does."""

from __future__ import annotations

import hashlib

import rfc8785

from muster.signature import Json

__all__ = ["digest_of"]


def digest_of(value: Json) -> str:
    """The SHA-256 of its canonical JSON."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()
