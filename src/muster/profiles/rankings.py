"""How labels are ranked by their scores, row by row: what scikit-learn's ranking metrics are means of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muster.profiles.keys import Floats

__all__ = ["rankings"]


def rankings(actual: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each row (rows, labels): label ranking average precision, coverage, and label ranking loss.

    Equal scores share the lower place, as scikit-learn has it. A row that has no label, or all of them, has a precision of 1 and a
    loss of 0; one that has none has a coverage of 0.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    own = np.take_along_axis(actual, order, 1)
    ranked = np.take_along_axis(scores, order, 1)
    places = np.arange(ranked.shape[1])
    changes = ranked[:, 1:] != ranked[:, :-1]
    edge = np.ones((len(ranked), 1), np.bool_)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, changes], 1), places, 0), axis=1)
    ends = np.where(np.concatenate([changes, edge], 1), places, places[-1])
    last = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    found = np.cumsum(own, axis=1)
    labels = own.sum(1)
    others = own.shape[1] - labels
    plain = (labels == 0) | (others == 0)
    precision = np.where(own, np.take_along_axis(found, last, 1) / (last + 1), 0.0).sum(1)
    coverage = np.where(own, last + 1, 0).max(1, initial=0).astype(np.float64)
    above: Floats = np.take_along_axis(found - own, first, 1)
    behind = np.where(own, 0, labels[:, None] - above).sum(1)
    return (
        np.where(plain, 1.0, precision / np.maximum(labels, 1)),
        coverage,
        np.where(plain, 0.0, behind / np.maximum(labels * others, 1)),
    )
