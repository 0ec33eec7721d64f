"""What the metrics of classes are computed from: views of a profile, of all its rows or of all but each fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muster.metrics.curves import Curve
from muster.metrics.labels import Labels
from muster.profiles.classification import EQUAL_WIDTHS, Classification
from muster.profiles.fold_cells import FoldCells
from muster.profiles.keys import Floats, unordered
from muster.profiles.tally import Tally, coarse_edges, lanes_of

__all__ = [
    "ByClass", "Quality", "at_threshold", "curve_of", "curve_of_all", "ignorant", "pooled", "pooled_without", "quality", "scores_of",
    "smooth_without", "without_at", "without_folds",
]  # fmt: skip

_SMOOTH = 64
"""Cells of a curve that is to be smooth."""


@dataclass(frozen=True, eq=False)
class ByClass:
    """Rows of every class by the score of one `label`: `rows` (classes, cells)."""

    label: int
    rows: Floats
    single: NDArray[np.bool_]

    def against(self, other: int, *, whole: bool) -> Curve:
        """The rows of the label and those of another class alone."""
        return Curve(self.rows[None, other], self.rows[None, self.label], self.single, whole)


@dataclass(frozen=True, eq=False)
class Quality:
    """For one group of rows or many, all in weights where rows have them; `sizes` (groups,) are rows, and `whole` says that those count.
    `rarest` is how many rows the rarest of the classes has that occur, `wrong` how many are predicted wrong; `counts` are the labels in
    rows, whatever these weigh.

    `curves` has one of each lane, and of more than two classes `pooled` all decisions about every class together. `losses`
    (groups, 2) has sums of the log loss and of the Brier score, `ranks` (groups, classes) rows by the place of their class. Only
    of all rows: `pairs`, of each lane the rows of each class by score, and `bins` (lanes, 100, 3), other rows, own rows and sums
    of scores.
    """

    labels: Labels
    sizes: Floats
    curves: tuple[Curve, ...] = ()
    pooled: Curve | None = None
    losses: Floats | None = None
    ranks: Floats | None = None
    pairs: tuple[ByClass, ...] = ()
    bins: Floats | None = None
    whole: bool = True
    rarest: int = 0
    wrong: int = 0
    counts: Labels | None = None


def quality(profile: Classification) -> Quality:
    """Of all rows of a profile, as one group; each row with the label that it was given."""
    tally, mass = profile.tally, profile.mass
    calibration = mass.get("calibration", profile.calibration)
    bins = np.concatenate([calibration, profile.scores[:, :, None]], axis=2) if profile.lanes else None
    lanes = tuple(curve_of(profile, lane) for lane in range(profile.lanes))
    return Quality(
        Labels(_in(tally, "confusion")),
        _rows(tally),
        lanes,
        pooled(lanes, [scores_of(profile, lane) for lane in range(profile.lanes)]),
        tally.losses if profile.lanes else None,
        _in(tally, "ranks") if tally.ranks.size else None,
        tuple(_by_class(profile, lane) for lane in range(profile.lanes)) if profile.pairs.size else (),
        bins,
        not profile.weighted,
        _rarest(tally),
        int(tally.confusion.sum() - np.trace(tally.confusion[0])),
        Labels(_floats(tally.confusion)),
    )


def without_folds(profile: Classification) -> Quality | None:
    """Of all rows but those of a fold, for each of the folds; None where the profile has none."""
    folds, whole = profile.folds, not profile.weighted
    if not folds.groups:
        return None
    return Quality(
        Labels(_others(_in(folds, "confusion"))),
        _others(_rows(folds)),
        tuple(_without(lane, weighted=profile.weighted) for lane in profile.by_fold),
        pooled_without(profile.by_fold, weighted=profile.weighted),
        _others(folds.losses) if profile.lanes else None,
        _others(_in(folds, "ranks")) if folds.ranks.size else None,
        whole=whole,
    )


def smooth_without(profile: Classification, lane: int) -> Curve:
    """The scores of a lane without each fold as a curve of few steps, for its band: single scores would each be a step of chance."""
    return _without(profile.by_fold[lane].smoothed(_SMOOTH), weighted=profile.weighted)


def pooled_without(lanes: Sequence[FoldCells], *, weighted: bool) -> Curve | None:
    """The rows of all lanes but those of a fold by score, in the cells of the lane that has the widest."""
    if len(lanes) < 2:
        return None
    shift = max(lane.shift for lane in lanes)
    alike = [lane.coarser(shift) for lane in lanes]
    return pooled(tuple(_without(lane, weighted=weighted) for lane in alike), [lane.least for lane in alike])


def curve_of_all(without: Curve) -> Curve:
    """Of the rows of all folds, from those without each."""
    others, own = (side.sum(0, keepdims=True) / max(len(side) - 1, 1) for side in (without.others, without.own))
    return Curve(others, own, without.single, without.whole)


def _without(lane: FoldCells, *, weighted: bool) -> Curve:
    """The top of rows is not rounded to one here: what rounding does to each would be taken for chance."""
    others, own = lane.sides(weighted=weighted)
    return Curve(_others(others), _others(own), np.full(others.shape[1], lane.shift == 0), whole=False)


def _others(array: NDArray[Any]) -> Floats:
    return np.asarray(array.sum(0, keepdims=True) - array, np.float64)


def ignorant(known: Quality) -> Quality:
    """As if each row had been given the shares of the classes as its probabilities, and the most frequent class as its label."""
    actual = known.labels.actual[0]
    total, classes = float(actual.sum()), len(actual)
    confusion = np.zeros((1, classes, classes))
    confusion[0, :, int(actual.argmax())] = actual
    if not known.curves or not total:
        return Quality(Labels(confusion), known.sizes, whole=known.whole)
    shares, one = actual / total, np.ones(1, np.bool_)
    entropy = -(actual * np.log(np.where(shares > 0, shares, 1.0))).sum()
    distance = total * (1 - (shares**2).sum()) / (2 if classes == 2 else 1)
    of_lanes = actual[list(lanes_of(classes))]
    curves = tuple(Curve(np.array([[total - n]]), np.array([[n]]), one, known.whole) for n in of_lanes)
    place = np.lexsort((-np.arange(classes), -shares)).argsort()
    bins = np.zeros((len(of_lanes), EQUAL_WIDTHS, 3))
    bins[:, 0] = np.stack([total - of_lanes, of_lanes, of_lanes], axis=1)
    return Quality(
        Labels(confusion),
        known.sizes,
        curves,
        pooled(curves, [np.array([n / total]) for n in of_lanes]),
        np.array([[entropy, distance]]),
        np.asarray(np.bincount(place, actual, classes)[None], np.float64) if classes > 2 else None,
        tuple(ByClass(n, actual[:, None], one) for n in range(classes)) if known.pairs else (),
        bins,
        known.whole,
    )


def scores_of(profile: Classification, lane: int) -> Floats:
    """The least score of each cell of the lane's curve."""
    if profile.exact is not None:
        return unordered(profile.exact[lane].cells)
    return coarse_edges(profile.tally.by)[:-1]


