"""How scores and errors of several are spread, over each other: outlines of histograms with the same bins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, axis, hover, rows, shares
from muster.charts.residuals import nothing
from muster.charts.series import Series, arranged, counted_all, grouped, key, view_of
from muster.charts.words import percent, rows_and_bound
from muster.metrics.density import Density
from muster.metrics.residuals import Histogram
from muster.profiles.keys import Floats

__all__ = ["compared_density", "compared_errors"]

_WIDE = 520


def compared_density(
    series: Sequence[Series], found: Sequence[Density], *, positive: str, negative: str, reading: str, note: str
) -> Chart:
    """One view of each class, both with the same scales."""
    edges = found[0].edges
    of_class = {positive: "own", negative: "others"}
    data: dict[str, list[Spec]] = {}
    highest = 0.0
    for n, field in enumerate(of_class.values()):
        for s, one in zip(series, found, strict=True):
            part: Floats = getattr(one, f"{field}_share")
            highest = float(np.nanmax([highest, *part]))
            data[f"{s.key} {n}"] = _bins(edges, part, getattr(one, field))
    top = min((highest or 1.0) * 1.1, 1.1)
    tips = {"lower": ("from", ".2f"), "upper": ("to", ".2f"), "part": ("share", ".1%"), "size": ("rows", ",.0f")}

    def view(group: Sequence[Series], name: str, n: int) -> Callable[[int, int], Spec]:
        x = shares("lower", f"Predicted probability of {positive}")
        y = axis("part", f"Share of {name}", within=(0.0, top), form="%")
        return lambda width, height: view_of(_outlines(group, f" {n}", (x, y), tips), width, height)

    views = [view(group, name, n) for group in grouped(series) for n, name in enumerate(of_class)]
    table: list[Row] = [
        {"of": s.title, "from score": low["lower"], "to score": low["upper"], f"share of {positive}": low["part"],
         f"share of {negative}": other["part"]}
        for s in series
        for low, other in zip(data[f"{s.key} 0"][:-1], data[f"{s.key} 1"][:-1], strict=True)
    ]  # fmt: skip
    return Chart(
        arranged(data, views, width=_WIDE, height=360), name="density", heading="Scores by class", reading=reading,
        note=counted_all(found, f"; {len(edges) - 1} bins" + note), table=table,
    )  # fmt: skip


def compared_errors(
    series: Sequence[Series], found: Sequence[Histogram | None], *, counts: Sequence[int], reading: str, note: str
) -> Chart:
    """`found` have the same edges; of `counts` rows each."""
    known = [(s, h) for s, h in zip(series, found, strict=True) if h is not None]
    if len(known) < len(series):
        return nothing("errors", "Errors", min(counts), "the errors of one are too large, or weigh nothing")
    edges = known[0][1].edges
    data: dict[str, list[Spec]] = {}
    shown, beyond = [], 0.0
    for s, one in known:
        total = float(one.mass.sum()) + one.under + one.over
        beyond = max(beyond, (one.under + one.over) / total)
        shown.append(one.mass / total)
        data[s.key] = _bins(edges, shown[-1], one.mass)
    within = float(edges[0]), float(edges[-1])
    x = axis("lower", "Error: prediction less actual value", within=within)
    y = axis("part", "Share of the rows", within=(0.0, float(np.max(shown)) * 1.1), form="%")
    tips = {"lower": ("from", ".4~g"), "upper": ("to", ".4~g"), "part": ("share", ".1%"), "size": ("rows", ",.1~f")}
    zero: Spec = {"values": [{"lower": 0}] if within[0] <= 0 <= within[1] else []}
    rule: Spec = {"data": zero, "mark": {"type": "rule", "style": ["threshold"]}, "encoding": {"x": x}}

    def view(group: Sequence[Series]) -> Callable[[int, int], Spec]:
        return lambda width, height: view_of([rule, *_outlines(group, "", (x, y), tips)], width, height)

    bound = max(h.bound for _, h in known)
    said = rows_and_bound(max(counts), bound, "rows of a bin")
    said += f"; up to {percent(beyond)} lie beyond what is drawn" if beyond else ""
    return Chart(
        arranged(data, [view(group) for group in grouped(series)], width=_WIDE, height=280), name="errors",
        heading="Errors", reading=reading, note=said + note, table=_table(series, data),
    )  # fmt: skip


def _bins(edges: Floats, part: Floats, size: Floats) -> list[Spec]:
    """And, for the outline, where the last one ends."""
    found = rows(lower=edges[:-1], upper=edges[1:], part=part, size=size)
    return [*found, {**found[-1], "lower": found[-1]["upper"], "size": 0}]


def _outlines(
    group: Sequence[Series], suffix: str, axes: tuple[Spec, Spec], tips: Mapping[str, tuple[str, str]]
) -> list[Spec]:
    """Of the data whose names end in `suffix`; filled faintly where they are few."""
    x, y, binned = axes[0], {**axes[1], "stack": None}, {**axes[0], "bin": "binned"}
    bar: Spec = {"x": binned, "x2": {"field": "upper"}, "y": y}
    layers: list[Spec] = []
    for s in group if len(group) <= 2 else ():
        mark: Spec = {"type": "bar", "style": [s.style, "band"], "binSpacing": 0}
        layers.append({"data": {"name": s.key + suffix}, "mark": mark, "encoding": bar})
    for s in group:
        line: Spec = {"type": "line", "style": [s.style], "interpolate": "step-after"}
        layers.append({"data": {"name": s.key + suffix}, "mark": line, "encoding": {"x": x, "y": y}})
    over = [hover(s.key + suffix, bar, tips, {"type": "bar", "opacity": 0}) for s in group]
    return [*layers, *key(group), *over]


def _table(series: Sequence[Series], data: Mapping[str, list[Spec]]) -> list[Row]:
    return [
        {"of": s.title, "from": row["lower"], "to": row["upper"], "share": row["part"], "rows": row["size"]}
        for s in series
        for row in data[s.key][:-1]
    ]
