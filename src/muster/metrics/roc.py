"""The ROC curve: the share of the class that is found against the share of the others that is wrongly taken for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muster.metrics import curves
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

__all__ = ["Distance", "Roc", "roc"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Distance(Screen):
    """Where the shares are furthest apart (Kolmogorov-Smirnov): `value` = `tpr` - `fpr` at `threshold`."""

    value: float
    fpr: float
    tpr: float
    threshold: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Roc(Screen):
    """Points (`fpr`, `tpr`) from (0, 0) to (1, 1), with their `thresholds`, the first infinite.

    `low` and `high` at `band_fpr` are a pointwise 95 % band of tpr, empty where no folds are kept, or only in cells too wide for
    these scores, or a class has too few rows. NaN where a class has no row.
    """

    fpr: Floats
    tpr: Floats
    thresholds: Floats
    band_fpr: Floats
    low: Floats
    high: Floats
    auc: Figure
    ks: Distance


def roc(profile: Classification, lane: int = 0, most: int = POINTS) -> Roc:
    found = steps(profile, lane)
    tpr = share(found.hits, np.full_like(found.hits, found.positives))
    fpr = share(found.alarms, np.full_like(found.alarms, found.negatives))
    apart = np.nan_to_num(tpr - fpr)
    furthest = int(np.argmax(apart))
    ks = Distance(
        rows=profile.rows,
        bound=max(0.0, float(np.nan_to_num(curves.kolmogorov_smirnov_bound(found.curve)[0]))),
        value=float(apart[furthest]),
        fpr=float(fpr[furthest]),
        tpr=float(tpr[furthest]),
        threshold=float(found.middles[furthest]),
    )
    shown = thin((fpr, tpr), most, [furthest, max(int(np.sum(fpr <= 0)) - 1, 0)])
    at = np.unique(fpr[shown])
    total, without, limits = quality(profile), without_folds(profile), None
    auc = of_lane("roc_auc", total, without, lane, found.own)
    if without is not None and not found.few and has_band(auc, total, without, lane):
        values = _at(found.curve, at)[0]
        rows = np.full(len(at), found.positives * profile.rows / found.total)
        limits = band(at, values, _at(smooth_without(profile, lane), at), profile.rows - without.sizes, rows)
    low, high = limits or (np.empty(0), np.empty(0))
    return Roc(
        rows=profile.rows,
        bound=auc.bound,
        bounded="AUC",
        fpr=fpr[shown],
        tpr=tpr[shown],
        thresholds=found.thresholds[shown],
        band_fpr=at if limits else np.empty(0),
        low=low,
        high=high,
        auc=auc,
        ks=ks,
    )


def _at(curve: Curve, fpr: Floats) -> Floats:
    """(groups, places): tpr of each group's curve; where several have the same fpr, the last, however it is rounded."""
    tprs = share(curve.hits[:, ::-1], curve.positives[:, None])
    fprs = share(curve.alarms[:, ::-1], curve.negatives[:, None])
    start = np.zeros(1)
    return np.stack(
        [
            np.interp(fpr * (1 + 1e-9), np.concatenate([start, x]), np.concatenate([start, y]))
            for x, y in zip(fprs, tprs, strict=True)
        ]
    )
