"""One roll call for every model you run: `with muster.open("./hub") as hub:`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muster.connect import open
    from muster.endpoint import Endpoint
    from muster.errors import MusterError
    from muster.hub import Hub, decode, encode

__all__ = ["Endpoint", "Hub", "MusterError", "decode", "encode", "open"]

_HOMES = {
    "Endpoint": "muster.endpoint",
    "Hub": "muster.hub",
    "MusterError": "muster.errors",
    "decode": "muster.hub",
    "encode": "muster.hub",
    "open": "muster.connect",
}


def __getattr__(name: str) -> object:
    """Public names load on first use, so that `import muster` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'muster' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
