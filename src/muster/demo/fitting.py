"""The weights of the tour's model, by Newton's method: seconds, and no library but numpy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.demo.logistic import COLUMNS
from muster.signature import Json

__all__ = ["Weights", "fitted"]

Weights: TypeAlias = dict[str, Json]
Floats: TypeAlias = npt.NDArray[np.float64]

STEPS = 8
PULL = 1.0
"""Towards 0, so that words which always come together, or hardly ever, have weights too."""


def fitted(table: pa.Table, late: pa.ChunkedArray) -> Weights:
    """By column: a weight for a number, one for each word. `late` is true of flights that were."""
    named = list(_features(table))
    features = np.column_stack([values for _, _, values in named])
    scale = np.abs(features).max(axis=0)
    found = _newton(features / scale, late.to_numpy().astype(np.float64)) / scale
    weights: Weights = {}
    for (column, word, _), weight in zip(named, found.tolist(), strict=True):
        if not word:
            weights[column] = weight
        else:
            words = weights.setdefault(column, {})
            assert isinstance(words, dict)
            words[word] = weight
    return weights


def _features(table: pa.Table) -> Iterator[tuple[str, str, Floats]]:
    """A column, a word of it if it has words, and the numbers of all rows."""
    yield "intercept", "", np.ones(table.num_rows)
    for name in COLUMNS:
        values = table[name].to_numpy()
        if not pa.types.is_string(table.schema.field(name).type):
            yield name, "", values.astype(np.float64)
            continue
        for word in sorted(set(values.tolist())):
            yield name, str(word), (values == word).astype(np.float64)


def _newton(features: Floats, truth: Floats) -> Floats:
    weights = np.zeros(features.shape[1])
    pull = np.diag([0.0, *[PULL] * (len(weights) - 1)])
    for _ in range(STEPS):
        chances = 1 / (1 + np.exp(-(features @ weights)))
        slope = features.T @ (truth - chances) - pull @ weights
        curve = (features * (chances * (1 - chances))[:, None]).T @ features + pull
        weights = weights + np.linalg.solve(curve, slope)
    return weights
