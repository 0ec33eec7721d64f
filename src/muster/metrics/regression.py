"""The metrics of predicted numbers, and how each gets its interval."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from muster.metrics import errors
from muster.metrics.errors import Errors, OfErrors
from muster.metrics.figure import SHARED, Figure, Interval, figure, undefined
from muster.metrics.influence import of_explained, of_gini, of_rank_correlation
from muster.metrics.intervals import wilson
from muster.metrics.metric import Metric
from muster.metrics.moments import LEAST_OF_A_MEAN, student
from muster.metrics.quantiles import Steps, magnitudes, order_statistics, quantile
from muster.metrics.ranks import Bounded, constant_loss, gini, rank_correlation
from muster.metrics.small_samples import less_than_of_many
from muster.metrics.uneven import FISHER, LOG, MEAN, PLAIN, REST, Scale, interval_on, of_folds
from muster.profiles.regression import Regression

__all__ = ["REGRESSION", "Of", "errors_of", "measure", "reason", "regression_metrics"]


Need = tuple[Callable[[Errors], float], str]
"""How many rows a metric is not defined for, and how to say so: `{has}` is `3 rows have`."""


def _rows(*facts: str) -> Callable[[Errors], float]:
    return lambda q: float(q.rows(*facts)[0])


def _constant(name: str) -> Callable[[Errors], float]:
    return lambda q: float(not q.varies(name)[0] > 0)


_LOGS: Need = (_rows("below"), "the logarithmic error needs values above -1: {has} others")
_ZERO: Need = (_rows("zero"), "a percentage of 0 is not defined: {has} an actual value of 0 (`wape` takes them)")
_NEGATIVE: Need = (_rows("negative"), "it needs actual values of 0 or above: {has} others")
_UNPOSITIVE_ACTUAL: Need = (_rows("negative", "zero"), "it needs actual values above 0: {has} others")
_UNPOSITIVE: Need = (_rows("unpositive"), "it needs predictions above 0: {has} others")
_SAME: Need = (_constant("actual"), "all actual values are the same")
_SAME_PREDICTED: Need = (_constant("predicted"), "all predictions are the same")
_ALL_ZERO: Need = (lambda q: float(not q.sum("actual_absolute")[0] > 0), "all actual values are 0")
_NO_RANGES: Need = (lambda q: float(not q.range("mass")[0] > 0), "no row has a predicted interval")
_NO_PAIRS: Need = (
    lambda q: float(q.spread is None or not q.spread.reach.squares),
    "pairs of values are not kept for parts of the rows",
)
_WEIGHTED: Need = (lambda q: float(not q.whole), "ranks are of rows, and these have weights")

_TOO_LARGE = "the numbers are too large or too small for sums of them, or of too many sizes to be told apart"
_MOST_OF_RANKS = 0.05
"""What squares of pairs may hide of the order of rows, for an interval that allows for it."""
_ONE = "the greatest error of these rows does not tell how great that of others can be"
_NO_FOLDS = "no folds of the rows are kept for it"
_NONE_WRONG = "no row is in error"


@dataclass(frozen=True)
class Of(Metric[Errors]):
    """The jackknife is `on` a scale; `needs` says of which rows it is not defined."""

    on: Scale = PLAIN
    needs: tuple[Need, ...] = ()


def _loss(
    name: str,
    title: str,
    of: OfErrors,
    bound: OfErrors | None = None,
    *,
    most: float = np.inf,
    on: Scale = MEAN,
    needs: tuple[Need, ...] = (),
    interval: Callable[[Errors], Interval] | None = None,
    no_interval: str = "",
) -> Of:
    return Of(
        name, title, of, _TOO_LARGE, "lower", interval=interval, no_interval=no_interval, bound=bound,
        within=(0.0, most), on=on, needs=needs,
    )  # fmt: skip


def _explained(
    name: str,
    title: str,
    of: OfErrors,
    bound: OfErrors | None = None,
    *,
    needs: tuple[Need, ...] = (),
    interval: Callable[[Errors], Interval] | None = None,
) -> Of:
    """What is explained of how far the actual values are from a constant."""
    return Of(
        name, title, of, _TOO_LARGE, interval=interval, bound=bound,
        within=(-np.inf, 1.0), on=REST, needs=(*needs, _SAME),
    )  # fmt: skip


def _correlation(
    name: str,
    title: str,
    of: OfErrors,
    bound: OfErrors | None = None,
    *,
    needs: tuple[Need, ...] = (),
    interval: Callable[[Errors], Interval] | None = None,
) -> Of:
    return Of(name, title, of, _TOO_LARGE, interval=interval, bound=bound, within=(-1.0, 1.0), on=FISHER, needs=needs)


def _deviances(name: str, title: str, needs: tuple[Need, ...]) -> tuple[Of, Of]:
    return (
        _loss(f"{name}_deviance", f"{title} deviance", errors.deviance(name), needs=needs),
        _explained(f"fve_{name}", f"Explained deviance (FVE {name})", errors.explained_deviance(name), needs=needs),
    )


def _spread(metric: Callable[[Regression], Bounded]) -> tuple[OfErrors, OfErrors]:
    """The value and the bound, of all rows."""

    def column(at: int) -> OfErrors:
        return lambda q: np.array([metric(q.spread)[at] if q.spread is not None else np.nan])

    return column(0), column(1)


def _of_constant(alpha: float) -> Callable[[Regression], Bounded]:
    """1 - pinball loss / that of the best constant, as scikit-learn's `d2_pinball_score`."""

    def metric(profile: Regression) -> Bounded:
        q = errors_of(profile)
        loss = Bounded(float((errors.pinball(alpha)(q) * q.mass)[0]))
        part = loss.over(constant_loss(profile, alpha))
        return Bounded(1 - part.value, part.bound)

    return metric


