"""Metrics against the threshold, drawn."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, hover, labelled, layered, rows, shares
from muster.charts.places import places
from muster.charts.words import count, counted, number, percent
from muster.metrics.threshold_table import ThresholdTable, best_of

__all__ = ["IN_CELLS", "THRESHOLD", "thresholds_chart"]

THRESHOLD = "threshold"
"""The parameter of a chart that a page moves."""

IN_CELLS = "; scores share cells, and thresholds within one are not looked at"

_LINES = {"precision": "Precision", "recall": "Recall", "f1": "F1", "mcc": "MCC"}


def thresholds_chart(table: ThresholdTable, *, positive: str, threshold: float | None = None) -> Chart:
    """With a rule at the `threshold` in use, if there is one; a page can move it, as the parameter `threshold`."""
    best = 0 if table.lacking else best_of(table.metrics["f1"])
    at = threshold if threshold is not None else (float(table.thresholds[best]) if best else 0.5)
    shown = np.isfinite(table.thresholds)
    xs = table.thresholds[shown]
    lines = {title: np.clip(table.metrics[name][shown], 0.0, 1.0) for name, title in _LINES.items()}
    wide = rows(
        threshold=xs,
        tp=table.tp[shown],
        fp=table.fp[shown],
        tn=table.tn[shown],
        fn=table.fn[shown],
        **{name: table.metrics[name][shown] for name in _LINES},
    )
    x = axis(THRESHOLD, f"Threshold: {positive} from this probability on", within=(0.0, 1.0))
    y = shares("value", "Value at the threshold")
    colour: Spec = {"field": "metric", "type": "nominal", "scale": {"domain": list(_LINES.values())}, "legend": None}
    fold: Spec = {"fold": list(_LINES), "as": ["key", "value"]}
    named: Spec = {"lookup": "key", "from": {"data": {"name": "names"}, "key": "key", "fields": ["metric"]}}
    tips = {THRESHOLD: ("threshold", ".3~f"), **{n: (t.lower(), ".1%") for n, t in _LINES.items() if n != "mcc"}}
    tips |= {"mcc": ("MCC", ".3f"), "tp": ("true positives", ",.0f"), "fp": ("false positives", ",.0f")}
    tips |= {"fn": ("false negatives", ",.0f"), "tn": ("true negatives", ",.0f")}
    spec = layered(
        {
            "table": wide,
            "names": [{"key": key, "metric": title} for key, title in _LINES.items()],
            "labels": places(xs, lines),
        },
        {
            "data": {"name": "table"},
            "transform": [fold, named, {"filter": "isValid(datum.value)"}],
            "mark": {"type": "line", "clip": True},
            "encoding": {"x": x, "y": y, "color": colour},
        },
        {
            "mark": {"type": "rule", "style": ["threshold"]},
            "data": {"values": [{}]},
            "encoding": {"x": {"datum": {"expr": THRESHOLD}, "type": "quantitative"}},
        },
        *labelled({"name": "labels"}, {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "text"}}),
        hover("table", {"x": x}, tips, {"type": "rule", "opacity": 0, "strokeWidth": 6}),
        params=[{"name": THRESHOLD, "value": at}],
    )
    return Chart(
        spec,
        name="thresholds",
        heading="Metrics at every threshold",
        reading=_reading(table, best, at, chosen=threshold is not None),
        note=f"{counted(table)}; {len(xs)} of {count(table.distinct - 1)} thresholds drawn{'' if table.complete else IN_CELLS}",
        table=[
            {
                "threshold": row[THRESHOLD],
                **{title: row[name] for name, title in _LINES.items()},
                "true positives": row["tp"],
                "false positives": row["fp"],
                "true negatives": row["tn"],
                "false negatives": row["fn"],
            }
            for row in wide
        ],
    )


def _reading(table: ThresholdTable, best: int, at: float, *, chosen: bool) -> str:
    if not len(table.thresholds) > 1 or not (table.lacking or np.isfinite(table.metrics["f1"][best])):
        return "There is no threshold to compare."
    top = f"F1 is greatest at {number(float(table.thresholds[best]))}: {number(float(table.metrics['f1'][best]))}"
    top = f"No threshold is best: {table.lacking}" if table.lacking else top
    if not chosen:
        return f"{top}."
    here = int(np.flatnonzero(table.thresholds >= at)[-1]) if (table.thresholds >= at).any() else 0
    values = ", ".join(
        f"{_LINES[name].lower()} {percent(float(table.metrics[name][here]))}" for name in ("precision", "recall")
    )
    return f"At the threshold in use, {number(at)}: {values}. {top}."
