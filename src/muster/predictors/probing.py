"""What probes of all origins share: which rows are asked about, and how the first answers are kept."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from muster.signature import Json

__all__ = ["FIRST", "from_all_over", "plain"]

_ROWS = 200
FIRST = 3
"""Answers that are kept with the version."""


def from_all_over(table: pa.Table | None, rows: int = _ROWS) -> pa.Table | None:
    """At most so many rows of the table, from all over it: files are often sorted by label."""
    if table is None or table.num_rows <= rows:
        return table
    return table.take(pa.array(np.linspace(0, table.num_rows - 1, rows).astype(np.int64)))


def plain(value: Any) -> Json:
    """A value of an answer as JSON that can be stored."""
    match value:
        case float():
            return value if math.isfinite(value) else str(value)
        case None | bool() | int() | str():
            return value
        case dict():
            return {str(k): plain(v) for k, v in value.items()}
        case list() | tuple():
            return [plain(v) for v in value]
        case bytes():
            return f"{len(value)} bytes"
        case date() | timedelta() | Decimal():
            return str(value)
    return json.dumps(value, default=str)