def _median_error(profile: Regression) -> Bounded:
    return Bounded(*quantile(_sizes(profile), 0.5))


def _sizes(profile: Regression) -> Steps:
    return magnitudes(profile.error, float(profile.totals.largest[0, 0]))


def _median_interval(q: Errors) -> Interval:
    assert q.spread is not None
    if not q.whole:
        return Interval.none("ranks of rows give it, and these have weights")
    return order_statistics(_sizes(q.spread), 0.5)


def _by_pairs(q: Errors) -> str:
    """Why pairs of values give no interval; empty if they do."""
    if not q.whole:
        return "pairs of rows give it, and these have weights"
    return "" if q.spread is not None and q.spread.reach.squares else _NO_PAIRS[1]


def _gini_interval(q: Errors) -> Interval:
    assert q.spread is not None
    if why := _by_pairs(q):
        return Interval.none(why)
    value = gini(q.spread).value
    if not abs(value) < 1:
        return Interval.none("all rows are in the same order")
    return interval_on(FISHER, value, of_gini(q.spread, value), (-1.0, 1.0), "delta")


def _rank_interval(q: Errors) -> Interval:
    assert q.spread is not None
    found = rank_correlation(q.spread)
    value = found.value
    if not abs(value) < 1:
        return Interval.none("all rows are in the same order")
    if found.bound > _MOST_OF_RANKS:
        return Interval.none(SHARED.format(found.bound))
    centre = value + less_than_of_many(q.spread, value)
    if not 1 - abs(centre) > (1 - abs(value)) / 2:
        return Interval.none("so few rows, so nearly in order, do not tell how many would be")
    told = interval_on(FISHER, centre, of_rank_correlation(q.spread, value), (-1.0, 1.0), "delta")
    if told.low is None or told.high is None:
        return told
    low, high = min(told.low, value) - found.bound, max(told.high, value) + found.bound
    return Interval(float(max(-1.0, low)), float(min(1.0, high)), told.method, allows=True)


def _pinball_interval(alpha: float) -> Callable[[Errors], Interval]:
    def interval(q: Errors) -> Interval:
        assert q.spread is not None
        if why := _by_pairs(q):
            return Interval.none(why)
        if q.spread.rows < REST.least:
            return Interval.none(f"it takes {REST.least} rows")
        value = _of_constant(alpha)(q.spread).value
        if not value < 1:
            return Interval.none(_NONE_WRONG)
        return interval_on(REST, value, of_explained(q.spread, alpha), (-np.inf, 1.0), "delta")

    return interval


def _coverage_interval(q: Errors) -> Interval:
    """Of a share of weights: as of so many rows of equal weight. Their number by the weights alone (Kish 1965) tells too little where
    those inside weigh more or less than others, and by what they make of the variance where few are outside; the lesser holds.
    """
    mass, inside, mass_2, inside_2 = (float(q.range(name)[0]) for name in ("mass", "inside", "mass_2", "inside_2"))
    part, rows = inside / mass, mass * mass / mass_2
    spread = inside_2 * (1 - part) ** 2 + (mass_2 - inside_2) * part**2
    if not q.whole and spread > 0:
        rows = min(rows, part * (1 - part) * mass * mass / spread)
    return wilson(part * rows, rows)


