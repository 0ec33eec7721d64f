"""The ROC curve, drawn."""

from __future__ import annotations

from muster.charts.chart import Chart
from muster.charts.parts import Spec, halo, hover, layered, rows, shares
from muster.charts.words import LOOSE, counted, figure, told, within
from muster.metrics.figure import Figure
from muster.metrics.roc import Roc

__all__ = ["roc_chart"]

_RANKS = ((0.9, "very well"), (0.8, "well"), (0.7, "fairly"), (0.6, "poorly"))


def roc_chart(roc: Roc, *, positive: str) -> Chart:
    """`positive` is the class whose scores these are."""
    x = shares("fpr", f"False positive rate: share of the rows that are not {positive}")
    y = shares("tpr", f"True positive rate: share of {positive}")
    curve = rows(n=range(len(roc.fpr)), fpr=roc.fpr, tpr=roc.tpr, threshold=roc.thresholds)
    ends: Spec = {"values": [{"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1}]}
    tips = {
        "threshold": ("threshold", ".3~f"),
        "tpr": ("true positive rate", ".1%"),
        "fpr": ("false positive rate", ".1%"),
    }
    spec = layered(
        {"curve": curve, "band": rows(fpr=roc.band_fpr, low=roc.low, high=roc.high)},
        {"data": ends, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}},
        *halo("chance", 0.8, 0.8, (x, y), style="quiet", align="left", dx=8, dy=8),
        {
            "data": {"name": "band"},
            "mark": {"type": "area", "style": ["champion", "band"]},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": {"name": "curve"},
            "mark": {"type": "line", "style": ["champion"]},
            "encoding": {"x": x, "y": y, "order": {"field": "n", "type": "quantitative"}},
        },
        *_furthest(roc, x, y),
        hover("curve", {"x": x, "y": y}, tips),
        width=360,
        height=360,
    )
    banded = "; the band is a pointwise 95 % interval" if len(roc.low) else ""
    note = counted(roc)
    if roc.ks.bound:
        note += f", KS {within(roc.ks.bound)}"
    table = [
        {"threshold": row["threshold"], "true positive rate": row["tpr"], "false positive rate": row["fpr"]}
        for row in curve
    ]
    return Chart(spec, name="roc", heading="ROC curve", reading=_reading(roc.auc), note=note + banded, table=table)


def _furthest(roc: Roc, x: Spec, y: Spec) -> list[Spec]:
    if roc.auc.value is None or roc.ks.bound > LOOSE:
        return []
    ks = roc.ks
    at: Spec = {"values": [{"fpr": ks.fpr, "tpr": ks.tpr}]}
    text = f"KS {told(ks.value)} at {told(ks.threshold)}"
    return [
        {"data": at, "mark": {"type": "point", "style": ["mark"]}, "encoding": {"x": x, "y": y}},
        *halo(text, ks.fpr, ks.tpr, (x, y), align="left", dx=10, dy=8),
    ]


def _reading(auc: Figure) -> str:
    if auc.value is None:
        return f"There is no curve: {auc.reason}."
    by = f"AUC {figure(auc)}"
    if auc.bound > LOOSE:
        return f"How the model ranks is not known, as too many scores share a cell: {by}."
    if auc.low is not None and auc.high is not None and auc.low <= 0.5 <= auc.high:
        return f"The model does not rank better than chance: {by}."
    if auc.value < 0.5:
        return f"The model ranks the wrong way round: {by}."
    how = next((word for least, word in _RANKS if auc.value >= least), "hardly better than chance")
    return f"The model ranks {how}: {by}."
