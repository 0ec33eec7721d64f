"""How a history of evaluations is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from muster.cli.figures import interval, value
from muster.cli.render import Column

if TYPE_CHECKING:
    from muster.evaluation.history import History, Past

__all__ = ["history_columns"]


def history_columns(found: History) -> Sequence[Column[Past]]:
    """Where each stands in the history, and its metrics with their intervals."""
    columns: list[Column[Past]] = []
    if found.by is not None:
        columns.append(Column(found.by, lambda row: row.label, "name"))
    columns += [
        Column("when", lambda row: row.record.created_at),
        Column("version", lambda row: row.version, "name"),
        *(Column(name, lambda row, n=name: row.asked[n]) for name in found.differing),  # type: ignore[misc]  # bound here
        Column("rows", lambda row: row.record.counted),
    ]
    for name in found.metrics:
        columns += [
            Column(name, lambda row, m=name: value(row.figures[m])),  # type: ignore[misc]  # bound here
            Column(f"{name}_interval", lambda row, m=name: interval(row.figures[m]), head="95 % interval"),  # type: ignore[misc]  # likewise
        ]
    if found.required:
        columns.append(Column("not met", lambda row: row.unmet(found.required)))
    return [
        *columns,
        Column("labels", lambda row: row.record.labels),
        Column("data", lambda row: row.record.data),
        Column("id", lambda row: row.id, "whole"),
    ]
