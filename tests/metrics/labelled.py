"""Rows with labels, as they are drawn for tests, and the profiles that count them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muster.profiles.keys import hash_rows
from muster.profiles.multilabel import Labelled, Multilabel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """All (rows, labels); `given` are probabilities."""

    actual: Flags
    predicted: Flags
    given: Floats | None = None
    weight: Floats | None = None

    @property
    def names(self) -> list[str]:
        return [f"label {n}" for n in range(self.actual.shape[1])]

    def profile(self, *, segment: bool = False) -> Multilabel:
        found = Multilabel(
            self.actual.shape[1], segment=segment, scores=self.given is not None, weighted=self.weight is not None
        )
        found.add(self.labelled(), hash_rows(0, np.arange(len(self.actual))))
        return found

    def labelled(self) -> Labelled:
        return Labelled.of(self.actual, self.predicted, self.weight, self.given)


def drawn(seed: int, rows: int = 400, labels: int = 4, *, ties: bool = False, weighted: bool = False) -> Rows:
    """Labels that go together more often than not; with `ties` few scores are distinct, and some are 0 and 1."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(rows, 1))
    logit = common + random.normal(size=(rows, labels)) - np.linspace(0, 1.5, labels)
    actual = random.random((rows, labels)) < 1 / (1 + np.exp(-2 * logit))
    given = 1 / (1 + np.exp(-logit - 0.5 * random.normal(size=(rows, labels))))
    if ties:
        given = np.round(given * 4) / 4
    weight = random.integers(1, 5, rows) + random.random(rows) if weighted else None
    return Rows(actual, given >= 0.5, given, weight)
