"""Intervals from folds of rows: as wide for narrow scores as for the same ranks spread out; none where cells tell no scores apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from muster.metrics.classes import measure
from muster.metrics.differences import apart, paired
from muster.metrics.figure import Figure
from muster.metrics.precision_recall import precision_recall
from muster.metrics.resolution import COARSE, DIVIDED
from muster.metrics.roc import roc
from muster.profiles.classification import WHOLE, Classification, Extent
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified, Probabilities

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEW_CELLS = Extent(65_536, 1, folds=True, by_fold=8)
OF_FOLDS = ("average_precision", "captured_at_10", "lift_at_5", "rate_at_top_10")
SCALES: dict[str, Callable[[Floats], Floats]] = {
    "between 0.509 and 0.511": lambda z: 0.51 + 0.001 * np.tanh(z / 3),
    "around 1e-12": lambda z: 1e-12 * np.exp(z),
    "near 1": lambda z: 1 - 1e-9 * np.exp(-z),
    "rare": lambda z: 1e-3 / (1 + np.exp(-z)),
}


def spread(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)), np.float64)


def profile(actual: Ints, given: Floats, weight: Floats | None = None, extent: Extent = WHOLE) -> Classification:
    both = np.stack([1 - given, given], axis=1) if given.ndim == 1 else given
    found = Classification(both.shape[1], extent, scores=True, weighted=weight is not None)
    rows = Classified(actual, both.argmax(1), weight, Probabilities.of(both, actual))
    found.add(rows, hash_rows(5, np.arange(len(actual))))
    return found


def drawn(rows: int = 4_000) -> tuple[Ints, Floats, Floats]:
    """Rows, and what two equally good models see of them."""
    chance = np.random.default_rng(7)
    actual = (chance.random(rows) < 0.3).astype(np.int64)
    return actual, chance.normal(1.2 * actual), chance.normal(1.2 * actual)


def differences(one: Classification, other: Classification) -> dict[str, Figure]:
    figures = measure(one), measure(other)
    return {n: apart(n, figures[0][n], figures[1][n], of, one) for n, of in paired(one, other).items()}


@pytest.mark.parametrize("scale", SCALES)
def test_the_same_ranks_have_the_same_intervals_on_any_scale(scale: str) -> None:
    actual, seen, _ = drawn()
    told, same = (measure(profile(actual, to(seen))) for to in (SCALES[scale], spread))
    for name in OF_FOLDS:
        a, b = told[name], same[name]
        assert None not in (a.low, a.high, b.low, b.high), (name, a.reason, b.reason)
        near = 0.05 if name == "average_precision" else 0.15  # the top ends within a cell
        assert a.high - a.low == pytest.approx(b.high - b.low, rel=near), name  # type: ignore[operator]


@pytest.mark.parametrize("scale", SCALES)
def test_no_verdict_comes_of_cells(scale: str) -> None:
    """Two equally good models were told apart: ROC AUC +0.011 [0.011, 0.011]."""
    actual, *seen = drawn()
    told, same = (differences(*(profile(actual, to(z)) for z in seen)) for to in (SCALES[scale], spread))
    for name in ("roc_auc", "average_precision"):
        a, b = told[name], same[name]
        assert None not in (a.low, a.high, b.low, b.high), (name, a.reason)
        assert a.low < 0 < a.high, name  # type: ignore[operator]
        assert a.high - a.low == pytest.approx(b.high - b.low, rel=0.05), name  # type: ignore[operator]


def test_cells_too_wide_for_the_scores_give_no_interval() -> None:
    actual, seen, other = drawn()
    weight = np.ones(len(actual))
    coarse = measure(profile(actual, spread(seen), extent=FEW_CELLS))
    for name in OF_FOLDS:
        assert (coarse[name].low, coarse[name].reason) == (None, COARSE), name
    assert coarse["roc_auc"].method == "delong"
    assert measure(profile(actual, spread(seen), weight, FEW_CELLS))["roc_auc"].reason == COARSE
    told = differences(*(profile(actual, spread(z), extent=FEW_CELLS) for z in (seen, other)))
    assert told["roc_auc"].reason == COARSE
    assert told["log_loss"].low is not None


def test_nor_do_curves_have_a_band() -> None:
    actual, seen, _ = drawn()
    fine, coarse = (profile(actual, spread(seen), extent=e) for e in (WHOLE, FEW_CELLS))
    assert len(roc(fine).low) > 0
    assert len(precision_recall(fine).low) > 0
    assert len(roc(coarse).low) == len(precision_recall(coarse).low) == 0


def test_chance_does_not_hide_that_cells_are_too_wide() -> None:
    """All scores in one cell of a model that knows nothing: an AUC of 0.5 that never varies, and near the true one."""
    chance = np.random.default_rng(8)
    actual = chance.integers(0, 2, 2_000)
    one = profile(actual, chance.random(2_000), np.ones(2_000), Extent(65_536, 1, folds=True, by_fold=1))
    assert measure(one)["roc_auc"].reason == COARSE


def test_of_several_classes_neither() -> None:
    chance = np.random.default_rng(9)
    actual = chance.integers(0, 3, 2_000)
    seen = chance.normal(size=(2_000, 3)) + 0.8 * np.eye(3)[actual]
    narrow, wide = (np.exp(s * seen) / np.exp(s * seen).sum(1, keepdims=True) for s in (0.05, 1.0))
    told, same = (measure(profile(actual, given)) for given in (narrow, wide))
    for name in ("roc_auc_ovr_macro", "roc_auc_ovr_micro", "average_precision_macro"):
        a, b = told[name], same[name]
        assert a.high - a.low == pytest.approx(b.high - b.low, rel=0.15), name  # type: ignore[operator]
    coarse = measure(profile(actual, wide, extent=FEW_CELLS))
    assert coarse["roc_auc_ovr_macro"].reason == coarse["average_precision_micro"].reason == COARSE


@pytest.mark.parametrize("weighted", [False, True])
def test_a_threshold_between_two_near_scores_tells_them_apart(weighted: bool) -> None:
    """Balanced accuracy at 0.301 was 0.672 [0.672, 0.672]."""
    chance = np.random.default_rng(10)
    score = chance.choice([0.300, 0.302], 3_000)
    actual = (chance.random(3_000) < np.where(score > 0.301, 0.5, 0.2)).astype(np.int64)
    weight = np.ones(3_000) if weighted else None
    found = measure(profile(actual, score, weight), threshold=0.301)["balanced_accuracy"]
    assert found.high - found.low == pytest.approx(0.036, abs=0.006)  # type: ignore[operator]
    coarse = measure(profile(actual, score, weight, Extent(65_536, 1, folds=True, by_fold=1)), threshold=0.301)
    if weighted:
        assert (coarse["balanced_accuracy"].low, coarse["balanced_accuracy"].reason) == (None, DIVIDED)
    else:
        assert coarse["balanced_accuracy"] == found


def test_models_that_rank_alike_do_not_differ() -> None:
    """A difference of 0 by ranks that are the same, but none where both rank perfectly, which may be chance."""
    actual, seen, _ = drawn(900)
    one, other = (profile(actual, spread(z)) for z in (seen, 2 * seen))
    found = differences(one, other)["roc_auc"]
    assert (found.value, found.low, found.high, found.method) == (0.0, 0.0, 0.0, "same ranks")
    perfect = differences(
        *(
            profile(actual, spread(np.asarray(z * actual + actual, np.float64)))
            for z in (np.abs(seen), np.asarray(seen * seen))
        )
    )["roc_auc"]
    assert (perfect.value, perfect.low) == (0.0, None)
    assert perfect.reason
