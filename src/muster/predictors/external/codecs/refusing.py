"""What cannot be told from a body, and what to declare."""

from __future__ import annotations

from muster.errors import InvalidInput

__all__ = ["ask"]


def ask(what: str, *needs: str) -> InvalidInput:
    """The error that says what could not be told and every way to mend it."""
    return InvalidInput(what, hint=f"declare {', or '.join(needs)}", details={"declare": list(needs)})
