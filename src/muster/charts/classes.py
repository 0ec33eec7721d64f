"""The figures of each class, drawn as points with their intervals."""

from __future__ import annotations

from typing import Literal

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, hover, layered, rows, shares
from muster.charts.words import count, counted, figure
from muster.metrics.figure import Figure
from muster.metrics.per_class import ClassTable

__all__ = ["classes_chart"]

_TITLES = {"prevalence": "Prevalence", "precision": "Precision", "recall": "Recall", "f1": "F1", "roc_auc": "AUC"}
_MANY = {"class": "classes", "label": "labels"}
_DRAWN = ("precision", "recall", "f1")
_MOST = 40
"""Classes that are drawn: those with the lowest F1. The table has all."""


def classes_chart(found: ClassTable, *, of: Literal["class", "label"] = "class") -> Chart:
    order = sorted(range(len(found.classes)), key=lambda n: _key(found.figures["f1"][n]))
    shown = order[:_MOST]
    points = [
        {"class": found.classes[n], "metric": _TITLES[name], **row}
        for name in _DRAWN
        for n in shown
        for row in _point(found.figures[name][n])
    ]
    y: Spec = {
        "field": "class",
        "type": "nominal",
        "sort": [found.classes[n] for n in shown],
        "axis": {"title": None, "labelLimit": 180, "grid": True},
    }
    offset: Spec = {"yOffset": {"field": "metric", "type": "nominal", "sort": [_TITLES[n] for n in _DRAWN]}}
    colour: Spec = {"field": "metric", "type": "nominal", "scale": {"domain": [_TITLES[n] for n in _DRAWN]}}
    colour |= {"legend": {"symbolType": "circle"}}
    x = shares("value", "Value, with its 95 % interval")
    tips = {
        "class": (of, ""),
        "metric": ("metric", ""),
        "value": ("value", ".1%"),
        "low": ("from", ".1%"),
        "high": ("to", ".1%"),
    }
    spec = layered(
        {"points": points},
        {
            "data": {"name": "points"},
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, "color": colour, **offset},
        },
        {
            "data": {"name": "points"},
            "mark": {"type": "point"},
            "encoding": {"x": x, "y": y, "color": colour, **offset},
        },
        hover("points", {"x": x, "y": y, **offset}, tips),
        width=420,
        height=max(1, len(shown)) * 40,
    )
    table: list[Row] = [
        {
            of: found.classes[n],
            "rows": found.support[n],
            "predicted": found.predicted[n],
            **{_TITLES[name]: figure(figures[n]) for name, figures in found.figures.items()},
        }
        for n in range(len(found.classes))
    ]
    left = len(order) - len(shown)
    note = counted(found) + (f"; {left} {_MANY[of]} with a higher F1 are in the table only" if left else "")
    return Chart(
        spec,
        name=_MANY[of],
        heading=f"Figures of each {of}",
        reading=_reading(found, order, of),
        note=note,
        table=table,
    )


def _key(f1: Figure) -> float:
    return 2.0 if f1.value is None else f1.value


def _point(found: Figure) -> list[Spec]:
    if found.value is None:
        return []
    low, high = (found.value if limit is None else limit for limit in (found.low, found.high))
    return rows(value=[found.value], low=[low], high=[high])


def _reading(found: ClassTable, order: list[int], of: str) -> str:
    known = [n for n in order if found.figures["f1"][n].value is not None]
    if not known:
        return f"No {of} has a figure."
    worst, best = known[0], known[-1]
    told = f"{found.classes[worst]} is told apart worst: F1 {figure(found.figures['f1'][worst])}, {count(found.support[worst])} rows"
    if worst == best:
        return f"{told}."
    return f"{told}; {found.classes[best]} best: {figure(found.figures['f1'][best])}."