def without_at(lane: FoldCells, without: Curve, threshold: float) -> tuple[Labels, Labels]:
    """The same without each fold; and the most that the labels of all of them can differ."""
    scores, ends = lane.least, lane.ends
    whole = at_threshold(curve_of_all(without), scores, threshold, ends)[1]
    return at_threshold(without, scores, threshold, ends)[0], whole


def at_threshold(curve: Curve, scores: Floats, threshold: float, ends: Floats | None = None) -> tuple[Labels, Labels]:
    """The labels of a binary curve, positive where the score is at least the threshold; and the most that they can differ.

    A cell of several scores that the threshold divides is taken to the side where more of it lies. The second Labels has, of
    each group, four: with none of that cell, with its own rows, with its others and with both above the threshold. A cell reaches to the
    next one's least score, or to `ends`.
    """
    beyond = np.append(scores[1:], np.inf) if ends is None else ends
    above = int(np.searchsorted(scores, threshold, side="left"))
    divided = above > 0 and not curve.single[above - 1] and threshold < beyond[above - 1]
    cut = above - 1 if divided else above
    # Each side is added up by itself: of weights, a difference would leave a rest where there is no row.
    over = [a[:, above:].sum(1) for a in (curve.own, curve.others)]
    under = [a[:, :cut].sum(1) for a in (curve.own, curve.others)]
    between = [a[:, cut] if divided else np.zeros(len(a)) for a in (curve.own, curve.others)]
    with_cut = divided and threshold - scores[cut] < beyond[cut] - threshold < np.inf
    labels = []
    for parts in ((0, 0), (0, 1), (1, 0), (1, 1)):
        hits, alarms = (o + part * c for o, c, part in zip(over, between, parts, strict=True))
        misses, rights = (u + (1 - part) * c for u, c, part in zip(under, between, parts, strict=True))
        labels.append(np.stack([rights, alarms, misses, hits], axis=1).reshape(-1, 2, 2))
    return Labels(labels[-1 if with_cut else 0]), Labels(np.concatenate(labels))


