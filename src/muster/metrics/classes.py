"""The metrics of binary and multiclass predictions, and how each gets its interval."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import combinations

import numpy as np

from muster.metrics import curves, labels
from muster.metrics.class_intervals import LEAST_OF_A_CLASS, interval_of
from muster.metrics.costs import cheapest_label, cost_metric
from muster.metrics.curves import OfCurve
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.label_intervals import Scale, f_beta_interval, leave_one_out, mean_of_two, of_accuracy
from muster.metrics.labels import Labels, PerClass, share
from muster.metrics.metric import Metric
from muster.metrics.quality import (
    Quality,
    at_threshold,
    curve_of,
    ignorant,
    quality,
    scores_of,
    without_at,
    without_folds,
)
from muster.metrics.resolution import all_folds, unresolved
from muster.profiles.classification import EQUAL_WIDTHS, Classification
from muster.profiles.keys import Floats

__all__ = ["BINARY", "LEAST_OF_A_CLASS", "MULTICLASS", "dummy", "has_band", "measure", "metrics_of", "of_lane"]

_LOG_LOSS, _BRIER = 0, 1
_BINS = 10
_NO_ROW = "there is no row"
_ONE_CLASS = "all rows have the same actual class"
_UNPREDICTED = "no row was predicted as the class"
_ABSENT = "no row is of the class"
_EACH_CLASS = "a class that occurs was never predicted"
_NO_SCORES = "it needs probabilities, and there are only labels"
_BIASED = "its estimate is biased by chance in each bin, which no interval of it takes into account"
_PAIRS = "it takes rows of two classes, of 20 at most that the model knows"
_NO_PAIRS = "scores by pairs of classes are not kept for parts of the rows"

Of = Callable[[Quality], Floats]
OfLabels = Callable[[Labels], Floats]


def _labels(metric: Callable[[Labels], Floats]) -> Of:
    return lambda q: metric(q.labels)


def _positive(metric: PerClass) -> Of:
    return lambda q: labels.of_classes(metric, q.labels)[:, 1]


def _curve(metric: OfCurve) -> Of:
    return lambda q: metric(q.curves[0])


def _shares(
    part: Callable[[Labels], Floats], of: Callable[[Labels], Floats]
) -> Callable[[Quality], tuple[float, float]]:
    return lambda q: (float(part(q.labels)[0]), float(of(q.labels)[0]))


def _loss(which: int) -> Of:
    def mean(q: Quality) -> Floats:
        assert q.losses is not None
        return share(q.losses[:, which], q.labels.total)

    return mean


def _explained(q: Quality) -> Floats:
    """1 - log loss / log loss of the shares of the classes, as scikit-learn's `d2_log_loss_score`."""
    shares = share(q.labels.actual, q.labels.total[:, None])
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(1)
    return 1 - share(_loss(_LOG_LOSS)(q), entropy)


