"""How a flavor of MLflow is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from muster.signature import Json

__all__ = ["Loading", "pinned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """What the worker is told, what it needs installed beside the model's requirements, and whether that is mlflow.

    `output` is what the flavor tells of its answers. `pickled`: it loads under its own Python alone.
    """

    spec: Mapping[str, Json]
    needs: tuple[str, ...] = ()
    native: bool = True
    pickled: bool = False
    files: tuple[str, ...] = ()
    output: Mapping[str, Json] = field(default_factory=dict)


def pinned(package: str, version: Json) -> str:
    """The package, at the version that the flavor names."""
    return f"{package}=={version}" if isinstance(version, str) and version else package
