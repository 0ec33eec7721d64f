"""Precision against recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muster.metrics.band import band
from muster.metrics.classes import has_band, of_lane
from muster.metrics.curves import Curve
from muster.metrics.figure import Figure
from muster.metrics.labels import share
from muster.metrics.quality import quality, smooth_without, without_folds
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
    empty where no folds are kept, or only in cells too wide for these scores, or a class has too few rows. `base` is the share of the
    class, the precision of chance.
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
    total, without = quality(profile), without_folds(profile)
    at, limits = np.unique(recall[shown]), None
    at = at[at > 0]  # before the first row of the class there is no precision to be sure of
    average = of_lane("average_precision", total, without, lane, found.own)
    if without is not None and not found.few and has_band(average, total, without, lane):
        values = _at(found.curve, at)[0]
        alerts = at * found.positives / np.where(values > 0, values, 1.0) * profile.rows / found.total
        limits = band(at, values, _at(smooth_without(profile, lane), at), profile.rows - without.sizes, alerts)
    low, high = limits or (np.empty(0), np.empty(0))
    return PrecisionRecall(
        rows=profile.rows,
        bound=average.bound,
        bounded="average precision",
        recall=recall[shown],
        precision=precision[shown],
        thresholds=found.thresholds[1:][shown],
        band_recall=at if limits else np.empty(0),
        low=low,
        high=high,
        average=average,
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
