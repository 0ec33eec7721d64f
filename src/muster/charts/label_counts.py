"""How many labels rows have, and are predicted to have, drawn."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart
from muster.charts.parts import Spec, counts, hover, layered
from muster.charts.words import number, percent, rows_and_bound
from muster.profiles.label_sets import FACTS, MOST_SIZES, LabelSets

__all__ = ["label_counts_chart"]

_KINDS = ("actual", "predicted")


def label_counts_chart(sets: LabelSets) -> Chart:
    last = int(np.flatnonzero(sets.sizes.any(0)).max(initial=0))
    names = [str(n) if n < MOST_SIZES else f"{n} or more" for n in range(last + 1)]
    rows = sets.facts.sum(0)
    total = int(rows[0])
    bars = [
        {"labels": names[n], "kind": kind, "rows": int(sets.sizes[k, n])}
        for n in range(last + 1)
        for k, kind in enumerate(_KINDS)
    ]
    x: Spec = {
        "field": "labels",
        "type": "nominal",
        "sort": names,
        "axis": {"title": "Labels of a row", "labelAngle": 0},
    }
    offset: Spec = {"xOffset": {"field": "kind", "sort": list(_KINDS)}}
    y = counts("rows", "Rows")
    colour: Spec = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": list(_KINDS)},
        "legend": {"symbolType": "square"},
    }
    encoding: Spec = {"x": x, "y": y, **offset}
    spec = layered(
        {"bars": bars},
        {
            "data": {"name": "bars"},
            "mark": {"type": "bar", "style": "bar"},
            "encoding": {**encoding, "color": colour},
        },
        hover(
            "bars",
            encoding,
            {"kind": ("which", ""), "labels": ("labels", ""), "rows": ("rows", ",.0f")},
            {"type": "bar", "opacity": 0},
        ),
        width=min(520, max(240, 60 * len(names))),
        height=260,
    )
    own, told = (float(rows[FACTS.index(name)]) / max(total, 1) for name in _KINDS)
    right = float(rows[FACTS.index("right")]) / max(total, 1)
    return Chart(
        spec,
        name="label_counts",
        heading="Labels of a row",
        reading=(
            f"A row has {number(own, 2)} labels on average, and is predicted to have {number(told, 2)}; "
            f"{percent(right)} of rows are predicted with exactly their labels."
            if total
            else "There is no row."
        ),
        note=rows_and_bound(total),
        table=[
            {"labels": name, **{f"rows, {kind}": int(sets.sizes[k, n]) for k, kind in enumerate(_KINDS)}}
            for n, name in enumerate(names)
        ],
    )
