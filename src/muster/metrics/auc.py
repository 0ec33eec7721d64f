"""The ROC AUC of one class against all others, with its interval."""

from __future__ import annotations

from muster.metrics import curves
from muster.metrics.figure import Figure, Interval, figure
from muster.metrics.intervals import jackknife
from muster.metrics.quality import Quality, curve_of, without_folds
from muster.profiles.classification import Classification

__all__ = ["auc_of"]


def auc_of(profile: Classification, lane: int, without: Quality | None = None) -> Figure:
    """By DeLong's method where rows are counted, else by the jackknife. `without` saves making it again."""
    curve = curve_of(profile, lane)
    value = float(curves.roc_auc(curve)[0])
    if curve.whole:
        interval = curves.delong(curve)
    elif (others := without or without_folds(profile)) is not None:
        interval = jackknife(value, curves.roc_auc(others.curves[lane]), profile.rows - others.sizes, 0.0, 1.0)
    else:
        interval = Interval.none("no folds of the rows are kept for it")
    bound = float(curves.roc_auc_bound(curve)[0])
    return figure("roc_auc", value, profile.rows, interval, bound=bound, why="all rows have the same actual class")
