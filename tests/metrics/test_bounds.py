"""Figures that cells of several values leave open: what is told of them allows for it, or is not told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from muster.metrics.classes import measure
from muster.metrics.curves import roc_auc_bound
from muster.metrics.differences import apart, paired
from muster.metrics.figure import Interval, figure
from muster.metrics.gains import gains
from muster.metrics.precision_recall import precision_recall
from muster.metrics.quality import quality
from muster.metrics.roc import roc
from tests.metrics.classified import IN_CELLS, Rows, scored


def _tiny(skill: float, rows: int = 4_000) -> Rows:
    """Scores around 1e-12, all in one cell, though they rank well."""
    random = np.random.default_rng(11)
    actual = (random.random(rows) < 0.3).astype(np.int64)
    return scored(actual, 1e-12 * np.exp(random.normal(size=rows) + skill * actual))


def test_an_interval_is_wider_by_the_bound_and_stays_where_the_figure_can_be() -> None:
    plain = Interval(0.90, 0.98, "m")
    found = figure("x", 0.94, 10, plain, bound=0.03, within=(0.0, 1.0))
    assert found.low == pytest.approx(0.87)
    assert (found.high, found.method) == (1.0, "m")
    assert figure("x", 0.94, 10, plain).low == 0.90


def test_there_is_no_interval_where_the_bound_is_more_than_chance() -> None:
    found = figure("x", 0.94, 10, Interval(0.90, 0.98, "m"), bound=0.05)
    assert (found.low, found.high) == (None, None)
    assert "values that share cells can move it by 0.05" in found.reason


def test_ends_that_allow_for_cells_are_not_widened_again() -> None:
    found = figure("x", 0.94, 10, Interval(0.90, 0.98, "m", allows=True), bound=0.05)
    assert (found.low, found.high) == (0.90, 0.98)


def test_scores_in_one_cell_say_neither_how_well_they_rank_nor_that_they_are_on_one_side() -> None:
    found = measure(_tiny(1.0).profile(IN_CELLS))
    for name in ("roc_auc", "average_precision", "captured_at_10"):
        assert found[name].low is None, name
        assert found[name].bound > 0.1
    assert "share one cell of scores" in found["roc_auc"].reason


def test_models_in_one_cell_are_not_said_to_differ_by_nothing() -> None:
    one, other = (_tiny(skill).profile(IN_CELLS) for skill in (1.0, 0.2))
    without = paired(one, other)["roc_auc"]
    found = apart("roc_auc", measure(one)["roc_auc"], measure(other)["roc_auc"], without, one)
    assert (found.value, found.bound, found.low) == (0.0, 1.0, None)


def test_intervals_in_cells_hold_those_of_single_scores() -> None:
    random = np.random.default_rng(3)
    actual = (random.random(3_000) < 0.3).astype(np.int64)
    rows = scored(actual, 0.5 + 0.05 / (1 + np.exp(-random.normal(size=3_000) - actual)))
    exact, cells = (measure(p)["roc_auc"] for p in (rows.profile(), rows.profile(IN_CELLS)))
    assert float(roc_auc_bound(quality(rows.profile(IN_CELLS)).curves[0])[0]) == cells.bound > 0
    assert cells.low is not None
    assert exact.low is not None
    assert exact.high is not None
    assert cells.high is not None
    assert cells.low <= exact.low + 1e-4
    assert exact.high - 1e-4 <= cells.high
    assert math.isclose(cells.high - cells.low, exact.high - exact.low + 2 * cells.bound, abs_tol=1e-3)


def test_curves_in_one_cell_have_no_band_and_tenths_no_interval() -> None:
    profile = _tiny(1.0).profile(IN_CELLS)
    assert not len(roc(profile).low)
    assert not len(precision_recall(profile).low)
    assert np.isnan(gains(profile).rate_low).all()
