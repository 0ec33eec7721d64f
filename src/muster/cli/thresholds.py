"""How the thresholds of an evaluation are shown: some of them, evenly by the rows above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from muster.cli.figures import number
from muster.cli.render import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["spread", "threshold_columns"]

_SHORT = ("precision", "recall", "specificity", "f1", "mcc", "accuracy", "cost")
"""What there is room for."""


def spread(table: pa.Table, most: int) -> pa.Table:
    """So many of the rows, with about as many positive ones between each and the next; 0 for all."""
    if not most or table.num_rows <= most:
        return table
    above = table["tp"].to_numpy() + table["fp"].to_numpy()
    wanted = np.linspace(above[0], above[-1], most)
    return table.take(np.unique(np.searchsorted(above, wanted)))


def threshold_columns(rows: Sequence[Mapping[str, object]]) -> list[Column[Mapping[str, object]]]:
    shown = [name for name in _SHORT if rows and name in rows[0]]
    return [
        Column("threshold", lambda r: _threshold(r["threshold"])),
        *(Column(name, lambda r, name=name: _whole(r[name])) for name in ("tp", "fp", "tn", "fn")),  # type: ignore[misc]  # bound here
        *(Column(name, lambda r, name=name: number(_float(r[name]))) for name in shown),  # type: ignore[misc]  # likewise
    ]


def _threshold(value: object) -> str:
    return "none above" if value == float("inf") else f"{value:.4g}"


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _float(value: object) -> float | None:
    return value if isinstance(value, float) else None
