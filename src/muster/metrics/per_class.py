"""How well each class is told from all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muster.metrics import labels
from muster.metrics.class_intervals import LEAST_HIT_IN_WEIGHTS, LEAST_OF_A_CLASS
from muster.metrics.classes import of_lane
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import jackknife, wilson
from muster.metrics.label_intervals import f_beta_interval
from muster.metrics.labels import Labels, PerClass
from muster.metrics.quality import Quality, quality, without_folds
from muster.metrics.screen import Screen
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.tally import lanes_of

__all__ = ["ClassTable", "class_table"]

_EACH: dict[str, tuple[PerClass, str]] = {
    "precision": (labels.precision, "no row was predicted as the class"),
    "recall": (labels.recall, "no row is of the class"),
    "f1": (labels.f_beta(1.0), "no row is of the class or predicted as it"),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassTable(Screen):
    """Of each class its `support`, rows (or weights) that are of it, those `predicted` as it, and its figures by metric.

    `figures` has precision, recall, f1 and roc_auc, a Figure of each class; `bound` is the greatest of an AUC.
    """

    classes: tuple[str, ...]
    support: tuple[float, ...]
    predicted: tuple[float, ...]
    figures: dict[str, tuple[Figure, ...]]


def class_table(profile: Classification, classes: Sequence[object]) -> ClassTable:
    total, without = quality(profile), without_folds(profile)
    rows = profile.tally.confusion[0].sum(1).tolist()
    figures = {name: tuple(_figure(name, n, total, without, rows[n]) for n in range(profile.classes)) for name in _EACH}
    lanes = {label: lane for lane, label in enumerate(lanes_of(profile.classes))} if profile.lanes else {}
    figures["roc_auc"] = tuple(
        of_lane("roc_auc", total, without, lanes[n], rows[n])
        if n in lanes
        else undefined("roc_auc", profile.rows, "there are no probabilities of the class")
        for n in range(profile.classes)
    )
    return ClassTable(
        rows=profile.rows,
        bound=max((one.bound for one in figures["roc_auc"]), default=0.0),
        bounded="AUC",
        classes=tuple(str(name) for name in classes),
        support=tuple(total.labels.actual[0].tolist()),
        predicted=tuple(total.labels.predicted[0].tolist()),
        figures=figures,
    )


def _figure(name: str, n: int, total: Quality, without: Quality | None, rows: int) -> Figure:
    metric, why = _EACH[name]

    def of(found: Labels) -> Floats:
        return labels.of_classes(metric, found)[:, n]

    value = float(of(total.labels)[0])
    hits, actual, predicted = (float(a[0, n]) for a in (total.labels.hits, total.labels.actual, total.labels.predicted))
    if total.whole and name in ("precision", "recall"):
        interval = wilson(hits, predicted if name == "precision" else actual)
    elif total.whole:
        interval = f_beta_interval(1.0, hits, predicted, actual)
    elif rows < LEAST_OF_A_CLASS:
        interval = Interval.none(f"the class has fewer than {LEAST_OF_A_CLASS} rows")
    elif total.counts is not None and total.counts.hits[0, n] < LEAST_HIT_IN_WEIGHTS:
        interval = Interval.none(f"fewer than {LEAST_HIT_IN_WEIGHTS} rows of the class are predicted right")
    elif without is not None:
        interval = jackknife(value, of(without.labels), total.sizes - without.sizes, within=(0.0, 1.0), logit=True)
    else:
        interval = Interval.none("no folds of the rows are kept for it")
    return figure(name, value, int(total.sizes[0]), interval, why=why)