def regression_metrics(alpha: float = 0.5) -> tuple[Of, ...]:
    """The metrics of predicted numbers, the most telling first; pinball losses are those of the `alpha` quantile."""
    return (
        _loss("mae", "Mean absolute error", errors.mean("absolute")),
        _loss("mse", "Mean squared error", errors.squares),
        _loss("rmse", "Root mean squared error", errors.root(errors.squares)),
        _explained("r2", "R²", errors.r2),
        _explained("explained_variance", "Explained variance", errors.explained_variance),
        Of("mean_error", "Mean error", errors.mean_error, _TOO_LARGE, "", within=(-np.inf, np.inf)),
        _loss("median_absolute_error", "Median absolute error", *_spread(_median_error), interval=_median_interval),
        _loss("max_error", "Greatest error", errors.largest, no_interval=_ONE),
        _loss("mape", "Mean absolute percentage error", errors.percentage, needs=(_ZERO,)),
        _loss("smape", "Symmetric mean absolute percentage error", errors.mean("symmetric"), most=2.0, on=LOG),
        _loss("wape", "Weighted absolute percentage error", errors.of_sizes, on=LOG, needs=(_ALL_ZERO,)),
        _loss("rmsle", "Root mean squared logarithmic error", errors.root(errors.log_squares), needs=(_LOGS,)),
        _correlation("pearson", "Pearson correlation", errors.correlation, needs=(_SAME, _SAME_PREDICTED)),
        _correlation(
            "spearman", "Spearman correlation", *_spread(rank_correlation), interval=_rank_interval,
            needs=(_WEIGHTED, _NO_PAIRS, _SAME, _SAME_PREDICTED),
        ),
        _correlation("gini_norm", "Normalised Gini", *_spread(gini), interval=_gini_interval, needs=(_SAME,)),
        _explained("d2_absolute_error", "Explained absolute error (D²)", *_spread(_of_constant(0.5)), interval=_pinball_interval(0.5)),
        _loss("pinball_loss", "Pinball loss", errors.pinball(alpha)),
        _explained("d2_pinball", "Explained pinball loss (D²)", *_spread(_of_constant(alpha)), interval=_pinball_interval(alpha)),
        *_deviances("poisson", "Poisson", (_NEGATIVE, _UNPOSITIVE)),
        *_deviances("gamma", "Gamma", (_UNPOSITIVE_ACTUAL, _UNPOSITIVE)),
        *_deviances("tweedie", "Tweedie", (_NEGATIVE, _UNPOSITIVE)),
        Of("interval_coverage", "Coverage of intervals", errors.coverage, _TOO_LARGE, "", interval=_coverage_interval, needs=(_NO_RANGES,)),
        _loss("interval_width", "Mean width of intervals", errors.width, needs=(_NO_RANGES,)),
    )  # fmt: skip


REGRESSION: tuple[Of, ...] = regression_metrics()


def errors_of(profile: Regression) -> Errors:
    """Of all rows of a profile, as one group."""
    return Errors(profile.totals, not profile.weighted, profile)


def measure(profile: Regression, *, alpha: float = 0.5, names: Collection[str] | None = None) -> dict[str, Figure]:
    """Every metric of a profile, or those of `names`, by name; pinball losses are those of the `alpha` quantile."""
    total = errors_of(profile)
    without = Errors(profile.folds.others(), total.whole) if profile.folds.groups else None
    metrics = REGRESSION if alpha == 0.5 else regression_metrics(alpha)
    with np.errstate(all="ignore"):  # what comes out as no number is told as such
        return {m.name: _figure(m, total, without) for m in metrics if names is None or m.name in names}


def reason(metric: Of, total: Errors) -> str:
    """Why it is not defined for the rows; empty if it is."""
    if not total.rows("rows")[0]:
        return "there is no row"
    if not total.mass[0] > 0:
        return "all weights are 0"
    for missing, says in metric.needs:
        if n := int(missing(total)):
            return says.format(has=f"{n} row has" if n == 1 else f"{n} rows have")
    return ""


def _figure(metric: Of, total: Errors, without: Errors | None) -> Figure:
    counted = ("inside", "under", "above") if _NO_RANGES in metric.needs else ("rows",)
    rows = int(total.rows(*counted)[0])
    why = reason(metric, total)
    value = float("nan") if why else float(metric.of(total)[0])
    bound = float(metric.bound(total)[0]) if metric.bound is not None and np.isfinite(value) else 0.0
    if not np.isfinite([value, bound]).all():
        return undefined(metric.name, rows, why or metric.why)
    interval = _interval(metric, value, total, without)
    return figure(metric.name, value, rows, interval, bound=bound, within=metric.within)


def _interval(metric: Of, value: float, total: Errors, without: Errors | None) -> Interval:
    if metric.no_interval:
        return Interval.none(metric.no_interval)
    if metric.interval is not None:
        return metric.interval(total)
    if without is None:
        return _without_folds(metric.name, value, total)
    scale = metric.on
    if total.rows("rows")[0] < scale.least:
        return Interval.none(f"it takes {scale.least} rows")
    if not np.isfinite(scale.there(np.float64(value))):
        return Interval.none(_NONE_WRONG)
    found = of_folds(scale.there(metric.of(without)), total.rows("rows") - without.rows("rows"))
    return interval_on(scale, value, found, metric.within, "jackknife")


def _without_folds(name: str, value: float, total: Errors) -> Interval:
    """Of a mean whose rows' squares are summed up too."""
    spread = {"mae": lambda: float(errors.squares(total)[0]) - value**2, "mean_error": lambda: _spread_of_errors(total)}
    if name not in spread or not total.whole:
        return Interval.none(_NO_FOLDS)
    rows = int(total.rows("rows")[0])
    if rows < LEAST_OF_A_MEAN:
        return Interval.none(f"it takes {LEAST_OF_A_MEAN} rows")
    return student(value, spread[name](), rows, (0.0 if name == "mae" else -np.inf, np.inf))


def _spread_of_errors(total: Errors) -> float:
    return float((total.moment("error_2") / total.mass)[0])