def curve_of(profile: Classification, lane: int, *, rows: bool = False) -> Curve:
    """The rows of the class of a lane, and all others, by score; in weights where they have them, and `rows` are not asked for."""
    label, whole = lanes_of(profile.classes)[lane], rows or not profile.weighted
    if profile.exact is not None:
        counts = profile.exact[lane].counts if whole else profile.exact[lane].sums
        own, total = counts[:, label], counts.sum(1)
        others = np.delete(counts, label, axis=1).sum(1) if not whole else total - own
        return Curve(_floats(others)[None], _floats(own)[None], np.ones(len(own), np.bool_), whole)
    cells = (_floats(profile.tally.cells) if whole else _in(profile.tally, "cells"))[0, lane]
    return Curve(cells[None, :, 0], cells[None, :, 1], _ends(len(cells)), whole)


def pooled(lanes: tuple[Curve, ...], scores: Sequence[Floats]) -> Curve | None:
    """The rows of all lanes by score."""
    if len(lanes) < 2:
        return None
    together = np.concatenate(scores)
    order = np.argsort(together, kind="stable")
    starts = np.flatnonzero(np.diff(together[order], prepend=-1.0))
    others, own = (
        np.add.reduceat(np.concatenate(side, axis=1)[:, order], starts, axis=1)
        for side in ([c.others for c in lanes], [c.own for c in lanes])
    )
    single = np.concatenate([c.single for c in lanes])[order][starts]
    return Curve(others, own, single, lanes[0].whole)


def _by_class(profile: Classification, lane: int) -> ByClass:
    if profile.exact is not None:
        counts = profile.exact[lane]
        rows = _floats(counts.sums if profile.weighted else counts.counts).T
        return ByClass(lane, rows, np.ones(rows.shape[1], np.bool_))
    rows = _floats(profile.mass["pairs"][lane] if profile.weighted else profile.pairs[lane])
    return ByClass(lane, rows, _ends(rows.shape[1]))


def _in(tally: Tally, name: str) -> Floats:
    """In weights, where rows have them."""
    return tally.mass[name] if tally.weighted else _floats(getattr(tally, name))


def _rows(tally: Tally) -> Floats:
    return _floats(tally.confusion.sum((1, 2)))


def _rarest(tally: Tally) -> int:
    """In binary of both, also where one does not occur."""
    rows = tally.confusion[0].sum(1)
    return int(rows.min()) if len(rows) == 2 else int(rows[rows > 0].min(initial=np.iinfo(np.int64).max))


def _floats(array: NDArray[Any]) -> Floats:
    return array.astype(np.float64)


def _ends(cells: int) -> NDArray[np.bool_]:
    """The cells that hold one score: exactly 0, and exactly 1."""
    single = np.zeros(cells, np.bool_)
    single[[0, -1]] = True
    return single
