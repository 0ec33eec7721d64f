"""JSON with one form for one value (RFC 8785), for hashes that anybody can compute again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from muster.signature import Json

__all__ = ["canonical"]

_EXACT = 1 << 53

# Python's sorted JSON is that form but for these, and what looks like one, though it be in a string, goes the slow way:
# floats that it writes with `.0` or an exponent, integers that may pass 2^53, keys whose order in UTF-16 is another one.
# Each pattern begins with a letter that is looked for fast; one pattern for all would take longer than the JSON.
_WHOLE = re.compile(rb"\.0[,\]}]")
_EXPONENT = re.compile(rb"e[+-]0")
_LARGE = re.compile(rb"[:,\[-]0{16}")
_LATE = re.compile(r"[\ue000-\U0010ffff]")
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)


def canonical(value: Mapping[str, Json]) -> bytes:
    """The canonical form. Integers from 2^53 on, which it does not have, become text. ValueError for what JSON cannot say."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    plain = text.encode()
    digits = plain.translate(_DIGITS)
    if not (
        _WHOLE.search(plain)
        or _EXPONENT.search(digits)
        or (b"0" * 16 in digits and _LARGE.search(digits))
        or (not text.isascii() and _LATE.search(text))
    ):
        return plain
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
