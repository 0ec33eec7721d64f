"""How often intervals of labels, and of means over targets, cover the truth: nominally in 95 % of samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from muster.metrics.figure import Figure
from muster.metrics.multilabel import measure
from muster.metrics.multioutput import measure as measure_targets
from muster.profiles.keys import hash_rows
from muster.profiles.multilabel import Labelled, Multilabel
from muster.profiles.multioutput import Multioutput, Several
from muster.profiles.regression import Predicted
from muster.signature import Output

SAMPLES = {200: 600, 2_000: 600, 20_000: 200}


def _labels(random: np.random.Generator, rows: int, labels: int, weighted: bool) -> dict[str, Figure]:
    """Labels that go together, so that those of a row tell less than as many rows would."""
    logit = random.normal(size=(rows, 1)) + random.normal(size=(rows, labels)) - np.linspace(0, 1.2, labels)
    actual = random.random((rows, labels)) < 1 / (1 + np.exp(-2 * logit))
    given = 1 / (1 + np.exp(-logit - 0.5 * random.normal(size=(rows, labels))))
    weight = random.gamma(2, 1, rows) if weighted else None
    found = Multilabel(labels, scores=True, weighted=weighted)
    found.add(
        Labelled.of(actual, given >= 0.5, weight, given), hash_rows(int(random.integers(1 << 40)), np.arange(rows))
    )
    return measure(found, [str(n) for n in range(labels)])


def _targets(random: np.random.Generator, rows: int) -> dict[str, Figure]:
    common = random.normal(size=(rows, 1))
    actual = 20 + random.gamma(3, 10, (rows, 2)) * np.exp(0.3 * common)
    predicted = actual * np.exp(0.1 * common + 0.2 * random.normal(size=(rows, 2)))
    number = Output("regression", pa.float64())
    found = Multioutput({"a": number, "b": number}, frozenset())
    each = tuple(Predicted.of(y, f) for y, f in zip(actual.T, predicted.T, strict=True))
    found.add(Several(each), hash_rows(int(random.integers(1 << 40)), np.arange(rows)))
    return measure_targets(found)


@pytest.mark.deep
@pytest.mark.parametrize("rows", SAMPLES)
@pytest.mark.parametrize(("labels", "weighted"), [(3, False), (3, True), (12, False)])
def test_intervals_of_labels_cover_as_often_as_they_say(rows: int, labels: int, weighted: bool) -> None:
    random = np.random.default_rng([rows, labels])
    _cover(rows, lambda n: _labels(random, n, labels, weighted))


@pytest.mark.deep
@pytest.mark.parametrize("rows", SAMPLES)
def test_intervals_of_means_over_targets_do_so_too(rows: int) -> None:
    random = np.random.default_rng(rows)
    _cover(rows, lambda n: _targets(random, n))


def _cover(rows: int, draw: Callable[[int], dict[str, Figure]]) -> None:
    truth = {k: f.value for k, f in draw(1_000_000).items()}
    told, covered = Counter[str](), Counter[str]()
    for _ in range(SAMPLES[rows]):
        for name, figure in draw(rows).items():
            value = truth[name]
            if figure.low is None or figure.high is None or value is None:
                assert figure.reason or value is None, name
                continue
            told[name] += 1
            covered[name] += figure.low <= value <= figure.high
    bad = {}
    for name, count in told.items():
        if count < SAMPLES[rows] / 2:  # those that say so are few, and not like the others
            continue
        share, chance = covered[name] / count, 2.5 * (0.05 * 0.95 / count) ** 0.5
        if not 0.93 - chance <= share <= 0.97 + chance:
            bad[name] = round(share, 3)
    assert not bad
