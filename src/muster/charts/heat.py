"""Numbers against numbers on one scale, as shaded cells: a histogram in two directions, and never points of rows."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Row
from muster.charts.parts import Spec, axis, form, halo, hover, layered, rows
from muster.profiles.keys import Floats

__all__ = ["heat", "heat_table"]


def heat(
    edges: Floats, counts: Floats, titles: tuple[str, str], sides: tuple[str, str], *, line: str = "as predicted"
) -> tuple[Spec, list[Spec]]:
    """Of `counts` (across, up) between `edges`, and its cells. `titles` stand at the axes, `sides` in words before a range; `line` is
    what the diagonal means.
    """
    lower, upper = edges[:-1], edges[1:]
    across, up = np.nonzero(counts)
    cells = rows(x=lower[across], x2=upper[across], y=lower[up], y2=upper[up], rows=counts[across, up])
    within = float(edges[0]), float(edges[-1])
    x = axis("x", titles[0], within=within, bin="binned")
    y = axis("y", titles[1], within=within, bin="binned")
    both: Spec = {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}}
    ends: Spec = {"values": [{"x": end, "y": end} for end in within]}
    plain = axis("x", titles[0], within=within), axis("y", titles[1], within=within)
    at = within[0] + 0.86 * (within[1] - within[0])
    told = form(edges)
    tips = {"x": (f"{sides[0]} from", told), "x2": ("to", told), "y": (f"{sides[1]} from", told)}
    tips |= {"y2": ("to ", told), "rows": ("rows", ",.1~f")}
    spec = layered(
        {"cells": cells},
        {
            "data": {"name": "cells"},
            "mark": {"type": "rect"},
            "encoding": {
                **both,
                "color": {
                    "field": "rows",
                    "type": "quantitative",
                    "scale": {"type": "sqrt", "domainMin": 0, "range": "heatmap"},
                    "legend": {
                        "title": "Rows",
                        "gradientLength": 160,
                        "gradientThickness": 10,
                        "tickCount": 3,
                        "tickMinStep": 1,
                        "labelExpr": "format(datum.value, '~s')",
                        "titleOrient": "left",
                    },
                },
            },
        },
        {"data": ends, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": plain[0], "y": plain[1]}},
        *halo(line, at, at, plain, style="quiet", align="left", dx=8, dy=8),
        hover("cells", both, tips, {"type": "rect", "opacity": 0}),
        width=380,
        height=380,
    )
    return spec, cells


def heat_table(cells: list[Spec], sides: tuple[str, str]) -> list[Row]:
    return [
        {f"{sides[0]} from": c["x"], "to": c["x2"], f"{sides[1]} from": c["y"], "to ": c["y2"], "rows": c["rows"]}
        for c in cells
    ]
