"""Lines of several over each other: metrics at every threshold, and errors by tenths of the predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, axis, rows, shares
from muster.charts.residuals import nothing
from muster.charts.series import Series, arranged, counted_all, grouped, hovers, key, view_of
from muster.charts.words import rows_and_bound, rows_spread
from muster.metrics.residuals import Group
from muster.metrics.threshold_table import ThresholdTable

__all__ = ["compared_tenths", "compared_thresholds"]

_LINES = {"precision": "Precision", "recall": "Recall", "f1": "F1", "mcc": "MCC"}


def compared_thresholds(
    series: Sequence[Series], found: Sequence[ThresholdTable], *, positive: str, reading: str, note: str
) -> Chart:
    """A view of each metric; of many series of F1 alone. `found` are thinned."""
    data = {}
    for s, one in zip(series, found, strict=True):
        shown = np.isfinite(one.thresholds)
        data[s.key] = rows(threshold=one.thresholds[shown], **{name: one.metrics[name][shown] for name in _LINES})
    groups = grouped(series)
    metrics = list(_LINES) if len(groups) == 1 else ["f1"]

    def view(group: Sequence[Series], name: str) -> Callable[[int, int], Spec]:
        x = axis("threshold", f"Threshold: {positive} from this probability on", within=(0.0, 1.0))
        y = shares(name, _LINES[name]) if name != "mcc" else axis(name, _LINES[name], within=(0.0, 1.0))

        def draw(width: int, height: int) -> Spec:
            layers: list[Spec] = []
            for s in group:
                mark: Spec = {"type": "line", "style": [s.style], "clip": True}
                layers.append(
                    {
                        "data": {"name": s.key},
                        "transform": [{"filter": f"isValid(datum.{name})"}],
                        "mark": mark,
                        "encoding": {"x": x, "y": y},
                    }
                )
            tips = {"threshold": ("threshold", ".3~f"), name: (_LINES[name], ".3f")}
            over = hovers(group, {"x": x, "y": y}, tips)
            return view_of([*layers, *key(group), *over], width, height)

        return draw

    views = [view(group, name) for group in groups for name in metrics]
    table: list[Row] = [
        {"of": s.title, "threshold": row["threshold"], **{title: row[name] for name, title in _LINES.items()}}
        for s in series
        for row in data[s.key]
    ]
    return Chart(
        arranged(data, views, width=520, height=360), name="thresholds", heading="Metrics at every threshold",
        reading=reading, note=counted_all(found, note), table=table,
    )  # fmt: skip


def compared_tenths(
    series: Sequence[Series],
    found: Sequence[tuple[Group, ...]],
    *,
    counts: Sequence[int],
    target: str,
    exact: bool,
    reading: str,
    note: str,
) -> Chart:
    """The mean absolute error of each tenth of the predictions, those of each by its own predictions."""
    name, heading = "tenths_error", "Error by tenths"
    if not all(groups and all(g.mae is not None for g in groups) for groups in found):
        return nothing(name, heading, min(counts), "the errors of one are too large for a mean, or there is no row")
    data = {
        s.key: rows(
            tenth=[str(n) for n in range(1, len(groups) + 1)],
            low=[g.low for g in groups],
            high=[g.high for g in groups],
            mass=[g.mass for g in groups],
            mae=[g.mae for g in groups],
            rmse=[g.rmse for g in groups],
        )
        for s, groups in zip(series, found, strict=True)
    }
    top = max(float(g.mae or 0.0) for groups in found for g in groups) or 1.0
    x: Spec = {
        "field": "tenth",
        "type": "ordinal",
        "sort": None,
        "axis": {"title": "Tenth of the rows, from the lowest predictions", "labelAngle": 0},
    }
    y = axis("mae", f"Mean absolute error of {target}", within=(0.0, top * 1.1))
    tips = {"tenth": ("tenth", ""), "mae": ("mean absolute error", ".4~g"), "rmse": ("root mean squared error", ".4~g")}

    def view(group: Sequence[Series]) -> Callable[[int, int], Spec]:
        layers: list[Spec] = []
        for s in group:
            layers += [
                {"data": {"name": s.key}, "mark": {"type": kind, "style": [s.style]}, "encoding": {"x": x, "y": y}}
                for kind in ("line", "point")
            ]
        layers += [*key(group), *hovers(group, {"x": x, "y": y}, tips)]
        return lambda width, height: view_of(layers, width, height)

    columns = {"tenth": "tenth", "predicted from": "low", "to": "high", "rows": "mass", "mean absolute error": "mae"}
    columns |= {"root mean squared error": "rmse"}
    table: list[Row] = [
        {"of": s.title, **{title: row[field] for title, field in columns.items()}}
        for s in series
        for row in data[s.key]
    ]
    said = rows_and_bound(max(counts)) if exact else rows_spread(max(counts))
    return Chart(
        arranged(data, [view(group) for group in grouped(series)], width=520, height=280), name=name, heading=heading,
        reading=reading, note=f"{said}; tenths are by the predictions of each{note}", table=table,
    )  # fmt: skip
