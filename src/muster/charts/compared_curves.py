"""Curves of several over each other: ROC, precision against recall, and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, halo, rows, shares
from muster.charts.series import Series, arranged, counted_all, grouped, hovers, told, view_of
from muster.charts.words import percent
from muster.metrics.precision_recall import PrecisionRecall
from muster.metrics.reliability import Reliability
from muster.metrics.roc import Roc

__all__ = ["compared_calibration", "compared_precision_recall", "compared_roc"]

SIZE = 380
BANDED = "; bands are pointwise 95 % intervals"


def compared_roc(series: Sequence[Series], found: Sequence[Roc], *, positive: str, reading: str, note: str) -> Chart:
    x = shares("fpr", f"False positive rate: share of the rows that are not {positive}")
    y = shares("tpr", f"True positive rate: share of {positive}")
    by = {s.key: one for s, one in zip(series, found, strict=True)}
    data = {k: rows(n=range(len(r.fpr)), fpr=r.fpr, tpr=r.tpr, threshold=r.thresholds) for k, r in by.items()}
    bands = {f"{k} band": rows(fpr=r.band_fpr, low=r.low, high=r.high) for k, r in by.items()}
    ends: Spec = {"values": [{"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1}]}
    tips = {
        "threshold": ("threshold", ".3~f"),
        "tpr": ("true positive rate", ".1%"),
        "fpr": ("false positive rate", ".1%"),
    }
    banded = len(series) == 2 and all(len(r.low) for r in found)

    def view(group: Sequence[Series], width: int, height: int) -> Spec:
        chance = {"data": ends, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}}
        layers = [chance, *halo("chance", 0.8, 0.8, (x, y), style="quiet", align="left", dx=8, dy=8)]
        layers += _bands(group, x, y) if banded else []
        layers += _lines(group, x, y)
        layers += told(group, {s.key: (by[s.key].fpr, by[s.key].tpr) for s in group}, x, y, width, diagonal=True)
        return view_of([*layers, *hovers(group, {"x": x, "y": y}, tips)], width, height)

    return _chart(
        "roc", "ROC curves", series, view, data | (bands if banded else {}), reading=reading,
        note=counted_all(found, (BANDED if banded else "") + note),
        table=_table(series, data, {"threshold": "threshold", "true positive rate": "tpr", "false positive rate": "fpr"}),
    )  # fmt: skip


def compared_precision_recall(
    series: Sequence[Series], found: Sequence[PrecisionRecall], *, positive: str, reading: str, note: str
) -> Chart:
    x = shares("recall", f"Recall: share of {positive} that is found")
    y = shares("precision", "Precision: share of the alerts that are right")
    by = {s.key: one for s, one in zip(series, found, strict=True)}
    data = {
        k: rows(n=range(len(r.recall)), recall=r.recall, precision=r.precision, threshold=r.thresholds)
        for k, r in by.items()
    }
    bands = {f"{k} band": rows(recall=r.band_recall, low=r.low, high=r.high) for k, r in by.items()}
    bases = sorted({round(r.base, 6) for r in found if np.isfinite(r.base)})
    base: Spec = {"values": [{"recall": r, "precision": bases[0]} for r in (0, 1)] if len(bases) == 1 else []}
    tips = {"threshold": ("threshold", ".3~f"), "precision": ("precision", ".1%"), "recall": ("recall", ".1%")}
    banded = len(series) == 2 and all(len(r.low) for r in found)

    def view(group: Sequence[Series], width: int, height: int) -> Spec:
        layers = [{"data": base, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}}]
        if len(bases) == 1:
            at = (f"chance {percent(bases[0])}", 0, bases[0], (x, y))
            layers += halo(*at, style="quiet", align="left", dx=6, dy=-9)
        layers += _bands(group, x, y) if banded else []
        layers += _lines(group, x, y, interpolate="step-before")
        layers += told(group, {s.key: (by[s.key].recall, by[s.key].precision) for s in group}, x, y, width)
        return view_of([*layers, *hovers(group, {"x": x, "y": y}, tips)], width, height)

    return _chart(
        "precision_recall", "Precision and recall", series, view, data | (bands if banded else {}), reading=reading,
        note=counted_all(found, (BANDED if banded else "") + note),
        table=_table(series, data, {"threshold": "threshold", "precision": "precision", "recall": "recall"}),
    )  # fmt: skip


def compared_calibration(
    series: Sequence[Series], found: Sequence[Reliability], *, positive: str, reading: str, note: str
) -> Chart:
    x = shares("mean", f"Mean predicted probability of {positive}")
    y = shares("observed", f"Observed share of {positive}")
    by = {s.key: one for s, one in zip(series, found, strict=True)}
    data = {
        k: rows(lower=r.lower, upper=r.upper, mean=r.mean, observed=r.observed, low=r.low, high=r.high, size=r.size)
        for k, r in by.items()
    }
    ends: Spec = {"values": [{"mean": 0, "observed": 0}, {"mean": 1, "observed": 1}]}
    tips = {
        "mean": ("predicted", ".1%"),
        "observed": ("observed", ".1%"),
        "low": ("from", ".1%"),
        "high": ("to", ".1%"),
    }
    tips |= {"size": ("rows", ",.0f")}
    ruled = len(grouped(series)[0]) == 2 and any(np.isfinite(r.low).any() for r in found)

    def view(group: Sequence[Series], width: int, height: int) -> Spec:
        layers = [{"data": ends, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}}]
        layers += halo("as predicted", 0.8, 0.8, (x, y), style="quiet", align="left", dx=8, dy=8)
        for s in group:
            of: Spec = {"name": s.key}
            limits = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
            ends_of = {"data": of, "mark": {"type": "rule", "style": ["interval", s.style]}, "encoding": limits}
            layers += [
                {"data": of, "mark": {"type": "line", "style": [s.style]}, "encoding": {"x": x, "y": y}},
                *([ends_of] if ruled else []),
                {"data": of, "mark": {"type": "point", "style": [s.style]}, "encoding": {"x": x, "y": y}},
            ]
        layers += told(group, {s.key: (by[s.key].mean, by[s.key].observed) for s in group}, x, y, width, diagonal=True)
        return view_of([*layers, *hovers(group, {"x": x, "y": y}, tips)], width, height)

    columns = {"from score": "lower", "to score": "upper", "rows": "size", "predicted": "mean", "observed": "observed"}
    columns |= {"from": "low", "to": "high"}
    lines = "; lines are 95 % intervals" if ruled else ""
    return _chart(
        "calibration", "Calibration", series, view, data, reading=reading, note=counted_all(found, lines + note),
        table=_table(series, data, columns),
    )  # fmt: skip


def _lines(group: Sequence[Series], x: Spec, y: Spec, **more: Any) -> list[Spec]:
    order: Spec = {"field": "n", "type": "quantitative"}
    return [
        {
            "data": {"name": s.key},
            "mark": {"type": "line", "style": [s.style], **more},
            "encoding": {"x": x, "y": y, "order": order},
        }
        for s in group
    ]


def _bands(group: Sequence[Series], x: Spec, y: Spec) -> list[Spec]:
    return [
        {
            "data": {"name": f"{s.key} band"},
            "mark": {"type": "area", "style": [s.style, "band"]},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        }
        for s in group
    ]


def _chart(
    name: str,
    heading: str,
    series: Sequence[Series],
    view: Callable[[Sequence[Series], int, int], Spec],
    data: dict[str, list[Spec]],
    *,
    reading: str,
    note: str,
    table: list[Row],
) -> Chart:
    views = [lambda w, h, g=group: view(g, w, h) for group in grouped(series)]
    spec = arranged(data, views, width=SIZE, height=SIZE)
    return Chart(spec, name=name, heading=heading, reading=reading, note=note, table=table)


def _table(series: Sequence[Series], data: dict[str, list[Spec]], columns: dict[str, str]) -> list[Row]:
    return [
        {"of": s.title, **{title: row[field] for title, field in columns.items()}}
        for s in series
        for row in data[s.key]
    ]
