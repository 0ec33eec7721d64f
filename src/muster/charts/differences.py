"""Differences from a reference, drawn as points with their intervals about a line at zero: of metrics, and of parts of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, axis, hover, layered, rows
from muster.charts.residuals import nothing
from muster.charts.series import Series, grouped, key
from muster.charts.words import NOTHING, count, rows_and_bound
from muster.metrics.figure import Figure

__all__ = ["Difference", "differences_chart", "segments_chart"]

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


def differences_chart(
    found: Sequence[Difference], *, reference: str, series: Sequence[Series], reading: str, note: str
) -> Chart:
    """Metrics of one unit share a scale; each says which way it is better."""
    known = [one for one in found if one.found.value is not None]
    if not known:
        reason = found[0].found.reason if found else "they have no metric in common"
        return nothing("differences", "Differences", found[0].found.rows if found else 0, reason)
    if len(grouped(series)) > 1:
        return _of_many(known, found, reference, series, reading, note)
    units = list(dict.fromkeys(one.unit for one in known))
    said = {u: f"Difference from {reference}" + (f" ({u})" if u else "") for u in units}
    panels = [_panel([d for d in known if d.unit == u], said[u], series, f"u{n}") for n, u in enumerate(units)]
    return _chart("differences", "Differences", panels, found, "metric", reading, note, series)


def _of_many(
    known: Sequence[Difference], found: Sequence[Difference], reference: str, series: Sequence[Series], reading: str, note: str
) -> Chart:  # fmt: skip
    """The first metrics, a view of each with a line of each series by its name."""
    metrics = list(dict.fromkeys(d.what for d in known))
    alike = {s.key: pair[1] for s, pair in zip(series[1:], grouped(series), strict=True)}
    panels = []
    for n, metric in enumerate(metrics[:_FEW]):
        own = [replace(d, what=d.of.title, of=alike[d.of.key]) for d in known if d.what == metric]
        panels.append(_panel(own, f"{metric}: difference from {reference}", (), f"u{n}"))
    left = len(metrics) - len(panels)
    note += f"; {left} metrics more are in the table only" if left else ""
    return _chart("differences", "Differences", panels, found, "metric", reading, note, ())


def segments_chart(
    found: Sequence[Difference], *, segment: str, metric: str, reference: str, series: Sequence[Series], reading: str,
    note: str,
) -> Chart:  # fmt: skip
    """The difference of one metric in each part, grey where its interval holds zero or it is of few rows."""
    name, heading = f"segments:{segment}", f"Differences by {segment}"
    known = [one for one in found if one.found.value is not None]
    if not known:
        reason = found[0].found.reason if found else "they have no part in common"
        return nothing(name, heading, found[0].found.rows if found else 0, reason)
    largest = sorted({d.what: d.rows or 0 for d in known}.items(), key=lambda item: -item[1])
    largest = largest[: _MOST if len(grouped(series)) == 1 else _FEW_PARTS]
    shown = [d for d in known if d.what in dict(largest)]
    left = len({d.what for d in known}) - len(largest)
    note += f"; {left} smaller parts are in the table only" if left else ""
    title = f"Difference of {metric} from {reference}"
    if len(grouped(series)) == 1:
        return _chart(name, heading, [_panel(shown, title, series, "u0")], found, segment, reading, note, series)
    alike = {s.key: pair[1] for s, pair in zip(series[1:], grouped(series), strict=True)}
    reach = _reach(shown)
    panels = [
        _panel([replace(d, of=one) for d in shown if d.of.key == key_], f"{one.title}: {title[0].lower()}{title[1:]}", (), key_, reach)
        for key_, one in alike.items()
    ]
    return _chart(name, heading, panels, found, segment, reading, note, ())


def _panel(
    found: Sequence[Difference], title: str, series: Sequence[Series], name: str, reach: float = 0.0
) -> tuple[str, list[Spec], Spec]:
    """The name of its data, its data, and a view of it, to both sides of zero as far as it takes, or `reach`."""
    several = bool(series) and len({d.of.key for d in found}) > 1
    data = [
        {
            **row,
            "what": d.what,
            "of": d.of.title,
            "said": _said(d),
            "style": "reference" if _is_quiet(d) else d.of.style,
        }
        for d in found
        for row in rows(
            value=[d.found.value],
            low=[d.found.value if d.found.low is None else d.found.low],
            high=[d.found.value if d.found.high is None else d.found.high],
        )
    ]
    names = list(dict.fromkeys(d.what for d in found))
    lines = sorted({d.of.key for d in found})
    y: Spec = {
        "field": "what",
        "type": "nominal",
        "sort": names,
        "axis": {"title": None, "labelLimit": 340, "grid": True},
    }
    offset: Spec = {"yOffset": {"field": "of", "type": "nominal", "sort": [s.title for s in series]}} if several else {}
    reach = reach or _reach(found)
    x = axis("value", title, within=(-reach, reach))
    layers: list[Spec] = [
        {"data": {"values": [{"value": 0}]}, "mark": {"type": "rule", "style": ["threshold"]}, "encoding": {"x": x}}
    ]
    for style in dict.fromkeys(str(row["style"]) for row in data):
        only = [{"filter": f"datum.style === '{style}'"}]
        limits = {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, **offset}
        layers += [
            {
                "data": {"name": name},
                "transform": only,
                "mark": {"type": "rule", "style": [style], "strokeWidth": 2},
                "encoding": limits,
            },
            {
                "data": {"name": name},
                "transform": only,
                "mark": {"type": "point", "style": [style]},
                "encoding": {"x": x, "y": y, **offset},
            },
        ]
    beside: Spec = {"type": "text", "style": ["quiet"], "align": "left", "baseline": "middle", "dx": 8}
    layers.append(
        {
            "data": {"name": name},
            "mark": beside,
            "encoding": {"x": {"value": _WIDE}, "y": y, **offset, "text": {"field": "said", "type": "nominal"}},
        }
    )
    tips = {"what": ("", ""), "of": ("of", ""), "value": ("difference", "+.4~g"), "low": ("from", "+.4~g")}
    tips |= {"high": ("to", "+.4~g"), "said": ("so", "")}
    layers.append(hover(name, {"x": x, "y": y, **offset}, tips))
    height = max(len(names) * _ROW * (len(lines) if several else 1), 40)
    spec = layered({}, *layers, width=_WIDE, height=height)
    del spec["datasets"]
    return name, data, spec


def _chart(
    name: str,
    heading: str,
    panels: Sequence[tuple[str, list[Spec], Spec]],
    found: Sequence[Difference],
    what: str,
    reading: str,
    note: str,
    series: Sequence[Series],
) -> Chart:
    datasets = {n: data for n, data, _ in panels}
    views = [view for _, _, view in panels]
    drawn = [s for s in series if any(d.of.key == s.key for d in found)]
    if drawn:
        views[0] = {**views[0], "layer": [*views[0]["layer"], *key(drawn, "point")]}
    spec: Spec = {"datasets": datasets}
    spec |= views[0] if len(views) == 1 else {"vconcat": views, "spacing": 24}
    table: list[Row] = [
        {
            what: d.what,
            "of": d.of.title,
            **({"rows": d.rows} if d.rows is not None else {}),
            "difference": d.found.value,
            "from": d.found.low,
            "to": d.found.high,
            "so": _said(d) or NOTHING,
        }
        for d in found
    ]
    bound = max((d.found.bound for d in found), default=0.0)
    said = rows_and_bound(max(d.found.rows for d in found), bound, "difference")
    return Chart(spec, name=name, heading=heading, reading=reading, note=said + note, table=table)


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
