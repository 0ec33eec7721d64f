"""The chart of thresholds says of the one in use what the metrics say, and has a place for each that there is."""

from __future__ import annotations

import re

import numpy as np
import pytest

from muster.charts.page import figure
from muster.charts.screens import classification_charts
from muster.metrics.classes import measure
from muster.metrics.optimum import best_threshold
from tests.metrics.classified import IN_CELLS, Rows, scored


def _rows(size: float = 1.0, rows: int = 5_000) -> Rows:
    random = np.random.default_rng(21)
    actual = (random.random(rows) < 0.1).astype(np.int64)
    return scored(actual, size / (1 + np.exp(2 - random.normal(size=rows) - 1.5 * actual)))


@pytest.mark.parametrize("threshold", [0.05, 0.31234567, 0.8356233, 0.93])
def test_the_one_in_use_has_the_figures_of_the_metrics(threshold: float) -> None:
    d = _rows()
    profile = Rows(d.actual, (d.score >= threshold).astype(np.int64), d.given).profile()
    chart = classification_charts(profile, [0, 1], threshold=threshold)["thresholds"]
    wanted = measure(profile)
    told = re.search(r"in use, ([\d.]+): precision ([\d.]+)\u202f%, recall ([\d.]+)\u202f%", chart.reading)
    assert told is not None
    assert float(told[1]) == pytest.approx(threshold, abs=5e-7)
    for text, name in ((told[2], "precision"), (told[3], "recall")):
        value = wanted[name].value
        assert value is not None
        assert text == f"{100 * value:.1f}"
    (row,) = (row for row in chart["datasets"]["table"] if row["threshold"] == threshold)
    assert row["tp"] == int(((d.score >= threshold) & (d.actual == 1)).sum())


def test_in_a_cell_that_it_divides_the_labels_that_were_given_tell() -> None:
    d = _rows(1e-3)
    threshold = 0.4321e-3
    profile = Rows(d.actual, (d.score >= threshold).astype(np.int64), d.given).profile(IN_CELLS)
    chart = classification_charts(profile, [0, 1], threshold=threshold)["thresholds"]
    (row,) = (row for row in chart["datasets"]["table"] if row["threshold"] == threshold)
    assert row["tp"] == int(((d.score >= threshold) & (d.actual == 1)).sum())


def test_small_thresholds_have_digits_and_room() -> None:
    profile = _rows(1e-4).profile()
    chart = classification_charts(profile, [0, 1])["thresholds"]
    best = best_threshold(profile, "f1").threshold
    told = re.search(r"F1 is greatest at ([\d.e-]+):", chart.reading)
    assert told is not None
    assert float(told[1]) == pytest.approx(best, rel=0.005)
    assert chart["layer"][0]["encoding"]["x"]["scale"]["domain"][1] < 1.1e-4


def test_the_slider_has_a_place_for_each_threshold_that_is_drawn() -> None:
    chart = classification_charts(_rows(1e-4).profile(), [0, 1], threshold=3e-5)["thresholds"]
    found = sorted(row["threshold"] for row in chart["datasets"]["table"])
    drawn = figure(chart)
    told = re.search(r'type="range" min="0" max="(\d+)" step="1" value="(\d+)" data-at="([^"]+)"', drawn)
    assert told is not None
    assert int(told[1]) == len(found) - 1
    assert found[int(told[2])] == float(told[3]) == 3e-5
    assert len(found) > 100
