"""Differences from a reference, drawn as points with their intervals about a line at zero: of metrics, and of parts of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, axis, hover, rows
from muster.charts.residuals import nothing
from muster.charts.series import Series, grouped, key, view_of
from muster.charts.words import NOTHING, count, rows_and_bound
from muster.metrics.figure import Figure

__all__ = ["Difference", "Told", "differences_chart", "segments_chart"]

_WIDE, _ROW, _SIDE = 380, 26, 130
_MOST, _FEW_PARTS = 30, 8
"""Parts that are drawn, those with the most rows; the table has all. Fewer where each series has a view of its own."""
_FEW = 4
"""Metrics that are drawn of many series."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of `of` less the reference, in what `what` names: a metric, or a part of `rows` rows. `better` is "better", "worse", "" where
    chance may explain it, or None where nothing tells. `quiet`: it says little, whatever it is. `unit`: those of one share a scale.
    """

    of: Series
    what: str
    found: Figure
    better: str | None
    unit: str = ""
    quiet: bool = False
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of a chart of differences: `reference` is what they are from, `rows` those that all rest on."""

    reference: str
    rows: int
    reading: str
    note: str


def differences_chart(found: Sequence[Difference], series: Sequence[Series], told: Told) -> Chart:
    """Metrics of one unit share a scale; each says which way it is better. Of many series, the first metrics with a view of each."""
    name = _Named("differences", "Differences", "metric")
    known = [one for one in found if one.found.value is not None]
    if not known:
        return _nothing(name, found, told, "they have no metric in common")
    if len(grouped(series)) == 1:
        units = list(dict.fromkeys(one.unit for one in known))
        said = {u: f"Difference from {told.reference}" + (f" ({u})" if u else "") for u in units}
        panels = [_panel([d for d in known if d.unit == u], said[u], f"u{n}", series) for n, u in enumerate(units)]
        return _chart(name, panels, found, told, series)
    metrics, alike = list(dict.fromkeys(d.what for d in known)), _alike(series)
    panels = []
    for n, metric in enumerate(metrics[:_FEW]):
        own = [replace(d, what=d.of.title, of=alike[d.of.key]) for d in known if d.what == metric]
        panels.append(_panel(own, f"{metric}: difference from {told.reference}", f"u{n}"))
    left = len(metrics) - len(panels)
    more = f"; {left} metrics more are in the table only" if left else ""
    return _chart(name, panels, found, replace(told, note=told.note + more))


def segments_chart(
    found: Sequence[Difference], series: Sequence[Series], told: Told, *, segment: str, metric: str
) -> Chart:
    """The difference of one metric in each part, grey where its interval holds zero or it is of few rows. Many series have a view each."""
    name = _Named(f"segments:{segment}", f"Differences by {segment}", "part")
    known = [one for one in found if one.found.value is not None]
    if not known:
        return _nothing(name, found, told, "they have no part in common")
    largest = sorted({d.what: d.rows or 0 for d in known}.items(), key=lambda item: -item[1])
    drawn = dict(largest[: _MOST if len(grouped(series)) == 1 else _FEW_PARTS])
    shown, left = [d for d in known if d.what in drawn], len(largest) - len(drawn)
    more = f"; {left} smaller parts are in the table only" if left else ""
    told = replace(told, note=told.note + more)
    title = f"ifference of {metric} from {told.reference}"
    if len(grouped(series)) == 1:
        return _chart(name, [_panel(shown, f"D{title}", "u0", series)], found, told, series)
    panels, reach = [], _reach(shown)
    for key_, one in _alike(series).items():
        own = [replace(d, of=one) for d in shown if d.of.key == key_]
        panels.append(_panel(own, f"{one.title}: d{title}", key_, reach=reach))
    return _chart(name, panels, found, told)


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    heading: str
    what: str


@dataclass(frozen=True, slots=True)
class _Panel:
    """A view, and its data under their name."""

    name: str
    data: list[Spec]
    view: Spec


def _alike(series: Sequence[Series]) -> dict[str, Series]:
    """All but the reference in one colour, but for the champion: each has a place of its own."""
    return {s.key: pair[1] for s, pair in zip(series[1:], grouped(series), strict=True)}


def _nothing(name: _Named, found: Sequence[Difference], told: Told, why: str) -> Chart:
    return nothing(name.name, name.heading, told.rows, found[0].found.reason if found else why)


