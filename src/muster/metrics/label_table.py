"""How well each label is told from its absence."""

from __future__ import annotations

from collections.abc import Sequence

from muster.metrics.classes import measure
from muster.metrics.figure import Figure, Interval, figure
from muster.metrics.intervals import wilson
from muster.metrics.per_class import ClassTable
from muster.metrics.quality import quality
from muster.profiles.classification import Classification
from muster.profiles.multilabel import Multilabel

__all__ = ["label_table"]

_EACH = ("precision", "recall", "f1", "roc_auc")


def label_table(profile: Multilabel, names: Sequence[str]) -> ClassTable:
    """`support` are rows (or weights) with the label. Its `prevalence` is a figure too."""
    found = [measure(label, names=_EACH) for label in profile.labels]
    counts = [quality(label).labels for label in profile.labels]
    figures = {name: tuple(each[name] for each in found) for name in _EACH}
    return ClassTable(
        rows=profile.rows,
        bound=max((one.bound for one in figures["roc_auc"]), default=0.0),
        bounded="AUC",
        classes=tuple(names),
        support=tuple(float(one.actual[0, 1]) for one in counts),
        predicted=tuple(float(one.predicted[0, 1]) for one in counts),
        figures={"prevalence": tuple(_prevalence(label) for label in profile.labels), **figures},
    )


def _prevalence(label: Classification) -> Figure:
    found = quality(label).labels
    own, total = float(found.actual[0, 1]), float(found.total[0])
    interval = Interval.none("the rows have weights") if label.weighted else wilson(own, total)
    return figure("prevalence", own / total if total else float("nan"), label.rows, interval, why="there is no row")
