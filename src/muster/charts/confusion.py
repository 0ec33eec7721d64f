"""Which classes are taken for which, drawn as a table of shaded cells; and the most frequent mistakes as bars."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from muster.charts.chart import Chart
from muster.charts.matrix import TEXTS, below, matrix
from muster.charts.parts import Spec, counts, hover, layered, rows
from muster.charts.words import count, counted, percent
from muster.errors import NotApplicable
from muster.metrics.confusion import Confused, Confusion

__all__ = ["ORDER", "Shown", "confusion_chart", "mistakes_chart", "natural"]

Shown = Literal["count", "row", "column", "cost"]
_TITLES = {
    "count": "rows",
    "row": "share of the actual class",
    "column": "share of the predicted class",
    "cost": "cost",
}
ORDER = "order"
"""The parameter that says in which order the classes of a matrix stand."""
_ORDERS = ("as declared", "by name", "most rows first", "most confused first")
_CHOICE: Spec = {"input": "select", "options": [*_ORDERS], "name": "Classes "}


def confusion_chart(found: Confusion, shown: Shown = "row") -> Chart:
    """Shaded by `shown`; the number in each cell is the same."""
    if shown == "cost" and found.costs is None:
        raise NotApplicable("no costs were given for this confusion matrix")
    k = len(found.classes)
    values = {"count": found.counts, "row": found.by_row, "column": found.by_column, "cost": found.costs}[shown]
    assert values is not None
    cells = rows(
        actual=[a for a in found.classes for _ in found.classes],
        predicted=list(found.classes) * k,
        count=found.counts.ravel(),
        row=found.by_row.ravel(),
        column=found.by_column.ravel(),
        **({} if found.costs is None else {"cost": found.costs.ravel()}),
    )
    most = 1.0 if shown in ("row", "column") else float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    for cell, value in zip(cells, values.ravel().tolist(), strict=True):
        cell["value"] = round(abs(value) / most, 4) if np.isfinite(value) else None
        if k <= TEXTS:
            cell["label"] = percent(value) if shown in ("row", "column") else count(value)
    tips = {"actual": ("actual", ""), "predicted": ("predicted", ""), "count": ("rows", ",.0f")}
    tips |= {"row": ("of the actual class", ".1%"), "column": ("of the predicted class", ".1%")}
    sides = ("actual", "Actual class"), ("predicted", "Predicted class")
    sorts = {of: _sorted(found, of) for of, _ in sides}
    spec = matrix(cells, found.classes, sides, tips, labelled=k <= TEXTS, sorts=sorts)
    if k > 2:
        spec["params"] = [{"name": ORDER, "value": _ORDERS[0], "bind": _CHOICE}]
        spec["data"] = {"name": "cells"}  # once for all layers, so that they have one order
        for layer in spec["layer"]:
            layer.pop("data")
        spec["transform"] = [step for of in ("actual", "predicted") for step in _placed(of)]
        spec["datasets"]["places"] = _places(found)
    table = [
        {
            "actual": cell["actual"],
            "predicted": cell["predicted"],
            "rows": cell["count"],
            "of the actual class": cell["row"],
            "of the predicted class": cell["column"],
            **({"cost": cell["cost"]} if "cost" in cell else {}),
        }
        for cell in cells
    ]
    rest = f"; {found.others} of the classes are taken together" if found.others else ""
    return Chart(
        spec,
        name="confusion" if shown == "row" else f"confusion_by_{shown}",
        heading=f"Confusion matrix, {_TITLES[shown]}",
        reading=_reading(found),
        note=counted(found) + rest,
        table=table,
        below=below(found.classes),
    )


def _places(found: Confusion) -> list[Spec]:
    """Where each class stands in each of the orders; those that are taken together always last."""
    size = found.counts.sum(1)
    wrong = found.counts.sum(0) + size - 2 * np.diagonal(found.counts)
    whole = len(found.classes) - (1 if found.others else 0)
    orders = (
        range(whole),
        sorted(range(whole), key=lambda n: natural(found.classes[n])),
        np.argsort(-size[:whole], kind="stable").tolist(),
        np.argsort(-wrong[:whole], kind="stable").tolist(),
    )
    places = [{n: place for place, n in enumerate(order)} for order in orders]
    return [
        {"class": name, **{str(o): place.get(n, whole) for o, place in enumerate(places)}}
        for n, name in enumerate(found.classes)
    ]


def _placed(of: str) -> list[Spec]:
    """Gives each cell the place of its class in the order that is chosen."""
    names = [f"{of}_{o}" for o in range(len(_ORDERS))]
    chosen = f"datum.{names[0]}"
    for name, words in zip(names[1:], _ORDERS[1:], strict=True):
        chosen = f"{ORDER} == '{words}' ? datum.{name} : ({chosen})"
    source: Spec = {"data": {"name": "places"}, "key": "class", "fields": [str(o) for o in range(len(_ORDERS))]}
    return [{"lookup": of, "from": source, "as": names}, {"calculate": chosen, "as": f"{of}_place"}]


def _sorted(found: Confusion, of: str) -> object:
    return list(found.classes) if len(found.classes) <= 2 else {"field": f"{of}_place", "op": "min"}


def natural(text: str) -> list[tuple[int, str]]:
    """By which texts are ordered as people do: `class 9` before `class 10`."""
    return [(int(part), "") if part.isdigit() else (0, part.casefold()) for part in re.split(r"(\d+)", text) if part]


def _reading(found: Confusion) -> str:
    total, right = float(found.counts.sum()), float(np.trace(found.counts))
    if found.others:  # classes that are taken together may be taken for each other
        return f"The {len(found.classes) - 1} most confused classes, and {found.others} others together."
    if not total:
        return "There is no row."
    wrong = found.counts - np.diag(np.diagonal(found.counts))
    told = f"{percent(right / total)} of the rows are predicted correctly"
    if not wrong.any():
        return f"{told}."
    a, p = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return (
        f"{told}; the most frequent mistake is {found.classes[a]} taken for {found.classes[p]}: "
        f"{count(wrong[a, p])} rows, {percent(found.by_row[a, p])} of {found.classes[a]}."
    )


def mistakes_chart(found: Confused) -> Chart:
    """The most confused pairs, by rows."""
    names = [f"{a} → {p}" for a, p in zip(found.actual, found.predicted, strict=True)]
    bars = rows(pair=names, count=found.count, part=found.part, low=found.low, high=found.high)
    for bar in bars:
        bar["label"] = f"{count(bar['count'])} ({percent(bar['part'])})"
    top = float(np.max(found.count, initial=1.0)) * 1.25
    y: Spec = {
        "field": "pair",
        "type": "nominal",
        "sort": None,
        "axis": {"title": "Actual → predicted class", "labelLimit": 220},
    }
    x = counts("count", "Rows", domain=[0.0, top], nice=False)
    tips = {"pair": ("mistake", ""), "count": ("rows", ",.0f"), "part": ("of the actual class", ".1%")}
    spec = layered(
        {"bars": bars},
        {"data": {"name": "bars"}, "mark": {"type": "bar", "style": ["bar", "champion"]}, "encoding": {"x": x, "y": y}},
        {
            "data": {"name": "bars"},
            "mark": {"type": "text", "style": ["direct"], "align": "left", "dx": 6},
            "encoding": {"x": x, "y": y, "text": {"field": "label"}},
        },
        hover("bars", {"y": y}, tips, {"type": "rule", "opacity": 0, "strokeWidth": 20}),
        width=420,
        height=max(1, len(bars)) * 24,
    )
    reading = "There is no mistake."
    if bars:
        part = percent(float(found.mistakes[0]))
        reading = f"{found.actual[0]} taken for {found.predicted[0]} makes {part} of all mistakes."
    table = [
        {
            "actual": a,
            "predicted": p,
            "rows": bar["count"],
            "of the actual class": bar["part"],
            "from": bar["low"],
            "to": bar["high"],
        }
        for a, p, bar in zip(found.actual, found.predicted, bars, strict=True)
    ]
    return Chart(
        spec, name="mistakes", heading="Most confused classes", reading=reading, note=counted(found), table=table
    )
