"""JSON with one form for one value (RFC 8785), for hashes that anybody can compute again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from muster.signature import Json

__all__ = ["canonical"]

_EXACT = 1 << 53

# Python's sorted JSON is that form but for: floats that it writes with `.0` or an exponent, integers that may pass 2^53, and
# keys whose order in UTF-16 is another one. What looks like any of these, though it be in a string, goes the slow way.
_OTHERWISE = re.compile(r"\.0[,\]}]|\de[+-]\d|[:,\[-]\d{16}|[\ue000-\U0010ffff]")


def canonical(value: Mapping[str, Json]) -> bytes:
    """The canonical form. Integers from 2^53 on, which it does not have, become text. ValueError for what JSON cannot say."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if _OTHERWISE.search(text) is None:
        return text.encode()
    import rfc8785

    try:
        return rfc8785.dumps(dict(value))
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_exact(dict(value)))


def _exact(value: Json) -> Json:
    match value:
        case bool():
            return value
        case int() if not -_EXACT < value < _EXACT:
            return str(value)
        case list():
            return [_exact(v) for v in value]
        case dict():
            return {k: _exact(v) for k, v in value.items()}
    return value
