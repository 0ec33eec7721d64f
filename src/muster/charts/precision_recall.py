"""Precision against recall, drawn."""

from __future__ import annotations

from muster.charts.chart import Chart
from muster.charts.parts import Spec, halo, hover, layered, rows, shares
from muster.charts.words import LOOSE, counted, figure, number, percent
from muster.metrics.precision_recall import PrecisionRecall

__all__ = ["precision_recall_chart"]


def precision_recall_chart(found: PrecisionRecall, *, positive: str) -> Chart:
    x = shares("recall", f"Recall: share of {positive} that is found")
    y = shares("precision", "Precision: share of the alerts that are right")
    curve = rows(n=range(len(found.recall)), recall=found.recall, precision=found.precision, threshold=found.thresholds)
    base: Spec = {"values": [{"recall": r, "precision": found.base} for r in (0, 1)]} if curve else {"values": []}
    tips = {"threshold": ("threshold", ".3~f"), "precision": ("precision", ".1%"), "recall": ("recall", ".1%")}
    spec = layered(
        {"curve": curve, "band": rows(recall=found.band_recall, low=found.low, high=found.high)},
        {"data": base, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}},
        *(
            halo(f"chance {percent(found.base)}", 0, found.base, (x, y), style="quiet", align="left", dx=6, dy=-9)
            if curve
            else []
        ),
        {
            "data": {"name": "band"},
            "mark": {"type": "area", "style": ["champion", "band"]},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": {"name": "curve"},
            "mark": {"type": "line", "style": ["champion"], "interpolate": "step-before"},
            "encoding": {"x": x, "y": y, "order": {"field": "n", "type": "quantitative"}},
        },
        hover("curve", {"x": x, "y": y}, tips),
        width=360,
        height=360,
    )
    table = [{"threshold": r["threshold"], "precision": r["precision"], "recall": r["recall"]} for r in curve]
    banded = "; the band is a pointwise 95 % interval" if len(found.low) else ""
    return Chart(
        spec,
        name="precision_recall",
        heading="Precision and recall",
        reading=_reading(found, positive),
        note=counted(found) + banded,
        table=table,
    )


def _reading(found: PrecisionRecall, positive: str) -> str:
    if found.average.value is None:
        return f"There is no curve: {found.average.reason}."
    if found.average.bound > LOOSE:
        why = "How many are found at what precision is not known, as too many scores share a cell"
        return f"{why}: average precision {figure(found.average)}."
    times = found.average.value / found.base
    return (
        f"Average precision {figure(found.average)}, {number(times, 1)} times the share of {positive} "
        f"({percent(found.base)})."
    )
