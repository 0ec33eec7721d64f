"""How often each interval that is printed covers the truth: nominally in 95 % of samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from muster.metrics.classes import measure
from muster.metrics.figure import Figure
from muster.profiles.classification import WHOLE, Classification, Extent
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified, Probabilities

SAMPLES = {200: 1_200, 2_000: 1_200, 20_000: 500}
_FEW = 30


OF_TRUTH = Extent(3_000_000, 1, folds=False)
"""Each score by itself, however near the next."""


def _figures(
    random: np.random.Generator, rows: int, rate: float, skill: float, threshold: float, *, spread: float = 1.0
) -> dict[str, Figure]:
    """Of calibrated scores, that rank rows of the class so much before the others; or of such as lie close together."""
    actual = (random.random(rows) < rate).astype(np.int64)
    seen = random.normal(skill * actual, 1.0)
    score = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + skill * seen - skill**2 / 2)))
    told = rate + spread * (score - rate)
    given = np.stack([1 - told, told], axis=1)
    found = Classification(2, WHOLE if rows < 1_000_000 else OF_TRUTH, scores=True)
    rows_given = Classified(actual, (score >= threshold).astype(np.int64), None, Probabilities.of(given, actual))
    found.add(rows_given, hash_rows(int(random.integers(1 << 40)), np.arange(rows)))
    return measure(found, costs=np.array([[0.0, 1.0], [5.0, -1.0]]))


@pytest.mark.deep
@pytest.mark.parametrize("rows", SAMPLES)
@pytest.mark.parametrize(
    ("rate", "skill", "threshold", "spread"),
    [
        (0.3, 1.5, 0.5, 1.0),
        (0.2, 1.5, 0.4, 1.0),
        (0.05, 2.0, 0.3, 1.0),
        (0.3, 4.0, 0.5, 1.0),
        (0.05, 1.0, 0.5, 1.0),  # few rows are hit
        (0.02, 1.5, 0.3, 1e-3),
        (0.3, 1.5, 0.5, 1e-3),
    ],
)
def test_intervals_of_two_classes_cover_as_often_as_they_say(
    rows: int, rate: float, skill: float, threshold: float, spread: float
) -> None:
    random = np.random.default_rng([rows, int(rate * 100)])
    _cover(rows, lambda n: _figures(random, n, rate, skill, threshold, spread=spread))


def test_intervals_of_scores_that_lie_close_together_cover() -> None:
    """In wide cells they covered 34 to 60 %."""
    random = np.random.default_rng(12)
    names = ("average_precision", "captured_at_10", "rate_at_top_10", "log_loss")
    truth = {n: f.value for n, f in _figures(random, 1_000_000, 0.3, 1.0, 0.5, spread=1e-3).items() if n in names}
    told, covered = Counter[str](), Counter[str]()
    for _ in range(150):
        found = _figures(random, 1_500, 0.3, 1.0, 0.5, spread=1e-3)
        for name in names:
            low, high, value = found[name].low, found[name].high, truth[name]
            if low is None or high is None:
                continue
            assert value is not None
            told[name] += 1
            covered[name] += low <= value <= high
    for name in names:
        assert told[name] > 130, name
        chance = 3 * (0.05 * 0.95 / told[name]) ** 0.5
        assert 0.95 - chance <= covered[name] / told[name], (name, covered[name], told[name])


def _of_several(
    random: np.random.Generator, rows: int, shares: tuple[float, ...], spread: float = 1.0
) -> dict[str, Figure]:
    classes = len(shares)
    actual = random.choice(classes, rows, p=shares)
    seen = np.log(shares) + 1.5 * (random.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[actual])
    given = np.exp(spread * (seen - seen.max(1, keepdims=True)))
    given /= given.sum(1, keepdims=True)
    extent = WHOLE if rows < 500_000 else Extent(classes * rows, 1, folds=False)
    found = Classification(classes, extent, scores=True)
    classified = Classified(actual, given.argmax(1), None, Probabilities.of(given, actual))
    found.add(classified, hash_rows(int(random.integers(1 << 40)), np.arange(rows)))
    return measure(found, costs=np.arange(classes**2, dtype=np.float64).reshape(classes, classes) % 7)


@pytest.mark.deep
@pytest.mark.parametrize("rows", SAMPLES)
@pytest.mark.parametrize(
    ("shares", "spread"),
    [
        ((0.5, 0.3, 0.2), 1.0),
        ((0.4, 0.2, 0.15, 0.1, 0.1, 0.05), 1.0),
        ((0.4, 0.3, 0.3), 0.02),
        ((0.9, 0.06, 0.04), 0.5),
    ],
)
def test_intervals_of_several_classes_do_so_too(rows: int, shares: tuple[float, ...], spread: float) -> None:
    random = np.random.default_rng([rows, len(shares)])
    _cover(rows, lambda n: _of_several(random, min(n, 500_000), shares, spread))


def _cover(rows: int, draw: Callable[[int], dict[str, Figure]]) -> None:
    truth = {k: f.value for k, f in draw(3_000_000).items()}
    told, covered, width = Counter[str](), Counter[str](), defaultdict[str, float](float)
    for _ in range(SAMPLES[rows]):
        for name, figure in draw(rows).items():
            value = truth[name]
            assert value is not None
            if figure.low is None or figure.high is None:
                assert figure.reason, name
                continue
            told[name] += 1
            covered[name] += figure.low <= value <= figure.high
            width[name] += figure.high - figure.low
    for name, count in told.items():
        if count < SAMPLES[rows] / 2:  # those that say so are few, and not like the others
            continue
        share, chance = covered[name] / count, 2.5 * (0.05 * 0.95 / count) ** 0.5
        value = truth[name]
        assert value is not None
        # Near its ends a share of few rows takes few values, of which an interval covers all or none.
        # What a model hardly explains at all varies in the second order, and less than the first tells.
        ends = (name.startswith("rate") and value > 0.98) or (name == "fve_binomial" and value < 0.01)
        most = 1.0 if ends else _most(name, value, rows, width[name] / count) + chance
        assert 0.93 - chance <= share <= most, (name, share, count)


def _most(name: str, value: float, rows: int, width: float) -> float:
    """How often it may cover the truth. Shares of few rows cover it too often: of the top, and of a handful that is predicted."""
    if name.endswith(("_5", "_10")) and rows * int(name.rsplit("_", 1)[1]) < 100 * _FEW:
        return 0.98
    return 1.0 if name == "precision" and value * (1 - value) * (2 * 1.96 / width) ** 2 < _FEW else 0.97
