"""Secrets: what is stored is where one is, `env:NAME` or `file:/path`; it is read where it is needed, each time."""

from __future__ import annotations

import os

from muster.config import expanded
from muster.errors import InvalidInput

__all__ = ["is_reference", "read_secret"]

_MOST = 1 << 16
_HINT = "see the file, and that who runs Muster may read it"


def is_reference(value: object) -> bool:
    """Whether this says where a secret is. What is no reference may be the secret itself, and is never shown."""
    return isinstance(value, str) and value.startswith(("env:", "file:")) and bool(value.partition(":")[2])


def read_secret(name: str, reference: str) -> str:
    """What stands where the reference says; InvalidInput if nothing does. `name` is what messages call it.

    Whoever puts it there may go on with what was begun, so that a run which misses it keeps what it has.
    """
    kind, _, place = reference.partition(":")
    if kind == "env":
        if not (value := os.environ.get(place)):
            raise _missing(
                f"the secret `{name}` is in the variable {place}, which is not set", f"set {place} where Muster runs"
            )
        return value
    try:
        with expanded(place).open(encoding="utf-8") as file:
            value = file.read(_MOST).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise _missing(f"the secret `{name}` is in the file {place}, which cannot be read: {reason}", _HINT) from None
    if not value:
        raise _missing(f"the secret `{name}` is in the file {place}, which is empty", _HINT)
    return value


def _missing(told: str, hint: str) -> InvalidInput:
    return InvalidInput(told, hint=hint, details={"resume": True})
