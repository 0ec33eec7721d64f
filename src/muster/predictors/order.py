"""Whether the labels that a model predicts agree with the order in which its probabilities are read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from muster.predictors.local.raw import Floats

__all__ = ["better_order", "never_likely"]

_MARGIN = 0.1
"""How much better another order must be: a model may choose labels by costs, and a probe is small."""


def better_order(scores: Floats, labels: npt.NDArray[np.int64]) -> list[int] | None:
    """The classes that the columns of `scores` seem to stand for, if others than 0, 1, …; `labels` are places of classes.

    Another order must explain the labels better in two ways. Its most probable class is the label in more rows; and its
    columns are higher in the rows of their label than in others, by the order of their values and not by their size, so
    that a model which uses a threshold of its own agrees with itself.
    """
    known = (labels >= 0) & np.isfinite(scores).all(axis=1)
    scores, labels = scores[known], labels[known]
    present = [c for c in range(scores.shape[1]) if 0 < np.count_nonzero(labels == c) < len(labels)]
    if not present:
        return None
    ranks = np.column_stack([_ranks(scores[:, j]) for j in range(scores.shape[1])])
    separation = np.array([_separation(ranks, labels == c) for c in present])
    chosen = _assigned(separation)
    gain = sum(separation[i, j] - separation[i, c] for i, (c, j) in enumerate(zip(present, chosen, strict=True)))
    if gain <= _MARGIN:
        return None
    columns = dict(zip(chosen, present, strict=True))
    rest = iter(c for c in range(scores.shape[1]) if c not in present)
    order = [columns[j] if j in columns else next(rest) for j in range(scores.shape[1])]
    likely = scores.argmax(axis=1)
    agree, disagree = np.count_nonzero(np.array(order)[likely] == labels), np.count_nonzero(likely == labels)
    return order if agree > disagree else None


def never_likely(scores: Floats, labels: npt.NDArray[np.int64]) -> bool:
    """Whether in each row another class is more probable than the label. Labels that never change tell no order by rank."""
    known = (labels >= 0) & np.isfinite(scores).all(axis=1)
    scores, labels = scores[known], labels[known]
    return bool(len(labels)) and bool((scores[np.arange(len(labels)), labels] < scores.max(axis=1)).all())


def _ranks(values: Floats) -> Floats:
    """From 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def _separation(ranks: Floats, inside: npt.NDArray[np.bool_]) -> Floats:
    """For each column the share of pairs in which the row inside is higher: the area under its ROC curve."""
    n, m = int(inside.sum()), int((~inside).sum())
    return (ranks[inside].sum(axis=0) - n * (n + 1) / 2) / (n * m)


def _assigned(separation: Floats) -> list[int]:
    """A column for each row, best pairs first."""
    free, chosen = separation.copy(), [0] * len(separation)
    for _ in range(len(separation)):
        row, place = np.unravel_index(int(free.argmax()), free.shape)
        chosen[row] = int(place)
        free[row, :] = free[:, place] = -np.inf
    return chosen
