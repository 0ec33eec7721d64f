"""Charts of evaluations one after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from muster.charts.chart import Chart
from muster.charts.history import Point, View, history_chart
from muster.metrics.figure import Figure, undefined

__all__ = ["PAST", "past"]


@cache
def _histories() -> dict[str, tuple[list[Point], View]]:
    """By kind: the evaluations of versions, and how they are looked at."""
    r = np.random.default_rng(4)

    def points(versions: int, months: int, *, by: bool, known: bool = True) -> list[Point]:
        found = []
        for month in range(1, months + 1):
            for version in range(1, versions + 1):
                value = 0.82 + 0.02 * version - 0.006 * month * (version == 1) + 0.004 * float(r.normal())
                ends = (value - 0.01, value + 0.009) if (month + version) % 5 else (None, None)
                of = Figure("roc_auc", value, 900, *ends) if known else undefined("roc_auc", 900, "there is no row")
                at = f"{month}" if by else f"2026-{month:02d}-03T08:{version:02d}:00+00:00"
                found.append(Point(at, f"delays:{version}", of, 900))
        return found

    time, month = (View(name="roc_auc", title="ROC AUC", of="delays", by=by) for by in (None, "month"))
    return {
        "time": (points(2, 8, by=False), replace(time, bars=(("roc_auc>=0.8", 0.8), ("roc_auc<=0.9", 0.9)))),
        "label": (points(3, 5, by=True), month),
        "nine versions": (points(9, 12, by=True), month),
        "one evaluation": (points(1, 1, by=False), time),
        "none known": (points(1, 2, by=True, known=False), month),
        "no evaluation": ([], time),
    }


PAST = tuple(_histories())


@cache
def past(kind: str) -> dict[str, Chart]:
    return {"roc_auc": history_chart(*_histories()[kind])}
