"""Metrics against the threshold, drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, hover, labelled, layered, rows, shares
from muster.charts.places import places
from muster.charts.words import count, counted, percent, short, told
from muster.metrics.labels import Labels
from muster.metrics.threshold_table import ThresholdTable, best_of, metrics_of
from muster.profiles.keys import Floats

__all__ = ["IN_CELLS", "THRESHOLD", "thresholds_chart"]

THRESHOLD = "threshold"
"""The parameter of a chart that a page moves."""

IN_CELLS = "; scores share cells, and thresholds within one are not looked at"

_NARROW = 0.1
"""Where no threshold is above it, the axis ends at the last: else all would be drawn at its beginning."""

_LINES = {"precision": "Precision", "recall": "Recall", "f1": "F1", "mcc": "MCC"}


def thresholds_chart(table: ThresholdTable, *, positive: str, in_use: tuple[float, Labels] | None = None) -> Chart:
    """With a rule at the threshold `in_use`, if there is one, and what its labels are; a page can move it, as the parameter `threshold`."""
    best = 0 if table.lacking else best_of(table.metrics["f1"])
    at = in_use[0] if in_use is not None else (float(table.thresholds[best]) if best else 0.5)
    shown = np.isfinite(table.thresholds)
    xs = table.thresholds[shown]
    lines = {title: np.clip(table.metrics[name][shown], 0.0, 1.0) for name, title in _LINES.items()}
    wide = _told(xs, Labels(_confusion(table)[shown]), {name: values[shown] for name, values in table.metrics.items()})
    if in_use is not None and at not in xs:
        wide += _told(np.array([at]), in_use[1], metrics_of(in_use[1]))
        wide.sort(key=lambda row: -float(row[THRESHOLD]))
    last = max(float(xs.max(initial=0.0)), at)
    end = last * 1.05 if 0 < last <= _NARROW else 1.0
    x = axis(THRESHOLD, f"Threshold: {positive} from this probability on", within=(0.0, end))
    y = shares("value", "Value at the threshold")
    colour: Spec = {"field": "metric", "type": "nominal", "scale": {"domain": list(_LINES.values())}, "legend": None}
    fold: Spec = {"fold": list(_LINES), "as": ["key", "value"]}
    named: Spec = {"lookup": "key", "from": {"data": {"name": "names"}, "key": "key", "fields": ["metric"]}}
    tips = {THRESHOLD: ("threshold", ".4~g"), **{n: (t.lower(), ".1%") for n, t in _LINES.items() if n != "mcc"}}
    tips |= {"mcc": ("MCC", ".3f"), "tp": ("true positives", ",.0f"), "fp": ("false positives", ",.0f")}
    tips |= {"fn": ("false negatives", ",.0f"), "tn": ("true negatives", ",.0f")}
    spec = layered(
        {
            "table": wide,
            "names": [{"key": key, "metric": title} for key, title in _LINES.items()],
            "labels": [{**place, "x": float(place["x"]) * end} for place in places(xs / end, lines)],
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
        reading=_reading(table, best, in_use),
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


def _confusion(table: ThresholdTable) -> Floats:
    return np.stack([table.tn, table.fp, table.fn, table.tp], axis=1).reshape(-1, 2, 2)


def _told(thresholds: Floats, labels: Labels, metrics: Mapping[str, Floats]) -> list[Spec]:
    """A row of each threshold, which is told to its last digit: scores lie on both sides of it."""
    counts = dict(zip(("tn", "fp", "fn", "tp"), labels.confusion.reshape(-1, 4).T, strict=True))
    found = rows(
        threshold=thresholds, **{n: counts[n] for n in ("tp", "fp", "tn", "fn")}, **{n: metrics[n] for n in _LINES}
    )
    return [{**row, THRESHOLD: float(at)} for row, at in zip(found, thresholds, strict=True)]


def _reading(table: ThresholdTable, best: int, in_use: tuple[float, Labels] | None) -> str:
    if not len(table.thresholds) > 1 or not (table.lacking or np.isfinite(table.metrics["f1"][best])):
        return "There is no threshold to compare."
    top = f"F1 is greatest at {short(float(table.thresholds[best]))}: {told(float(table.metrics['f1'][best]))}"
    top = f"No threshold is best: {table.lacking}" if table.lacking else top
    if in_use is None:
        return f"{top}."
    here = metrics_of(in_use[1])
    values = ", ".join(f"{_LINES[name].lower()} {percent(float(here[name][0]))}" for name in ("precision", "recall"))
    return f"At the threshold in use, {in_use[0]:.6g}: {values}. {top}."
