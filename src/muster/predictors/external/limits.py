"""The limits of an endpoint, as they are stored with a version."""

from __future__ import annotations

from muster.errors import InvalidInput
from muster.predictors.external.exchange import Limits
from muster.signature import Json

__all__ = ["limits_of"]


def limits_of(document: Json) -> Limits:
    """The limits that were stored with a version."""
    match document:
        case {
            "bytes": int(size),
            "seconds": int() | float() as seconds,
            "concurrency": int(start),
            "most": int(most),
            "rows": rows,
        }:
            return Limits(size, float(seconds), start, most, rows if isinstance(rows, int) else None)
    raise InvalidInput(f"{document!r} are no limits of an endpoint", hint="register the version again")
