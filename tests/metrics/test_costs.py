"""What decisions cost, against the sum over rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidInput
from muster.metrics.classes import dummy, measure
from muster.metrics.costs import cost_matrix
from muster.metrics.differences import paired
from muster.metrics.optimum import best_threshold
from tests.metrics.test_classes import Drawn, profile


@given(st.integers(0, 1_000), st.integers(2, 6), st.booleans())
def test_the_mean_cost_is_that_of_the_rows(seed: int, classes: int, weighted: bool) -> None:
    drawn = Drawn(seed, 300, classes, ties=False, weighted=weighted)
    costs = np.random.default_rng(seed).normal(size=(classes, classes))
    found = profile(drawn.actual, drawn.predicted, drawn.given, drawn.weight, classes=classes)
    told = measure(found, costs=costs)["cost"]
    each = costs[drawn.actual, drawn.predicted]
    assert told.value == pytest.approx(np.average(each, weights=drawn.weight), abs=1e-12)
    assert told.exact
    if told.low is not None and told.high is not None:
        assert costs.min() <= told.low <= np.average(each, weights=drawn.weight) <= told.high <= costs.max()
    least = min(np.average(costs[drawn.actual, n], weights=drawn.weight) for n in range(classes))
    assert dummy(found, costs)["cost"] == pytest.approx(least, abs=1e-12)
    assert "cost" not in measure(found)
    assert "cost" not in dummy(found)


def test_the_cost_at_the_best_threshold_is_the_one_that_is_told_of_it() -> None:
    drawn = Drawn(4, 2_000, 2, ties=True, weighted=False)
    found = profile(drawn.actual, drawn.predicted, drawn.given, classes=2)
    costs = np.array([[0.0, 1.0], [5.0, -1.0]])
    best = best_threshold(found, costs)
    assert best == best_threshold(found, "[[0, 1], [5, -1]]")
    assert best.threshold is not None
    assert best.figure == measure(found, threshold=best.threshold, costs=costs)["cost"]
    each = [costs[drawn.actual, (drawn.given[:, 1] >= t).astype(int)].mean() for t in np.unique(drawn.given[:, 1])]
    assert best.figure.value == pytest.approx(min(each), abs=1e-12)
    assert best.figure.low is not None


def test_the_difference_of_costs_is_taken_fold_by_fold() -> None:
    drawn = Drawn(4, 2_000, 2, ties=True, weighted=False)
    one = profile(drawn.actual, drawn.predicted, drawn.given, classes=2)
    other = profile(drawn.actual, 1 - drawn.predicted, drawn.given, classes=2)
    costs = np.array([[0.0, 1.0], [5.0, -1.0]])
    without = paired(one, other, costs=costs)["cost"]
    each = costs[drawn.actual, 1 - drawn.predicted] - costs[drawn.actual, drawn.predicted]
    assert isinstance(without, np.ndarray)
    assert without.shape == (64,)
    assert np.mean(without) == pytest.approx(each.mean(), abs=0.02)
    assert "cost" not in paired(one, other)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ([[0, 1]], r"the cost matrix has the shape \(1, 2\), and there are 2 classes"),
        ([[0, 1], [1]], "the cost matrix is not made of numbers"),
        ([[0, "x"], [1, 0]], "the cost matrix is not made of numbers"),
        ([[0, float("nan")], [1, 0]], "has a number that is not finite"),
    ],
)
def test_a_matrix_that_does_not_fit_is_refused(costs: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cost_matrix(costs, 2)  # type: ignore[arg-type]  # what people give
