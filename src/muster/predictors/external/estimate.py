"""What a scoring will ask of an endpoint, before it begins: calls, time, money; from what one probe has measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from muster.errors import plural
from muster.predictors.external.limits import limits_of
from muster.records import Connection, Version
from muster.signature import Json

__all__ = ["Estimate", "cost_of", "estimate", "rows_of_request"]

_FILL, _SHARE = 0.8, 0.25
"""Of the bytes, and of the seconds, that an endpoint allows a request: what transport packs into one."""
_UNKNOWN = 1_000
"""Rows of a request to an endpoint of which nothing was measured."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`cost` is None where the connection has no price."""

    calls: int
    seconds: float
    cost: float | None

    def to_json(self) -> dict[str, Json]:
        return {"calls": self.calls, "seconds": round(self.seconds, 1), "cost": self.cost}

    def __str__(self) -> str:
        cost = "" if self.cost is None else f", about {self.cost:,.2f} at the connection's price"
        return f"about {plural(self.calls, 'call')}{cost}"


def estimate(version: Version, connection: Connection, rows: int, chunk: int) -> Estimate | None:
    """For so many rows in chunks of so many; None where registration measured nothing."""
    pace = version.load.get("pace")
    if not isinstance(pace, dict) or not rows:
        return None
    limits = limits_of(version.load["limits"])
    per_row, per_call = (_number(pace, n) for n in ("row_seconds", "call_seconds"))
    each = rows_of_request(version, chunk)
    chunks = math.ceil(rows / chunk)
    calls = (chunks - 1) * math.ceil(chunk / each) + math.ceil((rows - (chunks - 1) * chunk) / each)
    seconds = (calls * per_call + rows * per_row) / max(1, limits.concurrency)
    return Estimate(calls, seconds, cost_of(connection.caps, calls, seconds))


def rows_of_request(version: Version, most: int) -> int:
    """How many rows fill a request, `most` at most, by what registration has measured."""
    pace, limits = version.load.get("pace"), limits_of(version.load["limits"])
    if not isinstance(pace, dict):
        return max(1, min(most, limits.rows or most, _UNKNOWN))
    size, per_row = _number(pace, "row_bytes"), _number(pace, "row_seconds")
    fitting = [most, int(_FILL * limits.bytes / size) if size else most]
    if limits.rows is not None:
        fitting.append(limits.rows)
    if per_row:
        fitting.append(int(_SHARE * limits.seconds / per_row))
    return 1 if pace.get("one_row") is True else max(1, min(fitting))


def cost_of(caps: Mapping[str, float], calls: float, seconds: float) -> float | None:
    """None where the connection has no price."""
    if not (caps.get("price_per_call") or caps.get("price_per_hour")):
        return None
    return round(calls * caps.get("price_per_call", 0.0) + seconds / 3600 * caps.get("price_per_hour", 0.0), 4)


def _number(pace: Mapping[str, Json], name: str) -> float:
    value = pace.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0
