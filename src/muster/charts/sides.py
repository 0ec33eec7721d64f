"""Rows predicted too low, about right and too high, drawn as bars with their intervals."""

from __future__ import annotations

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, hover, layered, rows
from muster.charts.residuals import nothing
from muster.charts.words import count as told_count
from muster.charts.words import counted, percent, short
from muster.metrics.sides import Side, Sides

__all__ = ["sides_chart"]


def sides_chart(found: Sides | None, *, count: int) -> Chart:
    if found is None:
        return nothing("sides", "Predicted too low and too high", count, "the errors are too large, or weigh nothing")
    names = [_title(side.name, found.band) for side in found.sides]
    shares = [side.share for side in found.sides]
    bars = rows(
        side=names,
        rows=[side.rows for side in found.sides],
        share=[share.value for share in shares],
        low=[share.low for share in shares],
        high=[share.high for share in shares],
        median=[side.median.value for side in found.sides],
        label=[_label(side) for side in found.sides],
    )
    top = max((share.high or share.value or 0.0 for share in shares), default=1.0)
    y: Spec = {"field": "side", "type": "nominal", "sort": None, "axis": {"title": None, "labelLimit": 220}}
    x = axis("share", "Share of the rows", within=(0.0, min(1.6, max(1.55 * top, 0.01))), form="%")
    x["axis"]["values"] = [v / 10 for v in range(0, 11, 2)]
    tips = {
        "side": ("", ""),
        "rows": ("rows", ",.0f"),
        "share": ("share", ".1%"),
        "low": ("from", ".1%"),
        "high": ("to", ".1%"),
    }
    tips |= {"median": ("median error", ".4~g")}
    spec = layered(
        {"bars": bars},
        {"data": {"name": "bars"}, "mark": {"type": "bar", "style": ["bar", "champion"]}, "encoding": {"x": x, "y": y}},
        {
            "data": {"name": "bars"},
            "mark": {"type": "rule", "style": ["interval"]},
            "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
        },
        {
            "data": {"name": "bars"},
            "mark": {"type": "text", "style": ["direct"], "align": "left", "dx": 8},
            "encoding": {"x": {**x, "field": "high"}, "y": y, "text": {"field": "label"}},
        },
        hover("bars", {"y": y}, tips, {"type": "rule", "opacity": 0, "strokeWidth": 30}),
        width=460,
        height=120,
    )
    for bar in bars:  # the label of a share without an interval stands at the share
        bar["high"] = bar["share"] if bar["high"] is None else bar["high"]
    table = [
        {
            "side": name,
            "rows": side.rows,
            "share": side.share.value,
            "from": side.share.low,
            "to": side.share.high,
            "median size of the error": side.median.value,
            "median from": side.median.low,
            "median to": side.median.high,
            "mean size of the error": side.mean.value,
            "part of all errors": side.part,
        }
        for name, side in zip(names, found.sides, strict=True)
    ]
    return Chart(
        spec,
        name="sides",
        heading="Predicted too low and too high",
        reading=_reading(found),
        note=f"{counted(found)}; within {found.band:g} of the actual value counts as right",
        table=table,
    )


def _title(name: str, band: float) -> str:
    return f"within ± {band:g}" if name == "within" else name


def _label(side: Side) -> str:
    off = "" if side.name == "within" or side.median.value is None else f", by {short(side.median.value)} at the median"
    return f"{percent(side.share.value)}{off}"


def _reading(found: Sides) -> str:
    low, high = found["too low"], found["too high"]
    told = [
        f"{percent(side.share.value)} of the rows ({told_count(round(side.rows))}) are predicted {side.name}"
        + ("" if side.median.value is None else f", by {short(side.median.value)} at the median")
        for side in (low, high)
    ]
    return f"{told[0]}; {told[1]}."
