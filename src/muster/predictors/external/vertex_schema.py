"""What a model on Vertex AI tells of its rows: a schema that its owner put beside it in Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import yaml

from muster.predictors.external.exchange import Request
from muster.predictors.external.openapi import signature_of_row
from muster.predictors.external.provider import Send
from muster.predictors.external.transport.unreachable import Unreachable
from muster.signature import Signature

__all__ = ["signature_of_models"]

_STORAGE = "https://storage.googleapis.com"
_SECONDS = 15.0
_MOST = 1 << 20


def signature_of_models(
    models: Iterable[Mapping[str, Any]], send: Send, headers: Mapping[str, str]
) -> Signature | None:
    """The one that all of them share; None where one has no schema, or one that cannot be read: a sample tells it then."""
    places = {str((m.get("predictSchemata") or {}).get("instanceSchemaUri") or "") for m in models}
    found = [_read(place, send, headers) for place in places]
    return found[0] if found and all(one == found[0] for one in found) else None


def _read(place: str, send: Send, headers: Mapping[str, str]) -> Signature | None:
    scheme, _, rest = place.partition("://")
    if scheme != "gs":
        return None
    try:
        reply = send(Request("GET", f"{_STORAGE}/{quote(rest)}", dict(headers)), _SECONDS)
        told = yaml.safe_load(reply.body) if reply.status == 200 and len(reply.body) <= _MOST else None
    except (Unreachable, yaml.YAMLError):
        return None
    return signature_of_row(told) if isinstance(told, dict) else None
