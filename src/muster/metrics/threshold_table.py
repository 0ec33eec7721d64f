"""What each threshold would do: counts and metrics of the labels that it makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from muster.metrics import labels
from muster.metrics.costs import mean_cost
from muster.metrics.labels import Labels, PerClass
from muster.metrics.quality import at_threshold, quality, scores_of
from muster.metrics.screen import Screen
from muster.metrics.steps import steps
from muster.metrics.thin import POINTS, thin
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats

__all__ = ["COLUMNS", "ThresholdTable", "labels_at", "threshold_table"]

_EACH: dict[str, PerClass] = {
    "precision": labels.precision,
    "recall": labels.recall,
    "specificity": labels.specificity,
    "f1": labels.f_beta(1.0),
    "f05": labels.f_beta(0.5),
    "f2": labels.f_beta(2.0),
    "jaccard": labels.jaccard,
}
_ALL = {
    "accuracy": labels.accuracy,
    "balanced_accuracy": labels.balanced_accuracy,
    "mcc": labels.matthews,
    "kappa": labels.kappa,
}
COLUMNS = (*_EACH, *_ALL)
"""The metrics of a threshold, by the names that they have elsewhere."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ThresholdTable(Screen):
    """Counts at `thresholds`, from the greatest down, and `metrics` by name, NaN where not defined. Positive is p >= threshold.

    The first threshold is infinite: nothing is positive. Each count is exact. `distinct` thresholds were looked at, of which these
    are drawn: all or evenly spread ones, always with those that are best by F1, MCC and distance of rates; where
    `complete` is false, scores that share a cell may have others between them.
    """

    thresholds: Floats
    tp: Floats
    fp: Floats
    tn: Floats
    fn: Floats
    metrics: dict[str, Floats]
    distinct: int
    complete: bool

    @property
    def lacking(self) -> str:
        """Which class has no row that counts: then F1 is 0 everywhere, or greatest where all rows are positive."""
        if not self.tp[0] + self.fn[0] > 0:
            return "no row is of the class"
        return "" if self.fp[0] + self.tn[0] > 0 else "every row is of the class"

    def to_table(self) -> pa.Table:
        """A row for each threshold; a metric that is not defined is null."""
        counts = {name: getattr(self, name) for name in ("tp", "fp", "tn", "fn")}
        metrics = {name: pa.array(values, mask=~np.isfinite(values)) for name, values in self.metrics.items()}
        return pa.table({"threshold": self.thresholds, **counts, **metrics})


def threshold_table(profile: Classification, most: int | None = POINTS, costs: Floats | None = None) -> ThresholdTable:
    """Of a binary profile; without `most`, at every threshold. `cost` is a metric too where a matrix of costs tells it."""
    found = steps(profile)
    table = found.labels()
    metrics = metrics_of(table)
    if costs is not None:
        metrics["cost"] = mean_cost(table, costs)
    if most is None:
        shown = np.arange(len(found.thresholds))
    else:
        rates = metrics["recall"] + metrics["specificity"]
        best = [best_of(metrics["f1"]), best_of(metrics["mcc"]), best_of(rates), best_of(metrics["accuracy"])]
        finite = np.minimum(found.thresholds, 1.0)
        shown = thin((finite, metrics["recall"], metrics["specificity"], metrics["precision"]), most, best)
    counts = table.confusion[shown]
    return ThresholdTable(
        rows=profile.rows,
        thresholds=found.thresholds[shown],
        tp=counts[:, 1, 1],
        fp=counts[:, 0, 1],
        tn=counts[:, 0, 0],
        fn=counts[:, 1, 0],
        metrics={name: values[shown] for name, values in metrics.items()},
        distinct=len(found.thresholds),
        complete=found.single,
    )


def labels_at(profile: Classification, threshold: float) -> Labels:
    """Those that a threshold makes, as one group. Of a cell that it divides only the labels that were given tell the sides: they stand
    where they can be its.
    """
    total = quality(profile)
    found, corners = at_threshold(total.curves[0], scores_of(profile, 0), threshold)
    given = total.labels
    if (np.ptp(corners.confusion, axis=0) > 0).any() and _between(given.confusion, corners.confusion):
        return given
    return found


def _between(given: Floats, corners: Floats) -> bool:
    return bool(((corners.min(0) <= given) & (given <= corners.max(0))).all())


def metrics_of(table: Labels) -> dict[str, Floats]:
    """Each of `COLUMNS`, for each group."""
    each = {name: labels.of_classes(metric, table)[:, 1] for name, metric in _EACH.items()}
    return each | {name: metric(table) for name, metric in _ALL.items()}


def best_of(values: Floats) -> int:
    """Where the greatest is, at the greatest threshold that has it; 0 where none is defined."""
    return int(np.argmax(np.nan_to_num(values, nan=-np.inf)))
