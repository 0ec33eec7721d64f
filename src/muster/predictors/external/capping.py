"""The caps of a connection, as they are kept with it."""

from __future__ import annotations

from muster.predictors.external.transport.rate import Caps
from muster.records import Connection

__all__ = ["caps_of"]


def caps_of(connection: Connection) -> tuple[Caps, int | None]:
    """What calls over a connection may use together, and the most of them at once."""
    caps = connection.caps
    most = caps.get("concurrency")
    return Caps(
        requests_per_second=caps.get("rate"),
        money=caps.get("spend"),
        call_price=caps.get("price_per_call", 0.0),
        hour_price=caps.get("price_per_hour", 0.0),
    ), None if most is None else int(most)
