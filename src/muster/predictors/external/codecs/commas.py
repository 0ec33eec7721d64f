"""Rows as CSV, joined column by column."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from muster.predictors.external.codecs.request import RequestSpec
from muster.predictors.external.codecs.template import Rows

__all__ = ["csv_bytes"]

_SPECIAL = re.compile(r'[",\r\n]|^\s|\s$|^$')


def csv_bytes(rows: Rows, spec: RequestSpec) -> bytes:
    """A text is quoted only where it must be: many containers split lines at commas. An empty text always is: nothing is a null."""
    columns = [_cells(c, spec) for c in rows.columns]
    lines = list(map(",".join, zip(*columns, strict=True))) if columns else [""] * rows.count
    if len(columns) == 1:
        # Readers pass over blank lines, and with them over rows.
        lines = [line or '""' for line in lines]
    if spec.header:
        lines.insert(0, ",".join(map(_quoted, rows.names)))
    return "\n".join(lines).encode()


def _cells(values: Sequence[Any], spec: RequestSpec) -> list[str]:
    kinds = set(map(type, values))
    if kinds <= {int} or (kinds <= {int, float} and all(map(math.isfinite, values))):
        return list(map(repr, values))
    null = {"empty": "", "null": "null", "NaN": "NaN"}[spec.nan]
    return [_cell(v, null) for v in values]


def _cell(value: Any, null: str) -> str:
    match value:
        case None:
            return null
        case bool():
            return "true" if value else "false"
        case float():
            return null if math.isnan(value) else repr(value)
        case int():
            return repr(value)
        case str():
            return _quoted(value)
    return _quoted(json.dumps(value, ensure_ascii=False))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text
