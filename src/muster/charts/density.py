"""Densities of the scores by class, drawn."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, axis, hover, labelled, layered, rows, shares
from muster.charts.words import counted, number, percent, told, within
from muster.metrics.density import SURE, Confidence, Density
from muster.profiles.keys import Floats

__all__ = ["confidence_chart", "density_chart"]


def density_chart(found: Density, *, positive: str, negative: str) -> Chart:
    names = (negative, positive)
    return Chart(
        _drawn(found, names, names, f"Predicted probability of {positive}", "Share of the class in the bin"),
        name="density",
        heading="Scores by class",
        reading=_reading(found, positive),
        note=f"{counted(found)}; {len(found.own)} bins{_means(found)}",
        table=_table(found, f"rows of {positive}", "other rows"),
    )


def confidence_chart(found: Confidence) -> Chart:
    """Of the probability of the class that each row was given, right and wrong ones apart."""
    return Chart(
        _drawn(
            found, ("wrong", "right"), ("right", "wrong"), "Highest predicted probability", "Share of them in the bin"
        ),
        name="confidence",
        heading="How sure right and wrong predictions are",
        reading=_sure(found),
        note=f"{counted(found)}; {len(found.own)} bins{_means(found)}",
        table=_table(found, "right", "wrong"),
    )


def _drawn(found: Density, names: tuple[str, str], colours: tuple[str, str], title: str, height: str) -> Spec:
    """`names` are those of the others, and of the rows of its own; `colours` has them in the order of the colours."""
    lower, upper = found.edges[:-1], found.edges[1:]
    bins = [
        {**row, "class": name}
        for name, part, size in (
            (names[0], found.others_share, found.others),
            (names[1], found.own_share, found.own),
        )
        for row in rows(lower=lower, upper=upper, part=part, size=size)
    ]
    x, binned = shares("lower", title), shares("lower", title, bin="binned")
    highest = float(np.nanmax([*found.own_share, *found.others_share, 0.0])) or 1.0
    y = axis("part", height, within=(0.0, min(highest * 1.12, 1.12)), form="%")
    colour: Spec = {"field": "class", "type": "nominal", "scale": {"domain": list(colours)}, "legend": None}
    tips = {"class": ("class", ""), "lower": ("from", ".2f"), "upper": ("to", ".2f")}
    tips |= {"part": ("share", ".1%"), "size": ("rows", ",.0f")}
    tops = [_top(lower, upper, found.others_share, names[0]), _top(lower, upper, found.own_share, names[1])]
    return layered(
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


def _table(found: Density, own: str, others: str) -> list[Row]:
    lower, upper = found.edges[:-1], found.edges[1:]
    return [
        {"from score": low, "to score": high, own: mine, others: its}
        for low, high, mine, its in (tuple(row.values()) for row in rows(a=lower, b=upper, c=found.own, d=found.others))
    ]


def _top(lower: Floats, upper: Floats, part: Floats, name: str) -> Spec:
    """A label over the highest bin of a class, kept within the chart."""
    if not np.isfinite(part).any():
        return {}
    n = int(np.argmax(part))
    return {"x": float(np.clip((lower[n] + upper[n]) / 2, 0.08, 0.92)), "y": float(part[n]), "text": name}


def _means(found: Density) -> str:
    return f"; averages {within(found.mean_bound)}" if found.mean_bound > 0 else ""


def _reading(found: Density, positive: str) -> str:
    common = float(np.minimum(found.own_share, found.others_share).sum())
    if not np.isfinite(common):
        return "All rows are of one class."
    own, others = (told(mean, 2, (found.own_mean, found.others_mean)) for mean in (found.own_mean, found.others_mean))
    return (
        f"Rows that are {positive} score {own} on average, others {others}; "
        f"{number(100 * common, 0)} % of the two distributions is common to both."
    )


def _sure(found: Confidence) -> str:
    share = found.sure
    part = f" [{percent(share.low)}, {percent(share.high)}]" if share.low is not None else ""
    by = f"no prediction is more than {percent(SURE, 0)} sure"
    if share.value is not None:
        by = f"of those that are more than {percent(SURE, 0)} sure, {percent(share.value)}{part} are wrong"
    right, wrong = found.own_mean, found.others_mean
    if not np.isfinite([right, wrong]).all():
        every = "right" if np.isfinite(right) else "wrong"
        return f"All predictions are {every}; {by}."
    return f"Right predictions are about {percent(right, 0)} sure on average, wrong ones {percent(wrong, 0)}; {by}."
