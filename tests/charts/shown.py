"""Every chart there is, of profiles of several kinds."""

from __future__ import annotations

from functools import cache

import numpy as np

from muster.charts.chart import Chart
from muster.charts.screens import classification_charts, regression_charts
from muster.profiles.classification import SEGMENT, Classification
from muster.profiles.regression import SEGMENT as REGRESSION_SEGMENT
from muster.profiles.regression import Reach, Regression
from tests.charts.pairs import PAIRS, pairs
from tests.charts.parts import NAMES, PARTS, parts
from tests.charts.past import PAST, past
from tests.metrics.classified import IN_CELLS, binary, scored, several
from tests.metrics.numbers import rows as numbers

COSTS = [[0.0, 1.0], [5.0, -2.0]]


def profiles() -> dict[str, tuple[Classification | Regression, list[str]]]:
    """By kind: the profile, and its classes."""
    many = [f"class {n}" for n in range(40)]
    return {
        "exact": (binary(1, 3_000).profile(), NAMES),
        "in cells": (binary(1, 3_000).profile(IN_CELLS), NAMES),
        "ties": (binary(1, 400, ties=True).profile(), NAMES),
        "weighted": (binary(1, 400, weighted=True).profile(), NAMES),
        "segment": (binary(1, 400).profile(SEGMENT), NAMES),
        "perfect": (scored([0, 0, 1, 1] * 50, [0.0, 0.2, 0.9, 1.0] * 50).profile(), NAMES),
        "worthless": (scored([0, 1] * 50, np.full(100, 0.5)).profile(), NAMES),
        "two rows": (scored([0, 1], [0.2, 0.8]).profile(), NAMES),
        "one class": (scored([0, 0, 0], [0.2, 0.3, 0.8]).profile(), NAMES),
        "no row": (Classification(2, scores=True), NAMES),
        "labels alone": (Classification(2, scores=False), NAMES),
        "odd names": (binary(1, 300).profile(), ['</script><b>"no"', "ja & 'nein' → ü"]),
        "three": (several(1, 3, 900).profile(), ["a", "b", "c"]),
        "forty": (several(1, 40, 4_000).profile(), many),
        "numbers": (numbers("plain", 1, 3_000).profile(), []),
        "numbers in cells": (numbers("positive", 1, 3_000).profile(Reach(48, 800, folds=True)), []),
        "tied numbers": (numbers("ties", 1, 500).profile(), []),
        "numbers apart": (numbers("apart", 1, 500).profile(), []),
        "negative numbers": (numbers("negative", 1, 500).profile(), []),
        "weighted numbers": (numbers("scales", 1, 500, weighted=True).profile(), []),
        "numbers of a segment": (numbers("plain", 1, 500).profile(REGRESSION_SEGMENT), []),
        "numbers with intervals": (numbers("plain", 1, 3_000, ranges=True).profile(), []),
        "weighted intervals": (numbers("plain", 1, 500, weighted=True, ranges=True).profile(), []),
        "one number": (numbers("plain", 1, 1).profile(), []),
        "no number": (Regression(), []),
    }


@cache
def charts(kind: str) -> dict[str, Chart]:
    for known, of in ((PARTS, parts), (PAIRS, pairs), (PAST, past)):
        if kind in known:
            return of(kind)
    profile, names = profiles()[kind]
    if isinstance(profile, Regression):
        return dict(regression_charts(profile, "delay"))
    costs = COSTS if profile.classes == 2 else None
    made = classification_charts(profile, names, costs=costs, threshold=0.4 if kind == "exact" else None)
    return {name: made[name] for name in made if ":" not in name or name.endswith((":a", ":class 7"))}


ALL = [(kind, name) for kind in (*profiles(), *PARTS, *PAIRS, *PAST) for name in charts(kind)]
