"""Averages over labels: by label, by all decisions, by rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from muster.metrics.curves import OfCurve, average_precision
from muster.metrics.label_views import Each, LabelView
from muster.metrics.labels import PerClass, share
from muster.metrics.metric import Metric
from muster.profiles.keys import Floats

__all__ = ["Of", "OfLabels", "averages", "curve_averages"]

Of = Callable[[LabelView], Floats]
Needs = Literal["together", "each", "sets"]


@dataclass(frozen=True)
class OfLabels(Metric[LabelView]):
    """`needs` says what it is computed from: all decisions together, those about each label, or the labels of each row.

    `undefined` tells the labels for which it is not defined, where one of them makes it so. `apart`: it says nothing of right and wrong.
    `ranked`: rows without a label say nothing of it. `right`: it rests on the labels that are predicted right, of all labels together.
    """

    needs: Needs = "together"
    undefined: Callable[[LabelView], NDArray[np.bool_]] | None = None
    rests: Callable[[LabelView], Floats] | None = None
    apart: bool = False
    ranked: bool = False


def _of(metric: PerClass, found: Each) -> Floats:
    """(groups, labels)."""
    return metric(found.hits, found.predicted, found.actual, found.total)


def _each(found: LabelView) -> Each:
    assert found.each is not None
    return found.each


def _occurs(found: Each) -> NDArray[np.bool_]:
    return np.asarray(found.actual + found.predicted > 0)


def _micro(metric: PerClass) -> Of:
    return lambda q: _of(metric, q.together)[:, 0]


def _macro(metric: PerClass) -> Of:
    """The mean over the labels that occur, as actual or predicted ones."""

    def mean(q: LabelView) -> Floats:
        found = _each(q)
        occurs = _occurs(found)
        return share(np.where(occurs, _of(metric, found), 0.0).sum(1), occurs.sum(1).astype(np.float64))

    return mean


def _weighted(metric: PerClass) -> Of:
    """The mean over labels, each by its actual rows."""

    def mean(q: LabelView) -> Floats:
        found = _each(q)
        values = np.where(found.actual > 0, _of(metric, found), 0.0)
        return share((values * found.actual).sum(1), found.actual.sum(1))

    return mean


def _samples(name: str, among: str) -> Of:
    """The mean over the rows for which it is defined."""
    return lambda q: share(q.term(name), q.fact(among))


def averages(
    name: str, title: str, metric: PerClass, *, why: str, nowhere: str, samples: tuple[str, str] | None = None
) -> tuple[OfLabels, ...]:
    """Macro, micro, weighted, and by row, where `samples` says for which rows it is defined, and why it is for none."""

    def not_defined(q: LabelView) -> NDArray[np.bool_]:
        found = _each(q)
        return np.asarray(_occurs(found)[0] & ~np.isfinite(_of(metric, found)[0]))

    def not_weighed(q: LabelView) -> NDArray[np.bool_]:
        found = _each(q)
        return np.asarray((found.actual[0] > 0) & ~np.isfinite(_of(metric, found)[0]))

    right: Literal["", "others"] = "" if samples is None else "others"
    found = (
        OfLabels(
            f"{name}_macro", f"{title}, macro", _macro(metric), why, right=right, needs="each", undefined=not_defined
        ),
        OfLabels(f"{name}_micro", f"{title}, micro", _micro(metric), nowhere, right=right),
        OfLabels(
            f"{name}_weighted",
            f"{title}, weighted",
            _weighted(metric),
            why,
            right=right,
            needs="each",
            undefined=not_weighed,
        ),
    )
    if samples is None:
        return found
    among, none = samples
    by_row = OfLabels(
        f"{name}_samples", f"{title}, samples", _samples(name, among), none,
        right=right, needs="sets", rests=lambda q: q.fact(among),
    )  # fmt: skip
    return *found, by_row


def _over(metric: OfCurve) -> Of:
    return lambda q: np.stack([metric(c) for c in q.curves], axis=1).mean(1)


def _by_rows(metric: OfCurve) -> Of:
    def mean(q: LabelView) -> Floats:
        values = np.stack([metric(c) for c in q.curves], axis=1)
        weight = np.stack([c.positives for c in q.curves], axis=1)
        return share((np.where(weight > 0, values, 0.0) * weight).sum(1), weight.sum(1))

    return mean


def _pool(metric: OfCurve) -> Of:
    def all_of(q: LabelView) -> Floats:
        assert q.pooled is not None
        return metric(q.pooled)

    return all_of


def curve_averages(name: str, title: str, metric: OfCurve, bound: OfCurve, *, why: str) -> tuple[OfLabels, ...]:
    def not_defined(q: LabelView) -> NDArray[np.bool_]:
        return np.array([not np.isfinite(metric(c)[0]) for c in q.curves])

    def not_weighed(q: LabelView) -> NDArray[np.bool_]:
        return np.array([bool(c.positives[0] > 0) and not np.isfinite(metric(c)[0]) for c in q.curves])

    nowhere = "no row has a label, or each has all"
    kinds: tuple[tuple[str, Callable[[OfCurve], Of], str, Needs, Callable[[LabelView], NDArray[np.bool_]] | None], ...]
    kinds = (
        ("macro", _over, why, "each", not_defined),
        ("weighted", _by_rows, why, "each", not_weighed),
        ("micro", _pool, nowhere, "each", None),
    )
    return tuple(
        OfLabels(
            f"{name}_{kind}", f"{title}, {kind}", over(metric), reason,
            bound=over(bound), scores=True, logit=True, enlarged=metric is average_precision, needs=needs, undefined=of,
        )
        for kind, over, reason, needs, of in kinds
    )  # fmt: skip
