"""What the metrics of labels are computed from: views of a profile, of all its rows or of all but each fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muster.metrics.curves import Curve
from muster.metrics.quality import (
    Quality,
    at_threshold,
    curve_of_all,
    ignorant,
    pooled,
    pooled_without,
    quality,
    scores_of,
    without_at,
    without_folds,
)
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.label_sets import FACTS, TERMS
from muster.profiles.multilabel import Multilabel

__all__ = ["Each", "LabelView", "all_folds", "ignorant_view", "view", "view_at", "without_view"]


@dataclass(frozen=True, eq=False)
class Each:
    """Of each label, (groups, labels), rows or their weights: right ones of the label, predicted as it, of it; `total` (groups, 1) all."""

    hits: Floats
    predicted: Floats
    actual: Floats
    total: Floats

    @classmethod
    def of(cls, labels: Sequence[Quality]) -> Each:
        confusion = np.stack([one.labels.confusion for one in labels], axis=1)
        total = confusion[:, :1].sum((2, 3))
        return cls(confusion[:, :, 1, 1], confusion[:, :, :, 1].sum(2), confusion[:, :, 1].sum(2), total)

    @property
    def together(self) -> Each:
        """All decisions about every label."""
        labels = self.hits.shape[1]
        hits, predicted, actual = (a.sum(1, keepdims=True) for a in (self.hits, self.predicted, self.actual))
        return Each(hits, predicted, actual, self.total * labels)


@dataclass(frozen=True, eq=False)
class LabelView:
    """For one group of rows or many, in weights where rows have them. `each` is None where folds keep no labels, `together` is all of
    them as one; `curves` has one of each label, and `pooled` all decisions.

    `losses` (groups, labels, 2) has sums of log loss and Brier score. `facts` and `terms` are those of LabelSets, None with the labels
    of another threshold. `sizes` (groups,) are rows. Of all rows only: `bins` (labels, 100, 3), `empty`, rows without a label, `rarest`,
    the least of all rows with a label, or without it, `wrong` rows with a label that is, `hits` labels that are predicted right, and
    `labelled` rows that have any.
    """

    each: Each | None
    together: Each
    sizes: Floats
    curves: tuple[Curve, ...] = ()
    pooled: Curve | None = None
    losses: Floats | None = None
    bins: Floats | None = None
    facts: Floats | None = None
    terms: Floats | None = None
    whole: bool = True
    empty: float = np.nan
    rarest: int = 0
    wrong: int = 0
    hits: int = 0
    labelled: int = 0

    def fact(self, name: str) -> Floats:
        assert self.facts is not None
        return self.facts[:, FACTS.index(name)]

    def term(self, name: str) -> Floats:
        assert self.terms is not None
        return self.terms[:, TERMS.index(name)]


def view(profile: Multilabel) -> LabelView:
    """Of all rows, as one group; each row with the labels that it was given."""
    labels = [quality(label) for label in profile.labels]
    each, sets = Each.of(labels), profile.sets
    facts = dict(zip(FACTS, sets.facts.sum(0).tolist(), strict=True))
    return LabelView(
        each,
        each.together,
        np.array([float(facts["rows"])]),
        *_curves(
            [one.curves[0] for one in labels if one.curves], [_scores(one) for one in profile.labels if one.lanes]
        ),
        _losses(labels),
        np.concatenate([one.bins for one in labels if one.bins is not None]) if profile.scores else None,
        (sets.mass if profile.weighted else sets.facts).sum(0, keepdims=True).astype(np.float64),
        sets.terms.sum(0, keepdims=True),
        not profile.weighted,
        float(sets.sizes[0, 0]) if not profile.weighted else np.nan,
        rarest=min(one.rarest for one in labels),
        wrong=facts["rows"] - facts["right"],
        hits=facts["hits"],
        labelled=facts["some_actual"],
    )


def without_view(profile: Multilabel) -> LabelView | None:
    """Of all rows but those of a fold, for each of the folds; None where the profile has none."""
    if profile.segment:
        return None
    sets = profile.sets
    facts, terms = (_others(a) for a in (sets.mass if profile.weighted else sets.facts, sets.terms))
    sizes, whole = _others(sets.facts[:, 0]), not profile.weighted
    folds = [found for label in profile.labels if (found := without_folds(label)) is not None]
    if not folds:
        return LabelView(None, _together(facts, len(profile.labels)), sizes, facts=facts, terms=terms, whole=whole)
    each = Each.of(folds)
    lanes = tuple(one.curves[0] for one in folds if one.curves)
    together = pooled_without([lane for label in profile.labels for lane in label.by_fold], weighted=profile.weighted)
    curves = lanes, together if len(lanes) > 1 else next(iter(lanes), None)
    return LabelView(each, each.together, sizes, *curves, _losses(folds), None, facts, terms, whole)


def all_folds(without: LabelView) -> LabelView:
    """The scores of all folds together, as one group."""
    pooled = None if without.pooled is None else curve_of_all(without.pooled)
    return replace(without, curves=tuple(curve_of_all(curve) for curve in without.curves), pooled=pooled)


def view_at(
    profile: Multilabel, total: LabelView, without: LabelView | None, thresholds: Sequence[float]
) -> tuple[LabelView, LabelView | None, LabelView, LabelView | None]:
    """The views with the labels of a threshold each; and, of four groups, the most that they can differ where cells are divided: of all
    rows, and of all folds.
    """
    divided, corners, folds, open_at = [], [], [], []
    for n, label in enumerate(profile.labels):
        found, most = at_threshold(total.curves[n], scores_of(label, 0), thresholds[n])
        divided.append(found.confusion)
        corners.append(most.confusion)
        if without is not None and without.curves:
            left, most = without_at(label.by_fold[0], without.curves[n], thresholds[n])
            folds.append(left.confusion)
            open_at.append(most.confusion)
    wrong, hits = total.wrong, total.hits
    if total.whole:
        wrong, hits = int(max(c[0, 0, 1] + c[0, 1, 0] for c in divided)), int(sum(c[0, 1, 1] for c in divided))
    if without is not None:
        without = _labelled(without, folds) if folds else None
    most_of_folds = _labelled(total, open_at) if open_at else None
    return replace(_labelled(total, divided), wrong=wrong, hits=hits), without, _labelled(total, corners), most_of_folds


def ignorant_view(profile: Multilabel) -> LabelView:
    """As if each row had been given the share of each label as its probability, and the labels that more than half of the rows have."""
    known = view(profile)
    labels = [ignorant(quality(label)) for label in profile.labels]
    each = Each.of(labels)
    shares = [one.labels.actual[0, 1:] / max(float(one.labels.total[0]), 1e-300) for one in labels]
    return LabelView(
        each,
        each.together,
        known.sizes,
        *_curves([one.curves[0] for one in labels if one.curves], shares if profile.scores else []),
        _losses(labels),
        np.concatenate([one.bins for one in labels if one.bins is not None]) if profile.scores else None,
        whole=known.whole,
        empty=known.empty,
    )


def _labelled(of: LabelView, confusions: Sequence[Floats]) -> LabelView:
    confusion = np.stack(confusions, axis=1)
    total = confusion[:, :1].sum((2, 3))
    each = Each(confusion[:, :, 1, 1], confusion[:, :, :, 1].sum(2), confusion[:, :, 1].sum(2), total)
    return replace(of, each=each, together=each.together, facts=None, terms=None)


def _together(facts: Floats, labels: int) -> Each:
    hits, predicted, actual, rows = (facts[:, [FACTS.index(name)]] for name in ("hits", "predicted", "actual", "rows"))
    return Each(hits, predicted, actual, rows * labels)


def _curves(lanes: Sequence[Curve], scores: Sequence[Floats]) -> tuple[tuple[Curve, ...], Curve | None]:
    if len(lanes) < 2:
        return tuple(lanes), lanes[0] if lanes else None
    return tuple(lanes), pooled(tuple(lanes), scores)


def _scores(label: Classification) -> Floats:
    return scores_of(label, 0)


def _losses(labels: Sequence[Quality]) -> Floats | None:
    found = [one.losses for one in labels if one.losses is not None]
    return np.stack(found, axis=1) if found else None


def _others(array: NDArray[Any]) -> Floats:
    return np.asarray(array.sum(0, keepdims=True) - array, np.float64)