def _calibration(q: Quality) -> Floats:
    """The mean distance of scores and outcomes over ten bins of equal width, each by its rows; of several classes the mean."""
    assert q.bins is not None
    bins = q.bins.reshape(len(q.bins), _BINS, EQUAL_WIDTHS // _BINS, 3).sum(2)
    rows = bins[:, :, 0] + bins[:, :, 1]
    apart = np.abs(bins[:, :, 1] - bins[:, :, 2]).sum(1)
    return share(apart, rows.sum(1)).mean(keepdims=True)


def _lanes(metric: OfCurve, *, by_rows: bool = False) -> Of:
    """The mean over the classes that occur, each against all others; `by_rows` weighs each by its rows."""

    def mean(q: Quality) -> Floats:
        values = np.stack([metric(c) for c in q.curves], axis=1)
        weight = q.labels.actual if by_rows else (q.labels.actual > 0).astype(np.float64)
        return share((np.where(weight > 0, values, 0.0) * weight).sum(1), weight.sum(1))

    return mean


def _pool(metric: OfCurve) -> Of:
    """Of all decisions about every class together."""

    def pooled(q: Quality) -> Floats:
        assert q.pooled is not None
        return metric(q.pooled)

    return pooled


def _one_against_one(*, by_rows: bool) -> Callable[[OfCurve], Of]:
    """The mean over all pairs of classes, each way (Hand and Till 2001); `by_rows` weighs a pair by the rows of both."""

    def over(metric: OfCurve) -> Of:
        def mean(q: Quality) -> Floats:
            if not q.pairs:
                return np.array([np.nan])
            values, weights = [], []
            for a, b in combinations([n for n, rows in enumerate(q.labels.actual[0]) if rows > 0], 2):
                each = [metric(q.pairs[one].against(other, whole=q.whole))[0] for one, other in ((a, b), (b, a))]
                values.append(sum(each) / 2)
                weights.append(float(q.labels.actual[0, [a, b]].sum()) if by_rows else 1.0)
            return share(np.array([np.dot(values, weights)]), np.array([sum(weights)]))

        return mean

    return over


def _top(places: int) -> Of:
    """scikit-learn's `top_k_accuracy_score`."""

    def hits(q: Quality) -> Floats:
        assert q.ranks is not None
        return share(q.ranks[:, :places].sum(1), q.labels.total)

    return hits


def _top_share(places: int) -> Callable[[Quality], tuple[float, float]]:
    def hits(q: Quality) -> tuple[float, float]:
        assert q.ranks is not None
        return float(q.ranks[0, :places].sum()), float(q.labels.total[0])

    return hits


def _gini(q: Quality) -> Floats:
    return 2 * curves.roc_auc(q.curves[0]) - 1


def _gini_interval(q: Quality) -> Interval:
    auc = curves.delong(q.curves[0])
    if auc.low is None or auc.high is None:
        return auc
    return Interval(2 * auc.low - 1, 2 * auc.high - 1, auc.method)


def _correct(labels: Labels) -> Floats:
    return labels.hits.sum(1)


def _all(labels: Labels) -> Floats:
    return labels.total


def _without_each(metric: OfLabels, scale: Scale, *, each: bool = False) -> Callable[[Quality], Interval]:
    return lambda q: leave_one_out(metric, q.labels, scale, each=each)


def _balanced(q: Quality) -> Interval:
    if q.labels.hits.shape[1] == 2:
        return mean_of_two(q.labels)
    return leave_one_out(labels.balanced_accuracy, q.labels, "logit", each=True)


def _f_beta(name: str, title: str, beta: float) -> Metric[Quality]:
    def interval(q: Quality) -> Interval:
        hits, predicted, actual = (float(a[0, 1]) for a in (q.labels.hits, q.labels.predicted, q.labels.actual))
        return f_beta_interval(beta, hits, predicted, actual)

    why = "no row is of the class or predicted as it"
    return Metric(name, title, _positive(labels.f_beta(beta)), why, counted=interval, right="others", logit=True)


_ACCURACY = Metric[Quality]("accuracy", "Accuracy", _labels(labels.accuracy), _NO_ROW, share=_shares(_correct, _all))
_COMMON: tuple[Metric[Quality], ...] = (
    _ACCURACY,
    Metric(
        "balanced_accuracy", "Balanced accuracy", _labels(labels.balanced_accuracy), _NO_ROW, counted=_balanced,
        right="each", logit=True,
    ),
    Metric(
        "mcc", "Matthews correlation", _labels(labels.matthews), "all rows have the same actual or predicted class",
        within=(-1.0, 1.0), counted=_without_each(labels.matthews, "fisher"), right="others",
    ),
    Metric(
        "kappa", "Cohen's kappa", _labels(labels.kappa), "all rows have the same actual and predicted class",
        within=(-1.0, 1.0), counted=_without_each(labels.kappa, "fisher"), right="others",
    ),
    Metric(
        "hamming_loss", "Hamming loss", _labels(labels.hamming_loss), _NO_ROW, "lower",
        share=_shares(lambda found: found.total - found.hits.sum(1), _all),
    ),
)  # fmt: skip
_LOSSES: tuple[Metric[Quality], ...] = (
    Metric("log_loss", "Log loss", _loss(_LOG_LOSS), _NO_ROW, "lower", within=(0.0, np.inf), scores=True),
    Metric("brier", "Brier score", _loss(_BRIER), _NO_ROW, "lower", within=(0.0, 2.0), scores=True),
    Metric(
        "calibration_loss", "Calibration loss (ECE)", _calibration, _NO_ROW, "lower", no_interval=_BIASED, scores=True
    ),
    Metric(
        "fve_binomial", "Explained log loss (FVE binomial)", _explained, _ONE_CLASS, within=(-np.inf, 1.0), scores=True
    ),
)


def _tops(part: float, name: str, percent: str) -> tuple[Metric[Quality], ...]:
    rows = curves.top_bound(part)

    def of_positives(q: Quality) -> Floats:
        return share(rows(q.curves[0]), q.curves[0].positives)

    return (
        Metric(
            f"rate_at_top_{name}", f"Rate in the top {percent}", _curve(curves.rate_in_top(part)), _NO_ROW,
            bound=lambda q: share(rows(q.curves[0]), part * q.labels.total), scores=True, top=part, rate=True,
        ),
        Metric(
            f"lift_at_{name}", f"Lift in the top {percent}", _curve(curves.lift(part)), _ABSENT,
            bound=lambda q: of_positives(q) / part, scores=True, top=part, within=(0.0, np.inf),
        ),
        Metric(
            f"captured_at_{name}", f"Captured in the top {percent}", _curve(curves.captured(part)), _ABSENT,
            bound=of_positives, scores=True, top=part,
        ),
    )  # fmt: skip


BINARY: tuple[Metric[Quality], ...] = (
    Metric(
        "roc_auc", "ROC AUC", _curve(curves.roc_auc), _ONE_CLASS, bound=_curve(curves.roc_auc_bound), scores=True,
        interval=lambda q: curves.delong(q.curves[0]), logit=True,
    ),
    Metric(
        "gini", "Gini", _gini, _ONE_CLASS, bound=lambda q: 2 * curves.roc_auc_bound(q.curves[0]), scores=True,
        interval=_gini_interval, within=(-1.0, 1.0),
    ),
    Metric(
        "average_precision", "Average precision", _curve(curves.average_precision), _ABSENT, logit=True, enlarged=True,
        bound=_curve(curves.average_precision_bound), scores=True,
    ),
    *_LOSSES,
    *_COMMON,
    Metric(
        "precision", "Precision", _positive(labels.precision), _UNPREDICTED,
        share=_shares(lambda found: found.hits[:, 1], lambda found: found.predicted[:, 1]),
    ),
    Metric(
        "recall", "Recall", _positive(labels.recall), _ABSENT,
        share=_shares(lambda found: found.hits[:, 1], lambda found: found.actual[:, 1]),
    ),
    Metric(
        "specificity", "Specificity", _positive(labels.specificity), "all rows are of the class",
        share=_shares(lambda found: found.hits[:, 0], lambda found: found.actual[:, 0]),
    ),
    _f_beta("f1", "F1", 1.0),
    _f_beta("f05", "F0.5", 0.5),
    _f_beta("f2", "F2", 2.0),
    Metric(
        "jaccard", "Jaccard", _positive(labels.jaccard), "no row is of the class or predicted as it",
        share=_shares(lambda f: f.hits[:, 1], lambda f: f.total - f.hits[:, 0]),
    ),
    Metric(
        "ks", "Kolmogorov-Smirnov", _curve(curves.kolmogorov_smirnov), _ONE_CLASS,
        bound=_curve(curves.kolmogorov_smirnov_bound), scores=True,
        no_interval="it is the greatest of many distances, which chance enlarges",
    ),
    *_tops(0.05, "5", "5 %"),
    *_tops(0.10, "10", "10 %"),
)  # fmt: skip


_BY_NAME = {metric.name: metric for metric in BINARY}


def _averages(name: str, title: str, metric: PerClass, why: str) -> tuple[Metric[Quality], ...]:
    macro, micro, weighted = labels.macro(metric), labels.micro(metric), labels.weighted(metric)
    return (
        Metric(
            f"{name}_macro", f"{title}, macro", _labels(macro), why,
            counted=_without_each(macro, "logit", each=True), right="each", logit=True,
        ),
        Metric(
            f"{name}_micro", f"{title}, micro", _labels(micro), _NO_ROW,
            counted=lambda q: of_accuracy(metric, q.labels), logit=True,
        ),
        Metric(
            f"{name}_weighted", f"{title}, weighted", _labels(weighted), why,
            counted=_without_each(weighted, "logit"), right="others", logit=True,
        ),
    )  # fmt: skip


def _curve_averages(name: str, title: str, metric: OfCurve, bound: OfCurve) -> tuple[Metric[Quality], ...]:
    each = ("macro", _lanes), ("weighted", lambda m: _lanes(m, by_rows=True)), ("micro", _pool)
    return tuple(
        Metric(
            f"{name}_{kind}",
            f"{title}, {kind}",
            over(metric),
            _ONE_CLASS,
            bound=over(bound),
            scores=True,
            logit=True,
            enlarged=metric is curves.average_precision,
        )
        for kind, over in each
    )


def _pair_averages() -> tuple[Metric[Quality], ...]:
    return tuple(
        Metric(
            f"roc_auc_ovo_{kind}", f"ROC AUC, one against one, {kind}", over(curves.roc_auc), _PAIRS,
            bound=over(curves.roc_auc_bound), no_interval=_NO_PAIRS, scores=True,
        )
        for kind, over in (("macro", _one_against_one(by_rows=False)), ("weighted", _one_against_one(by_rows=True)))
    )  # fmt: skip


MULTICLASS: tuple[Metric[Quality], ...] = (
    *_curve_averages("roc_auc_ovr", "ROC AUC, one against the rest", curves.roc_auc, curves.roc_auc_bound),
    *_pair_averages(),
    *_curve_averages(
        "average_precision", "Average precision", curves.average_precision, curves.average_precision_bound
    ),
    *_LOSSES,
    *_COMMON,
    *_averages("precision", "Precision", labels.precision, _EACH_CLASS),
    *_averages("recall", "Recall", labels.recall, "a class was predicted that no row is of"),
    *_averages("specificity", "Specificity", labels.specificity, "all rows are of one class"),
    *_averages("f1", "F1", labels.f_beta(1.0), _NO_ROW),
    *_averages("jaccard", "Jaccard", labels.jaccard, _NO_ROW),
    *(
        Metric(f"top_{k}_accuracy", f"Top {k} accuracy", _top(k), _NO_ROW, share=_top_share(k), scores=True)
        for k in (2, 3, 5)
    ),
)


def metrics_of(classes: int, costs: Floats | None = None) -> tuple[Metric[Quality], ...]:
    """The metrics of so many classes, the most telling first; with `cost` where a matrix of costs tells it."""
    own = () if costs is None else (cost_metric(costs),)
    if classes == 2:
        return (*BINARY, *own)
    return (*(m for m in MULTICLASS if m.name[:4] != "top_" or int(m.name[4]) < classes), *own)


def measure(
    profile: Classification,
    *,
    threshold: float | None = None,
    names: Collection[str] | None = None,
    costs: Floats | None = None,
) -> dict[str, Figure]:
    """Every metric of a profile, or those of `names`, by name; in binary with the labels of a threshold instead of those given, where
    one is given.
    """
    total, without = quality(profile), without_folds(profile)
    divided, open_at = None, None
    if threshold is not None:
        labelled, divided = at_threshold(total.curves[0], scores_of(profile, 0), threshold)
        counts = (
            labelled
            if total.whole
            else at_threshold(curve_of(profile, 0, rows=True), scores_of(profile, 0), threshold)[0]
        )
        wrong = int(counts.total[0] - counts.hits.sum())
        total = replace(total, labels=labelled, wrong=wrong, counts=counts)
        if without is not None:
            left, open_at = without_at(profile.by_fold[0], without.curves[0], threshold)
            without = replace(without, labels=left)
    wanted = [m for m in metrics_of(profile.classes, costs) if names is None or m.name in names]
    return {m.name: _figure(m, total, without, divided, open_at) for m in wanted}


def of_lane(name: str, total: Quality, without: Quality | None, lane: int, rows: int) -> Figure:
    """A metric of scores that binary ones have, of one class against all others; `rows` are of the class, whatever they weigh."""
    alone, left = _alone(total, without, lane)
    return _figure(_BY_NAME[name], replace(alone, rarest=min(rows, int(total.sizes[0]) - rows)), left)


def has_band(figure: Figure, total: Quality, without: Quality, lane: int) -> bool:
    """Whether the curve of which this is the figure has a band: where its bound leaves it an interval, and the folds tell single scores
    of the class well enough apart.
    """
    if not figure.exact and figure.low is None:
        return False
    alone, left = _alone(total, without, lane)
    assert left is not None
    return not unresolved(_BY_NAME[figure.name], alone, left, all_folds(left), total.sizes - without.sizes)


def _alone(total: Quality, without: Quality | None, lane: int) -> tuple[Quality, Quality | None]:
    alone = replace(total, labels=Labels(np.zeros((1, 2, 2))), curves=total.curves[lane : lane + 1])
    return alone, None if without is None else replace(without, curves=without.curves[lane : lane + 1])


def dummy(profile: Classification, costs: Floats | None = None) -> dict[str, float | None]:
    """The metrics of a model that knows nothing but the shares of the classes: it gives them as probabilities, and the largest as
    label; or, for its cost, the one that costs least.
    """
    known = ignorant(quality(profile))
    values = {m.name: float(m.of(known)[0]) for m in metrics_of(profile.classes) if known.curves or not m.scores}
    if costs is not None:
        values["cost"] = cheapest_label(known.labels.actual[0], costs)
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def _figure(
    metric: Metric[Quality],
    total: Quality,
    without: Quality | None,
    divided: Labels | None = None,
    open_at: Labels | None = None,
) -> Figure:
    """The labels of a threshold that divides a cell may be those of `divided`; of all folds, those of `open_at`."""
    rows = int(total.sizes[0])
    if metric.scores and not total.curves:
        return undefined(metric.name, rows, _NO_SCORES)
    value = float(metric.of(total)[0])
    bound = float(metric.bound(total)[0]) if metric.bound is not None else 0.0
    if divided is not None and not metric.scores:
        bound = float(np.nanmax(np.abs(metric.of(replace(total, labels=divided)) - value), initial=0.0))
    interval = interval_of(metric, value, total, without, open_at)
    return figure(metric.name, value, rows, interval, bound=bound, why=metric.why, within=metric.within)
