"""What every screen of an evaluation is: figures in arrays, and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np

from muster.signature import Json

__all__ = ["Screen"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Screen:
    """`rows` rows were counted. `bound` is how far what `bounded` names can be from that of rows counted one by one: 0 is exact."""

    rows: int
    bound: float = 0.0
    bounded: str = ""

    @property
    def exact(self) -> bool:
        return self.bound == 0.0

    def to_json(self) -> dict[str, Json]:
        """Every field by its name; what is not finite is null."""
        own = {field.name: _json(getattr(self, field.name)) for field in fields(self)}
        return own | {"exact": self.exact}


@runtime_checkable
class _ToJson(Protocol):
    def to_json(self) -> dict[str, Json]: ...


def _json(value: object) -> Json:
    if isinstance(value, (np.ndarray, np.generic)):
        return _json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, _ToJson):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _json(value._asdict())  # a named tuple
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    assert value is None or isinstance(value, (str, int))
    return value
