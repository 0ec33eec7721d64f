"""The metrics of labels, any number of them a row, and how each gets its interval."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np

from muster.metrics import curves, labels
from muster.metrics.class_intervals import LEAST_HIT_IN_WEIGHTS, LEAST_OF_A_CLASS, LEAST_WRONG_IN_WEIGHTS
from muster.metrics.discordant import apart_in_folds
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import jackknife, share_of_folds, wilson
from muster.metrics.label_averages import Of, OfLabels, averages, curve_averages
from muster.metrics.label_intervals import LEAST_HIT, LEAST_WRONG
from muster.metrics.label_views import LabelView, all_folds, ignorant_view, view, view_at, without_view
from muster.metrics.labels import share
from muster.metrics.resolution import unresolved, unresolved_labels
from muster.metrics.uneven import less_bias
from muster.profiles.classification import EQUAL_WIDTHS
from muster.profiles.keys import Floats
from muster.profiles.multilabel import Multilabel

__all__ = ["MULTILABEL", "dummy", "measure", "paired"]

_NO_ROW = "there is no row"
_NO_SCORES = "it needs probabilities, and there are only labels"
_OTHER_LABELS = "it looks at the labels of each row together, which were kept as they were given alone"
_BIASED = "its estimate is biased by chance in each bin, which no interval of it takes into account"
_BINS = 10
_LEAST_LABELLED = 100
"""Rows with a label that ranking figures need: of some 35 the interval of the ranking loss was seen to cover the truth in 88 %."""
_NAMED = 3
"""Labels that a reason names."""


def _loss(which: int) -> Of:
    """The mean over rows and labels."""

    def mean(q: LabelView) -> Floats:
        assert q.losses is not None
        return share(q.losses[:, :, which].sum(1), q.together.total[:, 0])

    return mean


def _calibration(q: LabelView) -> Floats:
    """The mean over labels of the distance of scores and outcomes over ten bins of equal width, each by its rows."""
    assert q.bins is not None
    bins = q.bins.reshape(len(q.bins), _BINS, EQUAL_WIDTHS // _BINS, 3).sum(2)
    rows = bins[:, :, 0] + bins[:, :, 1]
    apart = np.abs(bins[:, :, 1] - bins[:, :, 2]).sum(1)
    return share(apart, rows.sum(1)).mean(keepdims=True)


def _ranked(name: str, title: str, *, better: Literal["higher", "lower"], most: float = 1.0) -> OfLabels:
    return OfLabels(
        name, title, lambda q: share(q.term(name), q.fact("rows")), _NO_ROW, better,
        within=(0.0, most), scores=True, needs="sets", ranked=True,
    )  # fmt: skip


def _wrong(q: LabelView) -> Floats:
    found = q.together
    return share(found.actual + found.predicted - 2 * found.hits, found.total)[:, 0]


def _right(q: LabelView) -> Floats:
    return share(q.fact("right"), q.fact("rows")) if q.facts is not None else np.array([np.nan])


def _per_row(name: Literal["actual", "predicted"]) -> Of:
    def mean(q: LabelView) -> Floats:
        labels = 1 if q.each is None else q.each.hits.shape[1]
        rows = q.fact("rows") if q.facts is not None else q.together.total[:, 0] / labels
        return share(getattr(q.together, name)[:, 0], rows)

    return mean


MULTILABEL: tuple[OfLabels, ...] = (
    *curve_averages("roc_auc", "ROC AUC", curves.roc_auc, curves.roc_auc_bound, why="no row has the label, or each has it"),
    *curve_averages(
        "average_precision", "Average precision", curves.average_precision, curves.average_precision_bound,
        why="no row has the label",
    ),
    OfLabels("log_loss", "Log loss, mean over labels", _loss(0), _NO_ROW, "lower", within=(0.0, np.inf), scores=True, needs="each"),
    OfLabels("brier", "Brier score, mean over labels", _loss(1), _NO_ROW, "lower", scores=True, needs="each"),
    OfLabels(
        "calibration_loss", "Calibration loss (ECE), mean over labels", _calibration, _NO_ROW, "lower",
        no_interval=_BIASED, scores=True, needs="each",
    ),
    OfLabels(
        "subset_accuracy", "Subset accuracy", _right, _NO_ROW, needs="sets",
        share=lambda q: (float(q.fact("right")[0]), float(q.fact("rows")[0])),
    ),
    OfLabels("hamming_loss", "Hamming loss", _wrong, _NO_ROW, "lower"),
    *averages(
        "precision", "Precision", labels.precision, why="the label occurs and was never predicted",
        nowhere="no label was predicted", samples=("some_predicted", "no row has a predicted label"),
    ),
    *averages(
        "recall", "Recall", labels.recall, why="the label was predicted and no row has it",
        nowhere="no row has a label", samples=("some_actual", "no row has a label"),
    ),
    *averages("specificity", "Specificity", labels.specificity, why="each row has the label", nowhere="each row has every label"),
    *averages(
        "f1", "F1", labels.f_beta(1.0), why="no label occurs", nowhere="no label occurs",
        samples=("some", "no row has a label or a predicted one"),
    ),
    *averages(
        "jaccard", "Jaccard", labels.jaccard, why="no label occurs", nowhere="no label occurs",
        samples=("some", "no row has a label or a predicted one"),
    ),
    _ranked("label_ranking_average_precision", "Label ranking average precision", better="higher"),
    _ranked("label_ranking_loss", "Label ranking loss", better="lower"),
    _ranked("coverage_error", "Coverage error", better="lower", most=np.inf),
    OfLabels("labels_per_row", "Labels per row", _per_row("actual"), _NO_ROW, "", within=(0.0, np.inf), needs="sets", apart=True),
    OfLabels(
        "predicted_labels_per_row", "Predicted labels per row", _per_row("predicted"), _NO_ROW, "",
        within=(0.0, np.inf), needs="sets", apart=True,
    ),
)  # fmt: skip


def measure(
    profile: Multilabel,
    names: Sequence[str],
    *,
    thresholds: Sequence[float] | None = None,
    only: Collection[str] | None = None,
) -> dict[str, Figure]:
    """Every metric of a profile whose labels have these names, or those of `only`; with the labels of a threshold each where given."""
    total, without, divided, open_at = view(profile), without_view(profile), None, None
    if thresholds is not None:
        total, without, divided, open_at = view_at(profile, total, without, thresholds)
    with np.errstate(all="ignore"):
        return {
            m.name: _figure(m, names, (total, without), (divided, open_at))
            for m in MULTILABEL
            if only is None or m.name in only
        }


def dummy(profile: Multilabel) -> dict[str, float | None]:
    """The metrics of a model that knows how often each label occurs, and nothing else; None where that does not tell."""
    known = ignorant_view(profile)
    found: dict[str, float | None] = {}
    with np.errstate(all="ignore"):
        for metric in MULTILABEL:
            told = metric.needs != "sets" and (known.curves or not metric.scores)
            value = float(metric.of(known)[0]) if told else np.nan
            found[metric.name] = value if np.isfinite(value) else None
    if not known.together.predicted.any() and np.isfinite(known.empty) and known.sizes[0]:
        found["subset_accuracy"] = known.empty / float(known.sizes[0])
    return found


def paired(one: Multilabel, other: Multilabel) -> dict[str, Floats | Interval]:
    """Of each metric, the difference `other - one` without each fold of the rows, which are the same in both; or why that tells no
    interval.
    """
    first, second = without_view(one), without_view(other)
    if first is None or second is None:
        return {}
    scored = one.scores and other.scores
    metrics = [m for m in MULTILABEL if not m.no_interval and (scored or not m.scores)]
    known = [m for m in metrics if m.needs != "each" or (first.each is not None and second.each is not None)]
    totals = view(one), view(other)
    few = {scores: apart_in_folds([one], [other], scores=scores) for scores in {m.scores for m in known}}
    return {m.name: Interval.none(why) if (why := few[m.scores]) else _apart(m, totals, (first, second)) for m in known}


def _apart(
    metric: OfLabels, totals: tuple[LabelView, LabelView], without: tuple[LabelView, LabelView]
) -> Floats | Interval:
    for total, rest in zip(totals, without, strict=True):
        if coarse := _coarse(metric, total, rest, None):
            return Interval.none(coarse)
    return np.asarray(metric.of(without[1]) - metric.of(without[0]), np.float64)


def _figure(
    metric: OfLabels,
    names: Sequence[str],
    views: tuple[LabelView, LabelView | None],
    at: tuple[LabelView | None, LabelView | None],
) -> Figure:
    """From the views of all rows, and without each fold; `at` has the most that their labels can differ at a threshold."""
    (total, without), (divided, open_at) = views, at
    rows = int(total.sizes[0])
    if metric.scores and not total.curves:
        return undefined(metric.name, rows, _NO_SCORES)
    if divided is not None and metric.needs == "sets" and not metric.apart:
        return undefined(metric.name, rows, _OTHER_LABELS)
    value = float(metric.of(total)[0])
    bound = float(metric.bound(total)[0]) if metric.bound is not None else 0.0
    if divided is not None and not metric.scores:
        bound = float(np.nanmax(np.abs(metric.of(divided) - value), initial=0.0))
    if metric.rests is not None and total.whole:
        rows = int(metric.rests(total)[0])
    interval = _interval(metric, value, total, without, open_at) if np.isfinite(value) else Interval()
    why = _why(metric, names, total)
    return figure(metric.name, value, rows, interval, bound=bound, why=why, within=metric.within)


def _why(metric: OfLabels, names: Sequence[str], total: LabelView) -> str:
    """Why it is not defined, with the labels that make it so."""
    if not total.sizes[0]:
        return _NO_ROW
    bad = [] if metric.undefined is None else [names[n] for n in np.flatnonzero(metric.undefined(total)).tolist()]
    if not bad:
        return metric.why
    more = f" and {len(bad) - _NAMED} others" if len(bad) > _NAMED else ""
    return f"{metric.why}: {', '.join(f'`{name}`' for name in bad[:_NAMED])}{more}"


def _interval(
    metric: OfLabels, value: float, total: LabelView, without: LabelView | None, open_at: LabelView | None
) -> Interval:
    if metric.no_interval:
        return Interval.none(metric.no_interval)
    if total.whole and metric.share is not None:
        return wilson(*metric.share(total))
    if few := _few(metric, total):
        return Interval.none(few)
    if without is None:
        return Interval.none("no folds of the rows are kept for it")
    if metric.needs == "each" and without.each is None:
        return Interval.none("of so many labels no folds of the rows are kept")
    left, sizes = metric.of(without), total.sizes - without.sizes
    if coarse := _coarse(metric, total, without, open_at):
        return Interval.none(coarse)
    if metric.share is not None:
        return share_of_folds(value, left, sizes)
    some = left[sizes > 0]
    if len(some) > 1 and np.isfinite(some).all() and not np.ptp(some) > 0:
        return Interval.none("all rows say the same")
    if metric.enlarged:
        return less_bias(value, float(metric.of(all_folds(without))[0]), left, sizes)
    return jackknife(value, left, sizes, within=metric.within, logit=metric.logit)


def _few(metric: OfLabels, total: LabelView) -> str:
    """Why there are too few rows of some kind for an interval; empty if there are enough."""
    if total.sizes[0] < LEAST_OF_A_CLASS:
        return f"there are fewer than {LEAST_OF_A_CLASS} rows"
    if metric.name.endswith("_macro") and total.rarest < LEAST_OF_A_CLASS:
        return f"fewer than {LEAST_OF_A_CLASS} rows have a label, or have it not"
    if metric.ranked and total.labelled < _LEAST_LABELLED:
        return f"fewer than {_LEAST_LABELLED} rows have a label"
    least = LEAST_WRONG if total.whole else LEAST_WRONG_IN_WEIGHTS
    if total.wrong < least and not metric.apart:
        return f"fewer than {least} rows are predicted wrong"
    least = LEAST_HIT if total.whole else LEAST_HIT_IN_WEIGHTS
    return f"fewer than {least} labels are predicted right" if total.hits < least and metric.right else ""


def _coarse(metric: OfLabels, total: LabelView, without: LabelView, open_at: LabelView | None) -> str:
    sizes = total.sizes - without.sizes
    if metric.scores and without.curves:
        return unresolved(metric, total, without, all_folds(without), sizes)
    if open_at is None or metric.scores or metric.apart:
        return ""
    return unresolved_labels(metric, total, without, open_at, sizes)
