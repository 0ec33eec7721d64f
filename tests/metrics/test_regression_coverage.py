"""How often the intervals of regression cover the truth of the population that the rows are drawn from: 95 % of the time.

The populations have tails as errors mostly have. Where a figure rests on rows that a few hundred rarely contain (squares of errors with
Student's distribution of 3 degrees, one large error in a hundred rows), no interval from those rows alone can cover it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from muster.metrics.regression import REGRESSION, measure
from tests.metrics.numbers import Floats, Rows

Population = Callable[[np.random.Generator, int], tuple[Floats, Floats]]


def _linear(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    predicted = 10 + r.normal(size=n)
    return predicted + 0.5 * r.normal(size=n), predicted


def _relative(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Errors in proportion to what is predicted: squares of them are very uneven."""
    actual = np.exp(3 + 0.5 * r.normal(size=n))
    return actual, actual * np.exp(0.2 * r.normal(size=n))


def _counts(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    predicted = np.exp(1 + 0.5 * r.normal(size=n))
    return r.poisson(predicted).astype(np.float64), predicted


def _gamma(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    predicted = np.exp(1 + 0.5 * r.normal(size=n))
    return predicted * r.gamma(2, 0.5, n), predicted


def _laplace(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    predicted = 20 + r.normal(size=n)
    return predicted + 0.5 * r.laplace(size=n), predicted


POPULATIONS = {f.__name__[1:]: f for f in (_linear, _relative, _counts, _gamma, _laplace)}


def _drawn(population: str, r: np.random.Generator, n: int, *, weighted: bool) -> Rows:
    actual, predicted = POPULATIONS[population](r, n)
    weight = r.exponential(size=n) if weighted else None
    return Rows(actual, predicted, weight, 0.9 * predicted, 1.1 * predicted)


@cache
def _truth(population: str) -> dict[str, float | None]:
    """Of so many rows that what is left of chance is a small part of any interval. Counted in cells, their figures have bounds, which
    are those of the worst order of rows: what is drawn is near no such order.
    """
    r = np.random.default_rng(99)
    whole = _drawn(population, r, 250_000, weighted=False).profile()
    for n in range(15):
        whole.merge(_drawn(population, r, 250_000, weighted=False).profile(file=n))
    return {name: f.value for name, f in measure(whole).items()}


def _covered(population: str, n: int, draws: int, *, weighted: bool, seed: int = 3) -> dict[str, float]:
    r, truth = np.random.default_rng(seed), _truth(population)
    hits, told = Counter[str](), Counter[str]()
    for draw in range(draws):
        for name, f in measure(_drawn(population, r, n, weighted=weighted).profile(file=draw)).items():
            true = truth[name]
            if f.low is not None and f.high is not None and true is not None:
                told[name] += 1
                hits[name] += f.low <= true <= f.high
    assert not weighted or told["mae"] == draws
    return {name: hits[name] / times for name, times in told.items()}


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [200, 2_000, 20_000])
@pytest.mark.parametrize("population", sorted(POPULATIONS))
def test_intervals_cover_95_of_100(population: str, n: int, weighted: bool) -> None:
    draws = 1_000
    found = _covered(population, n, draws, weighted=weighted)
    slack = 2.5 * (0.05 * 0.95 / draws) ** 0.5
    off = {name: share for name, share in found.items() if not 0.93 - slack <= share <= 0.97 + slack}
    assert not off
    assert len(found) >= (15 if weighted else 20)


def test_intervals_are_neither_far_too_narrow_nor_too_wide() -> None:
    found = _covered("relative", 400, 200, weighted=False)
    assert set(found) == {m.name for m in REGRESSION} - {"max_error"}
    assert {name: share for name, share in found.items() if not 0.88 <= share <= 0.995} == {}
