"""Precision against recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muster.metrics import curves
from muster.metrics.band import band
from muster.metrics.curves import Curve
from muster.metrics.figure import Figure, Interval, figure
from muster.metrics.intervals import jackknife
from muster.metrics.labels import share
from muster.metrics.quality import without_folds
from muster.metrics.screen import Screen
from muster.metrics.steps import steps
from muster.metrics.thin import POINTS, thin
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats

__all__ = ["PrecisionRecall", "precision_recall"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PrecisionRecall(Screen):
    """Points (`recall`, `precision`) with their `thresholds`, from the greatest down; up to each point its precision holds.

    So the area under the steps is the `average` precision. `low` and `high` at `band_recall` are a pointwise 95 % band of precision,
    empty where no folds are kept. `base` is the share of the class, the precision of chance.
    """

    recall: Floats
    precision: Floats
    thresholds: Floats
    band_recall: Floats
    low: Floats
    high: Floats
    average: Figure
    base: float


def precision_recall(profile: Classification, lane: int = 0, most: int = POINTS) -> PrecisionRecall:
    found = steps(profile, lane)
    hits, alarms = found.hits[1:], found.alarms[1:]
    precision = share(hits, hits + alarms)
    recall = share(hits, np.full_like(hits, found.positives))
    shown = thin((recall, precision), most)
    without = without_folds(profile)
    at, limits = np.unique(recall[shown]), None
    if np.isfinite(at).all() and len(at) and without is not None:
        values = _at(found.curve, at)[0]
        alerts = at * found.positives / np.where(values > 0, values, 1.0) * profile.rows / found.total
        limits = band(values, _at(without.curves[lane], at), profile.rows - without.sizes, alerts)
    low, high = limits or (np.empty(0), np.empty(0))
    value = float(curves.average_precision(found.curve)[0])
    interval = Interval.none("no folds of the rows are kept for it")
    if without is not None:
        interval = jackknife(
            value, curves.average_precision(without.curves[lane]), profile.rows - without.sizes, 0.0, 1.0
        )
    bound = float(curves.average_precision_bound(found.curve)[0])
    why = "no row is of the class"
    return PrecisionRecall(
        rows=profile.rows,
        bound=bound if np.isfinite(bound) else 0.0,
        bounded="average precision",
        recall=recall[shown],
        precision=precision[shown],
        thresholds=found.thresholds[1:][shown],
        band_recall=at if limits else np.empty(0),
        low=low,
        high=high,
        average=figure("average_precision", value, profile.rows, interval, bound=bound, why=why),
        base=found.positives / found.total if len(hits) else np.nan,
    )


def _at(curve: Curve, recall: Floats) -> Floats:
    """(groups, places): precision of each group; between two thresholds alarms grow evenly with hits (Davis and Goadrich 2006)."""
    hits = (
        recall * (1 - 1e-9) * curve.positives[:, None]
    )  # where several thresholds have it, the first, however it is rounded
    start = np.zeros(1)
    alarms = np.stack(
        [
            np.interp(wanted, np.concatenate([start, own]), np.concatenate([start, others]))
            for wanted, own, others in zip(hits, curve.hits[:, ::-1], curve.alarms[:, ::-1], strict=True)
        ]
    )
    return share(hits, hits + alarms)
