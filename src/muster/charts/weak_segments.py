"""The weakest segments: what is lost there, what elsewhere, and how many rows they have."""

from __future__ import annotations

from muster.charts.chart import Chart, Row
from muster.charts.dots import Panel, dots
from muster.charts.words import count, figure, number, percent, rows_and_bound, sentence_list
from muster.metrics.figure import Figure
from muster.metrics.weak_segments import WeakSegments

__all__ = ["looked_at", "weak_segments_chart"]

_TITLES = {"log_loss": "Log loss", "error_rate": "Error rate", "mae": "Mean absolute error"}


def weak_segments_chart(found: WeakSegments) -> Chart:
    title = _TITLES[found.metric]
    panels = [
        Panel(
            f"{title} (tick: elsewhere)",
            [one.there for one in found],
            beside=[one.elsewhere.value for one in found],
            share=found.metric == "error_rate",
            zero=True,
        ),
        Panel("Share of rows", [Figure("share", one.share, one.rows) for one in found], share=True, zero=True),
    ]
    lines = [one.condition for one in found]
    table: list[Row] = [
        {
            "segment": one.condition,
            "rows": one.rows,
            "share": percent(one.share),
            "there": figure(one.there),
            "elsewhere": figure(one.elsewhere),
            "gap": figure(one.gap),
            "adjusted p-value": number(one.adjusted, 4),
        }
        for one in found
    ]
    return Chart(
        dots(lines, [False] * len(lines), panels),
        name="weak_segments" if found.metric == found.metrics[0] else f"weak_segments:{found.metric}",
        heading=f"Weakest segments by {_metric(found)}",
        reading=_reading(found),
        note=f"{rows_and_bound(found.rows)}; {looked_at(found)}",
        table=table,
    )


def looked_at(found: WeakSegments) -> str:
    """How many segments were looked at, and which were not."""
    told = f"{count(found.looked_at)} segments of 30 rows or more were looked at, in {count(len(found.columns))} columns and pairs of them"
    if found.unpaired:
        told += f"; not in pairs: {_some(found.unpaired)}"
    if found.left_out:
        told += f"; not at all: {_some(tuple(found.left_out))}"
    return told


def _some(names: tuple[str, ...]) -> str:
    return sentence_list([*names[:6], *([f"{len(names) - 6} more"] if len(names) > 6 else [])])


def _reading(found: WeakSegments) -> str:
    if not len(found):
        return "No segment is predicted worse than the rest, beyond chance."
    worst = found[0]
    told = f"Where {worst.condition} ({percent(worst.share)} of the rows), {_metric(found)} is {figure(worst.there)}"
    told += f", and elsewhere {figure(worst.elsewhere)}"
    if len(found) == 1:
        return f"{told}. No other segment is worse beyond chance."
    more = f", and {found.more} more are not told" if found.more else ""
    return f"{told}. {count(len(found))} segments are worse beyond chance{more}, those first that add most to the loss."


def _metric(found: WeakSegments) -> str:
    title = _TITLES[found.metric]
    return f"{'the ' if found.metric != 'log_loss' else ''}{title[0].lower()}{title[1:]}"
