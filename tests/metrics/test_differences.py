"""Differences of two models on the same rows: how often their intervals cover the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from muster.metrics.classes import measure
from muster.metrics.differences import apart, paired
from muster.metrics.figure import Figure
from muster.metrics.regression import measure as measure_numbers
from muster.profiles.classification import WHOLE, Classification, Extent
from muster.profiles.keys import hash_rows
from muster.profiles.regression import SEGMENT
from muster.profiles.tally import Classified, Probabilities
from tests.metrics.numbers import Rows
from tests.metrics.numbers import rows as numbers


def _differences(random: np.random.Generator, rows: int, spread: float = 1.0) -> dict[str, Figure]:
    """Of two models that look at the same thing, the second with less noise."""
    actual = (random.random(rows) < 0.3).astype(np.int64)
    seen = random.normal(1.5 * actual, 1.0)
    file = int(random.integers(1 << 40))
    both = [_model(actual, seen + random.normal(0, noise, rows), file, spread) for noise in (0.5, 0.4)]
    without = paired(*both)
    one, other = (measure(m) for m in both)
    return {name: apart(name, one[name], other[name], of, both[0]) for name, of in without.items()}


def _model(
    actual: np.typing.NDArray[np.int64], seen: np.typing.NDArray[np.float64], file: int, spread: float
) -> Classification:
    score = 0.5 + spread * (1 / (1 + np.exp(1.2 - seen)) - 0.5)
    given = np.stack([1 - score, score], axis=1)
    found = Classification(2, WHOLE if len(actual) < 1_000_000 else Extent(3_000_000, 1, folds=True), scores=True)
    rows = Classified(actual, (score >= 0.5).astype(np.int64), None, Probabilities.of(given, actual))
    found.add(rows, hash_rows(file, np.arange(len(actual))))
    return found


@pytest.mark.deep
@pytest.mark.parametrize("spread", [1.0, 1e-3])
@pytest.mark.parametrize("rows", [500, 2_000, 20_000])
def test_intervals_of_differences_cover_as_often_as_they_say(rows: int, spread: float) -> None:
    random = np.random.default_rng(rows)
    truth = _differences(random, 3_000_000)  # the same ranks and labels, whatever the spread
    covered: dict[str, list[bool]] = {}
    for _ in range(600):
        for name, figure in _differences(random, rows, spread).items():
            value = truth[name].value
            assert value is not None
            if figure.low is not None and figure.high is not None:
                covered.setdefault(name, []).append(figure.low <= value <= figure.high)
    chance = 2.5 * (0.05 * 0.95 / 600) ** 0.5
    of_scores = ("log_loss", "brier") if spread == 1.0 else ()
    for name in (*of_scores, "roc_auc", "accuracy", "f1", "average_precision", "mcc", "precision", "recall"):
        share = float(np.mean(covered[name]))
        assert 0.93 - chance <= share <= 0.97 + chance, (name, share)


@pytest.mark.parametrize("name", ["mae", "mean_error"])
def test_means_of_parts_differ_about_as_welch_says(name: str) -> None:
    one, other = numbers("positive", 1, 300), numbers("positive", 2, 700)
    profiles = [r.profile(SEGMENT) for r in (one, other)]
    first, second = (measure_numbers(p)[name] for p in profiles)
    found = apart(name, first, second, None, profiles[0])
    errors = [r.predicted - r.actual for r in (other, one)]
    if name == "mae":
        errors = [np.abs(e) for e in errors]
    expected = ttest_ind(*errors, equal_var=False).confidence_interval(0.95)
    assert found.value == pytest.approx(errors[0].mean() - errors[1].mean(), rel=1e-9)
    assert found.low == pytest.approx(expected.low, abs=0.01 * (expected.high - expected.low))
    assert found.high == pytest.approx(expected.high, abs=0.01 * (expected.high - expected.low))
    assert found.method == "independent"
    weighted = measure_numbers(numbers("positive", 1, 300, weighted=True).profile(SEGMENT))[name]
    assert apart(name, weighted, weighted, None, profiles[0]).low is None


def test_intervals_of_parts_cover_as_often_as_they_say() -> None:
    """Of errors with a long tail; the true difference of the mean absolute errors is 0."""
    random = np.random.default_rng(4)
    covered = []
    for _ in range(600):
        parts = []
        for rows in (200, 400):
            actual = np.exp(3 + 0.5 * random.normal(size=rows))
            parts.append(Rows(actual, actual * np.exp(0.2 * random.normal(size=rows))).profile(SEGMENT))
        first, second = (measure_numbers(part)["mae"] for part in parts)
        found = apart("mae", first, second, None, parts[0])
        assert found.low is not None
        assert found.high is not None
        covered.append(found.low <= 0 <= found.high)
    assert 0.93 - 0.022 <= float(np.mean(covered)) <= 0.97 + 0.022
