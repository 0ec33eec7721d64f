"""Rows to classify, as they are drawn for tests, and the profiles that count them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muster.profiles.classification import WHOLE, Classification, Extent
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified, Probabilities

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
IN_CELLS = Extent(1, 1, folds=True)


@dataclass(frozen=True)
class Rows:
    """`given` has the probability of each class; `actual` and `predicted` are classes."""

    actual: Ints
    predicted: Ints
    given: Floats
    weight: Floats | None = None

    @property
    def score(self) -> Floats:
        return self.given[:, 1]

    def profile(self, extent: Extent = WHOLE) -> Classification:
        classes = self.given.shape[1]
        found = Classification(classes, extent, scores=True, weighted=self.weight is not None)
        scores = Probabilities.of(self.given, self.actual)
        rows = Classified(self.actual, self.predicted, self.weight, scores)
        found.add(rows, hash_rows(0, np.arange(len(self.actual))))
        return found


def scored(actual: object, score: object, weight: object = None) -> Rows:
    """Binary rows with these scores, predicted as the class from 0.5 on."""
    p = np.asarray(score, np.float64)
    weights = None if weight is None else np.asarray(weight, np.float64)
    return Rows(np.asarray(actual, np.int64), (p >= 0.5).astype(np.int64), np.stack([1 - p, p], axis=1), weights)


def binary(seed: int, rows: int = 300, *, ties: bool = False, weighted: bool = False, skill: float = 1.0) -> Rows:
    """Rows of two classes, three in ten of the class; with `ties` few scores are distinct, and some are 0 and 1."""
    random = np.random.default_rng(seed)
    actual = (random.random(rows) < 0.3).astype(np.int64)
    actual[:2] = 0, 1
    logit = skill * actual - 1 + random.normal(size=rows)
    score = 1 / (1 + np.exp(-logit))
    if ties:
        score = np.round(score * 6) / 6
    return scored(actual, score, random.integers(1, 5, rows) + random.random(rows) if weighted else None)


def several(seed: int, classes: int, rows: int = 600, *, weighted: bool = False) -> Rows:
    """Rows of several classes, each predicted as the most probable one."""
    random = np.random.default_rng(seed)
    actual = random.integers(0, classes, rows)
    actual[:classes] = range(classes)
    raw = random.gamma(0.5, size=(rows, classes)) + np.eye(classes)[actual] * random.random((rows, 1))
    given = (raw + 1e-9) / (raw + 1e-9).sum(1, keepdims=True)
    return Rows(actual, given.argmax(1), given, random.random(rows) if weighted else None)
