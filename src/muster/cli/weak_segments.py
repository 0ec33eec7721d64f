"""How weak segments are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from muster.cli.figures import interval, value
from muster.cli.render import Column, Sheet

if TYPE_CHECKING:
    from muster.evaluation.result import Evaluation
    from muster.metrics.weak_segments import WeakSegment

__all__ = ["weak_segments_table"]


def weak_segments_table(sheet: Sheet, found: Evaluation) -> None:
    """The rows that are predicted worse than the rest, if they were looked for."""
    if found.profile.losses is None:
        return
    from muster.charts.weak_segments import looked_at

    weak = found.weak_segments
    if len(weak):
        sheet.table("weak", [*weak], _columns(weak.metric))
    else:
        sheet.fact("weak", f"no segment is predicted worse than the rest by {weak.metric}, beyond chance")
    if weak.more:
        sheet.fact("", f"and {weak.more} more")
    sheet.fact("", looked_at(weak))


def _columns(metric: str) -> Sequence[Column[WeakSegment]]:
    from muster.evaluation.weak_tables import chance_text

    return [
        Column("segment", lambda s: s.condition, "name"),
        Column("rows", lambda s: s.rows),
        Column("share", lambda s: f"{100 * s.share:.1f} %"),
        Column(metric, lambda s: value(s.there)),
        Column("elsewhere", lambda s: value(s.elsewhere)),
        Column("gap", lambda s: interval(s.gap)),
        Column("adjusted p", lambda s: chance_text(s.adjusted)),
    ]
