"""Which Muster this process has."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["release"]


@cache
def release() -> str:
    try:
        return version("muster-ml")
    except PackageNotFoundError:
        return "from source"
