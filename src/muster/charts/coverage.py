"""How many actual values are within their predicted interval, drawn by tenths of the predictions, over how wide the intervals are."""

from __future__ import annotations

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, form, halo, hover, layered, rows
from muster.charts.residuals import nothing
from muster.charts.words import counted, percent, short
from muster.metrics.coverage import Coverage
from muster.metrics.figure import Figure

__all__ = ["coverage_chart"]

_HEADING = "Coverage of predicted intervals"


def coverage_chart(found: Coverage | None) -> Chart:
    if found is None:
        return nothing("coverage", _HEADING, 0, "no row has a predicted interval")
    if not found.tenths:
        empty = nothing("coverage", _HEADING, found.rows, "coverage by prediction was not kept")
        return Chart(
            {k: v for k, v in empty.items() if k in ("datasets", "layer", "width", "height")},
            name="coverage",
            heading=_HEADING,
            reading=_reading(found),
            note=empty.note,
            table=[],
        )
    tenths = rows(
        tenth=[n + 1 for n in range(len(found.tenths))],
        low=[t.low for t in found.tenths],
        high=[t.high for t in found.tenths],
        rows=[t.mass for t in found.tenths],
        inside=[t.inside.value for t in found.tenths],
        least=[t.inside.low for t in found.tenths],
        most=[t.inside.high for t in found.tenths],
        below=[t.below for t in found.tenths],
        above=[t.above for t in found.tenths],
        width=[t.width for t in found.tenths],
    )
    x: Spec = {"field": "tenth", "type": "ordinal", "axis": {"title": None, "labelAngle": 0, "grid": False}}
    ends = [v for t in tenths for v in (t["inside"], t["least"], t["most"]) if v is not None]
    least = min([*ends, *([] if found.level is None else [found.level])])
    y = axis("inside", "Share inside", within=(max(0.0, least - 0.05), 1.0), form="%")
    promised: list[Spec] = []
    if found.level is not None:
        at: Spec = {"values": [{"inside": found.level}]}
        promised = [
            {"data": at, "mark": {"type": "rule", "style": ["chance"]}, "encoding": {"y": y}},
            *halo("promised", 1, found.level, (x, y), style="quiet", align="left", dx=-18, dy=-8),
        ]
    told = form([t.low for t in found.tenths])
    tips = {"tenth": ("tenth", ""), "low": ("predicted from", told), "high": ("to", told), "rows": ("rows", ",.0f")}
    tips |= {"inside": ("inside", ".1%"), "least": ("between", ".1%"), "most": ("and", ".1%")}
    tips |= {"below": ("below", ".1%"), "above": ("above", ".1%"), "width": ("mean width", ".4~g")}
    upper = layered(
        {},
        *promised,
        {
            "data": {"name": "tenths"},
            "mark": {"type": "rule", "style": ["interval", "champion"]},
            "encoding": {"x": x, "y": {**y, "field": "least"}, "y2": {"field": "most"}},
        },
        {"data": {"name": "tenths"}, "mark": {"type": "point", "style": ["champion"]}, "encoding": {"x": x, "y": y}},
        hover("tenths", {"x": x}, tips, {"type": "rule", "opacity": 0, "strokeWidth": 30}),
        height=220,
    )
    below: Spec = {**x, "axis": {**x["axis"], "title": "Tenth of the rows, from the lowest predictions"}}
    height = {**axis("width", "Mean width"), "scale": {"zero": True}}
    height["axis"]["tickCount"] = 3
    lower = layered(
        {},
        {
            "data": {"name": "tenths"},
            "mark": {"type": "bar", "style": ["reference"]},
            "encoding": {"x": below, "y": height},
        },
        height=70,
    )
    for part in (upper, lower):
        del part["datasets"]
    table = [
        {
            "tenth": t["tenth"],
            "predicted from": t["low"],
            "to": t["high"],
            "rows": t["rows"],
            "inside": t["inside"],
            "between": t["least"],
            "and": t["most"],
            "below": t["below"],
            "above": t["above"],
            "mean width": t["width"],
        }
        for t in tenths
    ]
    spread = "; tenths are counted in cells, each spread evenly" if found.spread else ""
    lines = "; lines are 95 % intervals" if any(t["least"] is not None for t in tenths) else ""
    return Chart(
        {"datasets": {"tenths": tenths}, "vconcat": [upper, lower], "spacing": 16},
        name="coverage",
        heading=_HEADING,
        reading=_reading(found),
        note=f"{counted(found)}{lines}{spread}",
        table=table,
    )


def _reading(found: Coverage) -> str:
    told = f"{_share(found.inside)} of the actual values lie within their interval"
    if found.level is not None:
        told += f", where {percent(found.level)} were promised"
    verdict = {
        "too few": ": over all, the intervals are too narrow",
        "too many": ": over all, the intervals are wider than need be",
        "as promised": ", which chance explains",
    }.get(found.verdict, "")
    known = [(t.inside.value, n) for n, t in enumerate(found.tenths, 1) if t.inside.value is not None]
    least = f", the fewest in tenth {min(known)[1]}: {percent(min(known)[0])}" if known else ""
    sides = f"{percent(found.below.value)} lie below and {percent(found.above.value)} above"
    return f"{told}{verdict}{least}; {sides}. Intervals are {short(found.width.value)} wide on average."


def _share(found: Figure) -> str:
    if found.low is None or found.high is None:
        return percent(found.value)
    return f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"
