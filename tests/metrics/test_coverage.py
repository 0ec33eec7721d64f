"""How often each interval that is printed covers the truth: nominally in 95 % of samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from muster.metrics.classes import measure
from muster.metrics.figure import Figure
from muster.profiles.classification import WHOLE, Classification, Extent
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified, Probabilities

SAMPLES = {200: 1_200, 2_000: 1_200, 20_000: 500}

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


def test_intervals_of_the_top_are_as_wide_as_it_varies() -> None:
    """Where the row next to its end stood for all that may come into it, they were a fifth wider."""
    random = np.random.default_rng(7)
    drawn = [_figures(random, 200, 0.3, 1.5, 0.5) for _ in range(300)]
    for name in ("captured_at_10", "lift_at_10"):
        told = np.array([(f[name].value, f[name].low, f[name].high) for f in drawn], np.float64)
        told = told[~np.isnan(told).any(1)]
        assert len(told) > 250
        width = (told[:, 2] - told[:, 1]).mean() / 2 / 1.96
        assert width / told[:, 0].std() == pytest.approx(1.0, abs=0.1), name


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
    told, covered = Counter[str](), Counter[str]()
    for _ in range(SAMPLES[rows]):
        for name, figure in draw(rows).items():
            value = truth[name]
            assert value is not None
            if figure.low is None or figure.high is None:
                assert figure.reason, name
                continue
            told[name] += 1
            covered[name] += figure.low <= value <= figure.high
    true = {k: v for k, v in truth.items() if v is not None}
    off = {}
    for name, count in told.items():
        if count < SAMPLES[rows] / 2:  # those that say so are few, and not like the others
            continue
        share, chance = covered[name] / count, 2.5 * (0.05 * 0.95 / count) ** 0.5
        # What a model hardly explains at all varies in the second order, and less than the first tells.
        most = 1.0 if name == "fve_binomial" and true[name] < 0.01 else max(0.97, _wilson_covers(name, true, rows))
        if not 0.93 - chance <= share <= most + chance:
            off[name] = (share, count, most)
    assert not off


def _wilson_covers(name: str, truth: dict[str, float], rows: int) -> float:
    """How often Wilson's interval of a share of so many rows holds it, added up over all that can be drawn: a share of few rows takes few
    values, of which any interval covers all or none.
    """
    value = truth[name]
    if name.startswith("rate_at_top"):
        return _covers(-(-rows * int(name.rsplit("_", 1)[1]) // 100), value)
    if name != "precision":
        return 0.0
    if rows > 2_000:  # nothing of that is seen any more
        return 0.0
    positives = (truth["accuracy"] - truth["specificity"]) / (truth["recall"] - truth["specificity"])
    of = np.arange(1, rows + 1)
    drawn = binom.pmf(of, rows, positives * truth["recall"] / value)
    likely = drawn > 1e-6
    each = [p * _covers(n, value) for n, p in zip(of[likely].tolist(), drawn[likely], strict=True)]
    return float(sum(each) / drawn.sum())


def _covers(of: int, share: float) -> float:
    found = np.arange(of + 1)
    low, high = proportion_confint(found, of, method="wilson")
    return float(binom.pmf(found, of, share)[(low <= share) & (share <= high)].sum())
