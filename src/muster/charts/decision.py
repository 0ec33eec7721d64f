"""Costs against the threshold, and net benefit, drawn."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, halo, hover, layered, rows
from muster.charts.thresholds import IN_CELLS
from muster.charts.words import counted, figure, number, short, told
from muster.metrics.decision import CostCurve, NetBenefit

__all__ = ["cost_chart", "net_benefit_chart"]


def cost_chart(found: CostCurve, *, positive: str) -> Chart:
    shown = np.isfinite(found.thresholds)
    curve = rows(threshold=found.thresholds[shown], mean=found.mean[shown])
    known = [v for v in (found.never, found.always, *found.mean) if np.isfinite(v)] or [0.0, 1.0]
    low, high = min(*known, 0.0), max(*known, 0.0) or 1.0
    x = axis("threshold", f"Threshold: {positive} from this probability on", within=(0.0, 1.0))
    y = axis("mean", "Mean cost of a row", within=(low * 1.05, high * 1.08))
    layers: list[Spec] = []
    for text, value in (("never", found.never), ("always", found.always)):
        if np.isfinite(value):
            line: Spec = {"values": [{"threshold": t, "mean": value} for t in (0, 1)]}
            layers.append({"data": line, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}})
            layers += halo(f"{text} {positive}", 1.0, value, (x, y), style="quiet", align="right", dy=-9)
    layers.append(
        {"data": {"name": "curve"}, "mark": {"type": "line", "style": ["champion"]}, "encoding": {"x": x, "y": y}}
    )
    if found.best.threshold is not None and found.best.figure.value is not None:
        best = found.best.threshold, found.best.figure.value
        at: Spec = {"values": [{"threshold": best[0], "mean": best[1]}]}
        layers.append({"data": at, "mark": {"type": "point", "style": ["mark"]}, "encoding": {"x": x, "y": y}})
        layers += halo(f"{told(best[1])} at {told(best[0])}", *best, (x, y), align="center", dy=16)
    tips = {"threshold": ("threshold", ".3~f"), "mean": ("mean cost", ".4~f")}
    spec = layered({"curve": curve}, *layers, hover("curve", {"x": x, "y": y}, tips), height=260)
    matrix = ", ".join(
        f"{number(float(found.costs[a, p]), 2).rstrip('0').rstrip('.')} for a {word}"
        for word, a, p in (
            ("true positive", 1, 1),
            ("false positive", 0, 1),
            ("true negative", 0, 0),
            ("false negative", 1, 0),
        )
    )
    return Chart(
        spec,
        name="cost",
        heading="Cost of each threshold",
        reading=_cheapest(found),
        note=f"{counted(found)}; costs: {matrix}{'' if found.best.complete else IN_CELLS}",
        table=curve,
    )


def _cheapest(found: CostCurve) -> str:
    if found.best.threshold is None:
        return f"There is no cheapest threshold: {found.best.reason}."
    plain = min(found.never, found.always)
    saved = plain - (found.best.figure.value or 0.0)
    return (
        f"The cheapest threshold is {short(found.best.threshold)}, at {figure(found.best.figure)} a row: "
        f"{told(saved)} less than without a model."
    )


def net_benefit_chart(found: NetBenefit) -> Chart:
    curve = rows(threshold=found.thresholds, model=found.model, always=found.always)
    top = float(np.nanmax([*found.model, 0.0])) or 0.1
    x = axis("threshold", "Probability from which on it is worth to act", within=(0.0, 1.0), form="%")
    y = axis("model", "Net benefit: hits a row", within=(-0.15 * top, 1.1 * top))
    none: Spec = {"values": [{"threshold": t, "model": 0.0} for t in (0, 1)]}
    inside = [n for n, value in enumerate(found.always) if value > -0.05 * top]
    label = inside[-1] // 2 if inside else 0
    spec = layered(
        {"curve": curve},
        {"data": none, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}},
        *halo("never", 1.0, 0.0, (x, y), style="quiet", align="right", dy=-8),
        {
            "data": {"name": "curve"},
            "mark": {"type": "line", "style": ["reference"], "clip": True},
            "encoding": {"x": x, "y": {**y, "field": "always"}},
        },
        *(
            halo(
                "always",
                float(found.thresholds[label]),
                float(found.always[label]),
                (x, y),
                style="quiet",
                align="right",
                dx=-8,
                dy=6,
            )
            if inside
            else []
        ),
        {
            "data": {"name": "curve"},
            "mark": {"type": "line", "style": ["champion"], "clip": True},
            "encoding": {"x": x, "y": y},
        },
        hover(
            "curve",
            {"x": x, "y": y},
            {"threshold": ("probability", ".0%"), "model": ("model", ".4f"), "always": ("always", ".4f")},
        ),
        height=260,
    )
    better = found.model > np.maximum(found.always, 0.0) + 1e-12
    if not better.any():
        reading = "At no probability is acting on the model worth more than acting always or never."
    else:
        first, last = (float(found.thresholds[better][n]) for n in (0, -1))
        where = (
            "at every probability"
            if better.all()
            else f"from {told(100 * first, 0, [100 * last])} to {told(100 * last, 0, [100 * first])} %"
        )
        gaps = (
            ""
            if better.all() or better[np.argmax(better) : len(better) - np.argmax(better[::-1])].all()
            else ", with gaps"
        )
        reading = f"Acting on the model is worth more than acting always or never {where}{gaps}."
    return Chart(
        spec, name="net_benefit", heading="Net benefit", reading=reading, note=counted(found),
        table=[{"probability": r["threshold"], "model": r["model"], "always": r["always"], "never": 0.0} for r in curve],
    )  # fmt: skip
