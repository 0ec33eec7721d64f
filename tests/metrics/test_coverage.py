"""How often each interval that is printed covers the truth: nominally in 95 % of samples."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from muster.metrics.classes import measure
from muster.metrics.figure import Figure
from muster.profiles.classification import WHOLE, Classification
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified, Probabilities

SAMPLES = {200: 1_200, 2_000: 1_200, 20_000: 500}


def _figures(random: np.random.Generator, rows: int, rate: float, skill: float, threshold: float) -> dict[str, Figure]:
    """Of calibrated scores, that rank rows of the class so much before the others."""
    actual = (random.random(rows) < rate).astype(np.int64)
    seen = random.normal(skill * actual, 1.0)
    score = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + skill * seen - skill**2 / 2)))
    given = np.stack([1 - score, score], axis=1)
    found = Classification(2, WHOLE, scores=True)
    rows_given = Classified(actual, (score >= threshold).astype(np.int64), None, Probabilities.of(given, actual))
    found.add(rows_given, hash_rows(int(random.integers(1 << 40)), np.arange(rows)))
    return measure(found)


@pytest.mark.deep
@pytest.mark.parametrize("rows", SAMPLES)
@pytest.mark.parametrize(("rate", "skill", "threshold"), [(0.3, 1.5, 0.5), (0.2, 1.5, 0.4), (0.05, 2.0, 0.3)])
def test_intervals_of_two_classes_cover_as_often_as_they_say(
    rows: int, rate: float, skill: float, threshold: float
) -> None:
    random = np.random.default_rng([rows, int(rate * 100)])
    truth = {k: f.value for k, f in _figures(random, 3_000_000, rate, skill, threshold).items()}
    told, covered = Counter[str](), Counter[str]()
    for _ in range(SAMPLES[rows]):
        for name, figure in _figures(random, rows, rate, skill, threshold).items():
            value = truth[name]
            assert value is not None
            if figure.low is None or figure.high is None:
                assert figure.reason, name
                continue
            told[name] += 1
            covered[name] += figure.low <= value <= figure.high
    for name, count in told.items():
        if count < SAMPLES[rows] / 2:  # those that say so are few, and not like the others
            continue
        share, chance = covered[name] / count, 2.5 * (0.05 * 0.95 / count) ** 0.5
        assert 0.93 - chance <= share <= 0.97 + chance, (name, share, count)
