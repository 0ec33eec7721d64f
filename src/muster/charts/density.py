"""Densities of the scores by class, drawn."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, hover, labelled, layered, rows, shares
from muster.charts.words import counted, number
from muster.metrics.density import Density
from muster.profiles.keys import Floats

__all__ = ["density_chart"]


def density_chart(found: Density, *, positive: str, negative: str) -> Chart:
    lower, upper = found.edges[:-1], found.edges[1:]
    bins = [
        {**row, "class": name}
        for name, part, size in ((negative, found.others_share, found.others), (positive, found.own_share, found.own))
        for row in rows(lower=lower, upper=upper, part=part, size=size)
    ]
    title = f"Predicted probability of {positive}"
    x, binned = shares("lower", title), shares("lower", title, bin="binned")
    highest = float(np.nanmax([*found.own_share, *found.others_share, 0.0])) or 1.0
    y = axis("part", "Share of the class in the bin", within=(0.0, min(highest * 1.12, 1.12)), form="%")
    colour: Spec = {
        "field": "class",
        "type": "nominal",
        "scale": {"domain": [negative, positive]},
        "legend": None,
    }
    tips = {"class": ("class", ""), "lower": ("from", ".2f"), "upper": ("to", ".2f")}
    tips |= {"part": ("share", ".1%"), "size": ("rows", ",.0f")}
    tops = [_top(lower, upper, found.others_share, negative), _top(lower, upper, found.own_share, positive)]
    spec = layered(
        {"bins": bins, "tops": [top for top in tops if top]},
        {
            "data": {"name": "bins"},
            "mark": {"type": "bar", "fillOpacity": 0.3, "binSpacing": 0},
            "encoding": {"x": binned, "x2": {"field": "upper"}, "y": {**y, "stack": None}, "color": colour},
        },
        {
            "data": {"name": "bins"},
            "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.5},
            "encoding": {"x": x, "y": {**y, "stack": None}, "color": colour},
        },
        *labelled(
            {"name": "tops"}, {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "text"}}, dy=-8
        ),
        hover(
            "bins",
            {"x": binned, "x2": {"field": "upper"}, "y": {**y, "stack": None}},
            tips,
            {"type": "bar", "opacity": 0},
        ),
        height=260,
    )
    table = [
        {
            "from score": low,
            "to score": high,
            f"rows of {positive}": own,
            "other rows": others,
        }
        for low, high, own, others in (
            tuple(row.values()) for row in rows(a=lower, b=upper, c=found.own, d=found.others)
        )
    ]
    return Chart(
        spec,
        name="density",
        heading="Scores by class",
        reading=_reading(found, positive),
        note=f"{counted(found)}; {len(lower)} bins",
        table=table,
    )


def _top(lower: Floats, upper: Floats, part: Floats, name: str) -> Spec:
    """A label over the highest bin of a class, kept within the chart."""
    if not np.isfinite(part).any():
        return {}
    n = int(np.argmax(part))
    return {"x": float(np.clip((lower[n] + upper[n]) / 2, 0.08, 0.92)), "y": float(part[n]), "text": name}


def _reading(found: Density, positive: str) -> str:
    common = float(np.minimum(found.own_share, found.others_share).sum())
    if not np.isfinite(common):
        return "All rows are of one class."
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    own, others = (float((middles * part).sum()) for part in (found.own_share, found.others_share))
    return (
        f"Rows that are {positive} score {number(own, 2)} on average, others {number(others, 2)}; "
        f"{number(100 * common, 0)} % of the two distributions is common to both."
    )
