"""A metric over the evaluations of a model: a dot with its interval for each, in time or by a label, and a line for each version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, hover, labelled, layered, rows
from muster.charts.residuals import nothing
from muster.charts.words import count, figure, rows_and_bound, sentence_list
from muster.errors import plural
from muster.metrics.figure import Figure

__all__ = ["Point", "View", "history_chart"]

_MOST = 6
"""Versions that are drawn: as many as there are colours that are told apart."""
_DIRECT = 4
"""Up to so many lines are labelled directly."""
_WIDTH, _LETTER = 500, 7
"""Pixels of the axis, and of a letter on it."""
_SHORT = timedelta(days=3)
"""Of a time so short the hours are told, with the day."""


@dataclass(frozen=True, slots=True)
class Point:
    """`at` is a time (RFC 3339) or a label; points come in the order in which they are drawn, of one label the newest last."""

    at: str
    version: str
    figure: Figure
    rows: int


@dataclass(frozen=True, slots=True)
class View:
    """`name` and `title` of the metric, whose history it is, the label `by` which it is told (None: time), and `bars`: what is required,
    and the value at which a line is drawn.
    """

    name: str
    title: str
    of: str
    by: str | None
    bars: tuple[tuple[str, float], ...] = ()


def history_chart(points: Sequence[Point], view: View) -> Chart:
    """Of more versions than six the last six."""
    heading = f"{view.title} of {view.of}"
    known = [p for p in points if p.figure.value is not None]
    if not known:
        why = next((p.figure.reason for p in points), "no evaluation was found")
        return nothing(view.name, heading, sum(p.rows for p in points), why)
    versions = list(dict.fromkeys(p.version for p in known))[-_MOST:]
    drawn = list({(p.version, p.at): p for p in known if p.version in versions}.values())
    spec = _spec(drawn, versions, view)
    total = sum(p.rows for p in points)
    note = rows_and_bound(total, max(p.figure.bound for p in points), "values")
    note += f"; {plural(len(points), 'evaluation')}"
    if len(drawn) < len(points):
        note += f", of which {count(len(drawn))} are drawn"
    return Chart(
        spec, name=view.name, heading=heading, reading=_reading(drawn, versions), note=note, table=_table(points, view)
    )  # fmt: skip


def _spec(points: Sequence[Point], versions: Sequence[str], view: View) -> Spec:
    dots = rows(
        at=[p.at for p in points],
        version=[p.version for p in points],
        value=[p.figure.value for p in points],
        low=[p.figure.low for p in points],
        high=[p.figure.high for p in points],
        rows=[p.rows for p in points],
    )
    x, y = _across(points, view), axis("value", view.title)
    last = list({p["version"]: p for p in dots}.values())
    direct = len(versions) <= _DIRECT and _apart([p["value"] for p in last], [p["value"] for p in dots])
    colour: Spec = {
        "field": "version",
        "type": "nominal",
        "sort": list(versions),
        "legend": None if direct else {"title": "Version", "symbolType": "circle"},
    }
    of: Spec = {"data": {"name": "dots"}}
    both: Spec = {"x": x, "y": y, "color": colour}
    tips = {"version": ("version", ""), "at": ("at", ""), "value": (view.title, ".4f"), "low": ("from", ".4f")}
    tips |= {"high": ("to", ".4f"), "rows": ("rows", ",.0f")}
    layers: list[Spec] = []
    for text, bar in view.bars:
        line: Spec = {"values": [{"value": bar, "text": text}]}
        layers.append({"data": line, "mark": {"type": "rule", "style": ["chance"]}, "encoding": {"y": y}})
        place: Spec = {"x": {"value": 4}, "y": y, "text": {"field": "text"}}
        layers += labelled(line, place, style="quiet", align="left", baseline="bottom", dy=-3)
    layers += [
        {**of, "mark": {"type": "line", "strokeWidth": 1.5}, "encoding": both},
        {
            **of,
            "mark": {"type": "rule", "strokeWidth": 1.5},
            "encoding": {**both, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {**of, "mark": {"type": "point"}, "encoding": both},
    ]
    if direct:
        at: Spec = {"x": x, "y": y, "text": {"field": "version"}}
        layers += labelled({"values": last}, at, align="left", dx=10)
    return layered({"dots": dots}, *layers, hover("dots", {"x": x, "y": y}, tips), height=280)


def _across(points: Sequence[Point], view: View) -> Spec:
    if view.by is not None:
        order = list(dict.fromkeys(p.at for p in points))
        wide = len(order) * (max(map(len, order)) + 2) * _LETTER
        return {
            "field": "at",
            "type": "ordinal",
            "sort": order,
            "axis": {"title": view.by, "labelAngle": 0 if wide <= _WIDTH else -45, "labelLimit": 120},
            "scale": {"paddingOuter": 0.3},
        }
    times = [datetime.fromisoformat(p.at) for p in points]
    look: Spec = {"title": "When it was evaluated (UTC)", "labelOverlap": True, "tickCount": 5}
    if max(times) - min(times) < _SHORT:
        look["format"] = "%-d %b %H:%M"
    return {"field": "at", "type": "temporal", "scale": {"type": "utc", "padding": 16}, "axis": look}


def _apart(last: Sequence[float], values: Sequence[float]) -> bool:
    """Whether names beside the last dots do not lie on each other."""
    least = 0.07 * (max(values) - min(values))
    ordered = sorted(last)
    return all(b - a > least for a, b in pairwise(ordered))


def _reading(points: Sequence[Point], versions: Sequence[str]) -> str:
    """What each version came to last, and over which way."""
    last = {p.version: p for p in points}
    told = sentence_list([f"{name} came to {figure(last[name].figure)}" for name in versions])
    values = [p.figure.value for p in points if p.figure.value is not None]
    over = f"; all lie between {min(values):.3f} and {max(values):.3f}" if len(values) > len(versions) else ""
    return f"At last {told}{over}."


def _table(points: Sequence[Point], view: View) -> list[Spec]:
    columns: dict[str, Sequence[object]] = {
        view.by or "when": [p.at for p in points],
        "version": [p.version for p in points],
        f"{view.name} ": [p.figure.value for p in points],
        "from": [p.figure.low for p in points],
        "to": [p.figure.high for p in points],
        "rows ": [p.rows for p in points],
    }
    return rows(**columns)