def _panel(
    found: Sequence[Difference], title: str, name: str, series: Sequence[Series] = (), *, reach: float = 0.0
) -> _Panel:
    """Differences of several `series` stand below each other in their place. It goes to both sides of zero, as far as it takes, or as
    `reach` says.
    """
    data = [row for one in found for row in _rows(one)]
    lines = len({d.of.key for d in found}) if series else 1
    names = list(dict.fromkeys(d.what for d in found))
    reach = reach or _reach(found)
    x = axis("value", title, within=(-reach, reach))
    y: Spec = {
        "y": {
            "field": "what",
            "type": "nominal",
            "sort": names,
            "axis": {"title": None, "labelLimit": 340, "grid": True},
        }
    }
    if lines > 1:
        y["yOffset"] = {"field": "of", "type": "nominal", "sort": [s.title for s in series]}
    zero: Spec = {"values": [{"value": 0}]}
    layers: list[Spec] = [{"data": zero, "mark": {"type": "rule", "style": ["threshold"]}, "encoding": {"x": x}}]
    for style in dict.fromkeys(str(row["style"]) for row in data):
        own: Spec = {"data": {"name": name}, "transform": [{"filter": f"datum.style === '{style}'"}]}
        line: Spec = {"type": "rule", "style": [style], "strokeWidth": 2}
        layers += [
            {**own, "mark": line, "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, **y}},
            {**own, "mark": {"type": "point", "style": [style]}, "encoding": {"x": x, **y}},
        ]
    beside: Spec = {"type": "text", "style": ["quiet"], "align": "left", "baseline": "middle", "dx": 8}
    text: Spec = {"x": {"value": _WIDE}, **y, "text": {"field": "said", "type": "nominal"}}
    tips = {"what": ("in", ""), "of": ("of", ""), "value": ("difference", "+.4~g"), "low": ("from", "+.4~g")}
    tips |= {"high": ("to", "+.4~g"), "said": ("so", "")}
    layers += [{"data": {"name": name}, "mark": beside, "encoding": text}, hover(name, {"x": x, **y}, tips)]
    return _Panel(name, data, view_of(layers, _WIDE, max(len(names) * _ROW * lines, 40)))


def _rows(one: Difference) -> list[Spec]:
    found = one.found
    ends = [found.value if end is None else end for end in (found.low, found.high)]
    more = {"what": one.what, "of": one.of.title, "said": _said(one)}
    style = "reference" if _is_quiet(one) else one.of.style
    return [{**row, **more, "style": style} for row in rows(value=[found.value], low=[ends[0]], high=[ends[1]])]


def _chart(
    name: _Named, panels: Sequence[_Panel], found: Sequence[Difference], told: Told, series: Sequence[Series] = ()
) -> Chart:
    """The `series` have a key above."""
    views = [panel.view for panel in panels]
    if drawn := [s for s in series if any(d.of.key == s.key for d in found)]:
        views[0] = {**views[0], "layer": [*views[0]["layer"], *key(drawn, "point")]}
    spec: Spec = {"datasets": {panel.name: panel.data for panel in panels}}
    spec |= views[0] if len(views) == 1 else {"vconcat": views, "spacing": 24}
    table: list[Row] = [
        {
            name.what: d.what,
            "of": d.of.title,
            **({"rows": d.rows} if d.rows is not None else {}),
            "difference": d.found.value,
            "from": d.found.low,
            "to": d.found.high,
            "so": _said(d) or NOTHING,
        }
        for d in found
    ]
    note = rows_and_bound(told.rows, max(d.found.bound for d in found), "difference") + told.note
    return Chart(spec, name=name.name, heading=name.heading, reading=told.reading, note=note, table=table)


def _reach(found: Sequence[Difference]) -> float:
    ends = [abs(end) for d in found for end in (d.found.value, d.found.low, d.found.high) if end is not None]
    return max(*ends, 1e-9) * 1.08


def _is_quiet(one: Difference) -> bool:
    return one.quiet or one.better == "" or one.found.low is None


def _said(one: Difference) -> str:
    if one.found.low is None:
        return "no interval"
    few = f", {count(one.rows)} rows" if one.quiet and one.rows is not None else ""
    return {"better": "better", "worse": "worse", "": "may be chance", None: ""}[one.better] + few
