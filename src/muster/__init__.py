"""One roll call for every model you run: `with muster.open("./hub") as hub:`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muster.connect import open
    from muster.errors import MusterError
    from muster.hub import Hub

__all__ = ["Hub", "MusterError", "open"]

_HOMES = {"Hub": "muster.hub", "MusterError": "muster.errors", "open": "muster.connect"}


def __getattr__(name: str) -> object:
    """Public names load on first use, so that `import muster` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'muster' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
