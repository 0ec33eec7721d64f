"""What a report tells of weak segments."""

from __future__ import annotations

from muster.charts.weak_segments import looked_at
from muster.charts.words import count, percent
from muster.evaluation.tables import Table, interval_text, value_text
from muster.metrics.weak_segments import WeakSegments

__all__ = ["chance_text", "weak_table"]


def weak_table(found: WeakSegments) -> Table:
    """Each segment with what is lost there and elsewhere."""
    words = f"Rows that are predicted worse than the rest by {found.metric}, beyond chance. {looked_at(found)}."
    if not len(found):
        words = f"None is predicted worse than the rest by {found.metric}, beyond chance. {looked_at(found)}."
    columns = ("segment", "rows", "share", found.metric, "interval", "elsewhere", "gap", "its interval", "adjusted p")
    table = Table("Weak segments", words, columns)
    for one in found:
        table.add(
            one.condition,
            count(one.rows),
            percent(one.share),
            value_text(one.there),
            interval_text(one.there),
            value_text(one.elsewhere),
            value_text(one.gap),
            interval_text(one.gap),
            chance_text(one.adjusted),
        )
    return table


def chance_text(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
