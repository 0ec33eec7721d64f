"""Metrics of numbers against scikit-learn and scipy: equal where values are counted one by one, within the bound that is told where not."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from muster.metrics import errors
from muster.metrics.baseline import dummy
from muster.metrics.errors import Errors
from muster.metrics.figure import Figure
from muster.metrics.intervals import wilson
from muster.metrics.regression import REGRESSION, measure
from muster.profiles.regression import SEGMENT, WHOLE, Reach, Regression
from tests.metrics.numbers import BINNED, KINDS, Floats, Rows, rows

Oracle = Callable[[Rows], float]


def _sk(name: str, **options: Any) -> Oracle:
    return lambda d: float(getattr(sk, name)(d.actual, d.predicted, sample_weight=d.weight, **options))


def _average(values: Floats, d: Rows) -> float:
    return float(np.average(values, weights=d.weight))


def _smape(d: Rows) -> float:
    both = np.abs(d.actual) + np.abs(d.predicted)
    return _average(2 * np.abs(d.actual - d.predicted) / np.where(both > 0, both, 1.0), d)


def _wape(d: Rows) -> float:
    return _average(np.abs(d.actual - d.predicted), d) / _average(np.abs(d.actual), d)


def _pearson(d: Rows) -> float:
    if d.weight is None:
        return float(stats.pearsonr(d.actual, d.predicted).statistic)
    cov = np.cov(d.actual, d.predicted, aweights=d.weight)
    return float(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]))


def _area(by: Floats, d: Rows) -> float:
    """Between the curve of summed up actual values, from the highest of `by` down, and the straight line; ties share."""
    mean, area, upto = np.average(d.actual, weights=d.weight), 0.0, 0.0
    for value in np.unique(by)[::-1]:
        tied = by == value
        mass, above = d.mass[tied].sum(), (d.mass * (d.actual - mean))[tied].sum()
        area += mass * (upto + above / 2)
        upto += above
    return area


def _gini(d: Rows) -> float:
    return _area(d.predicted, d) / _area(d.actual, d)


def _inside(d: Rows) -> float:
    assert d.low is not None
    assert d.high is not None
    return _average(((d.low <= d.actual) & (d.actual <= d.high)).astype(np.float64), d)


def _width(d: Rows) -> float:
    assert d.low is not None
    assert d.high is not None
    return _average(d.high - d.low, d)


ORACLES: dict[str, Oracle] = {
    "mae": _sk("mean_absolute_error"),
    "mse": _sk("mean_squared_error"),
    "rmse": _sk("root_mean_squared_error"),
    "r2": _sk("r2_score"),
    "explained_variance": _sk("explained_variance_score"),
    "mean_error": lambda d: _average(d.predicted - d.actual, d),
    "median_absolute_error": _sk("median_absolute_error"),
    "max_error": lambda d: float(sk.max_error(d.actual[d.mass > 0], d.predicted[d.mass > 0])),
    "mape": _sk("mean_absolute_percentage_error"),
    "smape": _smape,
    "wape": _wape,
    "rmsle": lambda d: math.sqrt(
        sk.mean_squared_error(np.log1p(d.actual), np.log1p(d.predicted), sample_weight=d.weight)
    ),
    "pearson": _pearson,
    "spearman": lambda d: float(stats.spearmanr(d.actual, d.predicted).statistic),
    "gini_norm": _gini,
    "d2_absolute_error": _sk("d2_absolute_error_score"),
    "pinball_loss": _sk("mean_pinball_loss"),
    "d2_pinball": _sk("d2_pinball_score"),
    "poisson_deviance": _sk("mean_poisson_deviance"),
    "fve_poisson": _sk("d2_tweedie_score", power=1),
    "gamma_deviance": _sk("mean_gamma_deviance"),
    "fve_gamma": _sk("d2_tweedie_score", power=2),
    "tweedie_deviance": _sk("mean_tweedie_deviance", power=1.5),
    "fve_tweedie": _sk("d2_tweedie_score", power=1.5),
    "interval_coverage": _inside,
    "interval_width": _width,
}

OF_POSITIVE = {"poisson_deviance", "fve_poisson", "gamma_deviance", "fve_gamma", "tweedie_deviance", "fve_tweedie"}
"""Where scikit-learn refuses rows."""

drawn = st.builds(
    rows,
    kind=st.sampled_from(sorted(KINDS)),
    seed=st.integers(0, 2**32),
    n=st.integers(2, 300),
    weighted=st.booleans(),
    ranges=st.just(True),
)


def expected(name: str, d: Rows) -> float | None:
    """None where it is not defined."""
    if name == "mape" and (d.actual == 0).any():
        return None
    if name == "rmsle" and min(d.actual.min(), d.predicted.min()) <= -1:
        return None
    if name == "spearman" and d.weight is not None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = ORACLES[name](d)
        except ValueError:
            assert name in OF_POSITIVE, name
            return None
    return value if math.isfinite(value) else None


def same(found: Figure, value: float | None, d: Rows, rel: float = 1e-12) -> None:
    assert found.exact, found
    if value is None or found.value is None:
        assert found.value is None, (found, value)
        assert found.reason
        return
    scale = float(np.abs(d.actual - d.predicted).max()) if found.name == "mean_error" else 1.0
    assert found.value == pytest.approx(value, rel=rel, abs=rel * scale), found.name


def test_every_metric_has_an_oracle() -> None:
    assert [m.name for m in REGRESSION] == list(ORACLES)
    assert all(m.title for m in REGRESSION)


def _lost(d: Rows) -> float:
    """How much larger the terms of scikit-learn's deviances are than their sums: `test_nothing_cancels` is where these lose digits."""
    sizes = np.average(np.abs(d.actual), weights=d.weight)
    apart = [np.average((d.actual - c) ** 2 / sizes, weights=d.weight) for c in (d.predicted, np.mean(d.actual))]
    return max(1.0, float(sizes / min(apart))) if min(apart) > 0 else 1.0


@settings(max_examples=80)
@given(drawn, st.sampled_from([1, 2, 7]))
def test_metrics_are_those_of_scikit_learn(d: Rows, cuts: int) -> None:
    if len(np.unique(d.actual[d.mass > 0])) < 2 or len(np.unique(d.predicted[d.mass > 0])) < 2:
        return
    for name, found in measure(d.profile(cuts=cuts)).items():
        same(found, expected(name, d), d, rel=1e-12 * _lost(d) if name in OF_POSITIVE else 1e-12)


@settings(max_examples=80)
@given(drawn)
def test_where_values_are_counted_in_cells_the_bound_covers(d: Rows) -> None:
    exact, binned = measure(d.profile()), measure(d.profile(BINNED))
    for name, found in binned.items():
        value = exact[name].value
        assert (found.value is None) == (value is None), name
        if found.value is not None and value is not None:
            assert abs(found.value - value) <= found.bound + 1e-12 * max(1.0, abs(value)), name


def test_bounds_are_narrow() -> None:
    d = rows("positive", 5, 40_000)
    exact, found = measure(d.profile(Reach(100_000, 100_000, folds=True))), measure(d.profile())
    assert not found["gini_norm"].exact
    for name, bound in {
        "gini_norm": 1e-3,
        "d2_absolute_error": 1e-6,
        "median_absolute_error": 1e-3,
        "spearman": 0.02,
    }.items():
        value, true = found[name].value, exact[name].value
        assert value is not None
        assert true is not None
        assert exact[name].exact, name
        assert abs(value - true) <= found[name].bound <= bound, (name, value, true, found[name].bound)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.95])
def test_pinball_losses_are_of_the_quantile_asked_for(alpha: float) -> None:
    for weighted in (False, True):
        d = rows("plain", 3, 400, weighted=weighted)
        found = measure(d.profile(), alpha=alpha)
        same(found["pinball_loss"], _sk("mean_pinball_loss", alpha=alpha)(d), d)
        same(found["d2_pinball"], _sk("d2_pinball_score", alpha=alpha)(d), d)


# --- numbers on which sums of squares and logarithms lose all their digits ---


def _decimals(d: Rows) -> dict[str, float]:
    """By the definitions, with 60 digits; unweighted."""
    with localcontext() as context:
        context.prec = 60
        y, f = ([Decimal(float(v)) for v in side] for side in (d.actual, d.predicted))
        n = Decimal(len(y))
        mean_y, mean_f = sum(y) / n, sum(f) / n
        e = [b - a for a, b in zip(y, f, strict=True)]
        squares = sum((v * v for v in e), Decimal())
        around = sum(((v - mean_y) ** 2 for v in y), Decimal())
        both = sum((a - mean_y) * (b - mean_f) for a, b in zip(y, f, strict=True))
        units: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
            "poisson": lambda a, b: 2 * (a * (a / b).ln() - a + b),
            "gamma": lambda a, b: 2 * ((b / a).ln() + a / b - 1),
            "tweedie": lambda a, b: 2 * (2 * a / b.sqrt() - 4 * a.sqrt() + 2 * b.sqrt()),
        }
        found = {
            "mse": squares / n,
            "r2": 1 - squares / around,
            "explained_variance": 1 - sum((v - sum(e) / n) ** 2 for v in e) / around,
            "mean_error": sum(e) / n,
            "pearson": both / (around * sum(((v - mean_f) ** 2 for v in f), Decimal())).sqrt(),
            "rmsle": (
                sum((((1 + b).ln() - (1 + a).ln()) ** 2 for a, b in zip(y, f, strict=True)), Decimal()) / n
            ).sqrt(),
        }
        for name, unit in units.items():
            deviance = sum((unit(a, b) for a, b in zip(y, f, strict=True)), Decimal())
            found[f"{name}_deviance"] = deviance / n
            found[f"fve_{name}"] = 1 - deviance / sum((unit(a, mean_y) for a in y), Decimal())
        return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("cuts", [1, 7])
@pytest.mark.parametrize(("middle", "spread"), [(1e9, 1.0), (1e9, 1e-3), (1.0, 1e-9), (1e-9, 1e-12), (3e5, 1.0)])
def test_nothing_cancels(middle: float, spread: float, cuts: int) -> None:
    r = np.random.default_rng(2)
    actual = middle + spread * r.normal(size=60)
    d = Rows(actual, actual + spread * r.normal(0.2, 0.5, 60))
    found = measure(d.profile(cuts=cuts))
    for name, value in _decimals(d).items():
        same(found[name], value, d, rel=1e-11)
    for step in (spread / 1024, spread / 2):  # so that predictions tie
        tied = Rows(actual, middle + np.round((d.predicted - middle) / step) * step)
        near = Rows((actual - middle) / spread, (tied.predicted - middle) / spread)
        same(measure(tied.profile(cuts=cuts))["gini_norm"], _gini(near), d, rel=1e-11)


def test_errors_near_nothing_have_deviances() -> None:
    """Where scikit-learn's formulas leave the rounding of their terms."""
    r = np.random.default_rng(3)
    actual = np.exp(r.normal(size=50))
    d = Rows(actual, actual * (1 + 1e-9 * r.normal(size=50)))
    for name, value in _decimals(d).items():
        found = measure(d.profile())[name].value
        assert found == pytest.approx(value, rel=1e-7), name  # the errors themselves have eight digits


def test_huge_numbers() -> None:
    d = Rows(np.array([1e300, -1e300, 5e299]), np.array([9e299, -8e299, 1e299]))
    found = measure(d.profile())
    for name in ("mae", "max_error", "median_absolute_error", "wape", "smape", "mape", "spearman"):
        same(found[name], expected(name, d), d)
    for name in ("mse", "rmse", "r2", "explained_variance", "pearson"):
        assert found[name].value is None
        assert "too large" in found[name].reason, name


def test_an_error_that_is_no_double_ends_no_interval() -> None:
    found = measure(Rows(np.array([0.0] * 5 + [1.7e308]), np.array([0.0] * 5 + [-1.7e308])).profile())
    assert found["median_absolute_error"].value == 0
    assert found["median_absolute_error"].low is None
    assert "too large" in found["median_absolute_error"].reason
    assert found["max_error"].value is None


def test_tiny_numbers_are_no_perfect_predictions() -> None:
    d = Rows(np.array([1e-300, 3e-300, 5e-300]), np.array([2e-300, 1e-300, 4e-300]))
    found = measure(d.profile())
    for name in (
        "mae",
        "max_error",
        "wape",
        "smape",
        "spearman",
        "poisson_deviance",
        "gamma_deviance",
        "tweedie_deviance",
        "fve_gamma",
    ):
        value = expected(name, d) if name not in {"poisson_deviance", "tweedie_deviance"} else _decimals(d)[name]
        assert found[name].value == pytest.approx(value, rel=1e-11), name
    for name in ("mse", "rmse", "r2", "explained_variance", "pearson"):
        assert found[name].value is None
        assert "too small" in found[name].reason, name


def test_numbers_of_all_sizes_together() -> None:
    d = Rows(np.array([1e-300, 1.0, 1e150, 7.0]), np.array([1e150, 2.0, 1e-300, 7.5]))
    for name, found in measure(d.profile()).items():
        if found.value is not None and name in _decimals(d) and name != "mean_error":  # of which 1e150 leaves nothing
            assert found.value == pytest.approx(_decimals(d)[name], rel=1e-10), name
        assert found.value is None or math.isfinite(found.value)


def test_quotients_that_are_no_doubles_have_logarithms() -> None:
    d = Rows(np.array([1e-300, 3.0, 4.0]), np.array([1e150, 2.0, 5.0]))
    assert measure(d.profile())["gamma_deviance"].value == pytest.approx(_decimals(d)["gamma_deviance"], rel=1e-12)


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(finite, finite, st.floats(0, 1e9)), max_size=40), st.booleans(), st.sampled_from([WHOLE, BINNED])
)
def test_any_numbers_give_finite_figures_or_reasons(
    values: list[tuple[float, float, float]], weighted: bool, reach: Reach
) -> None:
    actual, predicted, weight = np.array(values, np.float64).reshape(-1, 3).T
    profile = Rows(actual, predicted, weight if weighted else None).profile(reach)
    for figures in (measure(profile), dummy(profile)):
        for f in figures.values():
            told = [v for v in (f.value, f.low, f.high, f.bound) if v is not None]
            assert np.isfinite(told).all(), f
            assert f.value is not None or f.reason
            assert f.low is not None or f.reason


# --- what is not defined ---

_SAME = "all actual values are the same"
_OTHERS = "rows have others"


@pytest.mark.parametrize(
    ("d", "names", "reason"),
    [
        (Rows(np.array([3.0, 0.0, -1.0]), np.ones(3)), ["rmsle"], "needs values above -1: 1 row has others"),
        (Rows(np.array([3.0, 0.0]), np.array([-1.0, -7.0])), ["rmsle"], "needs values above -1: 2 rows have others"),
        (Rows(np.array([0.0, 0.0, 2.0]), np.ones(3)), ["mape"], "2 rows have an actual value of 0"),
        (Rows(np.zeros(3), np.ones(3)), ["wape"], "all actual values are 0"),
        (Rows(np.array([-1.0, 2.0]), np.ones(2)), ["poisson_deviance", "fve_tweedie"], "of 0 or above: 1 row has"),
        (Rows(np.array([0.0, 2.0]), np.ones(2)), ["gamma_deviance", "fve_gamma"], "above 0: 1 row has others"),
        (Rows(np.array([1.0, 2.0]), np.array([0.0, -1.0])), sorted(OF_POSITIVE), f"predictions above 0: 2 {_OTHERS}"),
        (Rows(np.full(9, 0.1), np.arange(9.0)), ["r2", "explained_variance", "pearson", "spearman", "gini_norm", "d2_pinball"], _SAME),
        (Rows(np.arange(9.0), np.full(9, 0.1)), ["pearson", "spearman"], "all predictions are the same"),
        (Rows(np.full(9, 0.1), np.full(9, 0.3)), ["fve_poisson", "fve_gamma", "fve_tweedie"], _SAME),
        (Rows(np.arange(9.0), np.arange(9.0)), ["interval_coverage", "interval_width"], "no row has a predicted interval"),
        (Rows(np.arange(9.0), np.arange(9.0), np.ones(9)), ["spearman"], "these have weights"),
        (Rows(np.ones(1), np.zeros(1)), ["r2", "pearson", "gini_norm"], _SAME),
    ],
)  # fmt: skip
def test_what_is_not_defined_says_why(d: Rows, names: list[str], reason: str) -> None:
    found = measure(d.profile())
    for name in names:
        assert found[name].value is None, name
        assert reason in found[name].reason, (name, found[name].reason)


@pytest.mark.parametrize(
    ("d", "reason"),
    [
        (Rows(np.empty(0), np.empty(0)), "there is no row"),
        (Rows(np.arange(3.0), np.ones(3), np.zeros(3)), "all weights are 0"),
    ],
)
def test_nothing_to_measure(d: Rows, reason: str) -> None:
    assert {f.reason for f in measure(d.profile()).values()} == {reason}
    assert {f.value for f in measure(d.profile()).values()} == {None}


def test_parts_of_the_rows_have_all_but_ranks_of_pairs() -> None:
    found = measure(rows("positive", 1, 500).profile(SEGMENT))
    assert [name for name, f in found.items() if f.value is None] == ["spearman", "interval_coverage", "interval_width"]
    assert "not kept for parts" in found["spearman"].reason
    assert found["mae"].method == found["mean_error"].method == "student"
    assert "no folds" in found["rmse"].reason
    assert measure(rows("positive", 1, 99).profile(SEGMENT))["mae"].reason == "it takes 100 rows"
    assert "no folds" in measure(rows("positive", 1, 500, weighted=True).profile(SEGMENT))["mae"].reason


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_perfect_predictions(kind: str) -> None:
    actual = rows(kind, 4, 200).actual
    found = measure(Rows(actual, actual.copy()).profile())
    for name, f in found.items():
        if f.value is not None:
            best = next(m for m in REGRESSION if m.name == name)
            assert f.value == pytest.approx(1.0 if best.better == "higher" else 0.0, rel=1e-15), name
            assert (f.low, f.high) == ((0.0, 0.0) if name == "median_absolute_error" else (None, None))


@pytest.mark.parametrize("n", [3, 7, 64, 999])
def test_what_rounding_leaves_of_equal_values_is_no_spread(n: int) -> None:
    """In what is left without a fold, too, where no one asks why."""
    found = Errors(Rows(np.full(n, 0.1), np.arange(n) / 3).profile().totals)
    turned = Errors(Rows(np.arange(n) / 3, np.full(n, 0.1)).profile().totals)
    undefined = (errors.r2, errors.explained_variance, errors.correlation, errors.explained_deviance("gamma"))
    assert [float(metric(found)[0]) for metric in undefined] == pytest.approx([math.nan] * 4, nan_ok=True)
    assert math.isnan(errors.correlation(turned)[0])


# --- weights and order ---


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_weights_are_rows_repeated(kind: str) -> None:
    d = rows(kind, 6, 150)
    times = np.random.default_rng(1).integers(1, 4, 150)
    weighed = measure(Rows(d.actual, d.predicted, times.astype(np.float64)).profile())
    for name, found in measure(d.take(np.repeat(np.arange(150), times)).profile()).items():
        if name != "spearman":
            same(weighed[name], found.value, d, rel=1e-11)


def test_rows_of_no_weight_do_not_count() -> None:
    d = rows("positive", 6, 150)
    more = Rows(np.append(d.actual, 1e9), np.append(d.predicted, 1.0), np.append(np.ones(150), 0.0))
    for name, found in measure(more.profile()).items():
        if name != "spearman":
            same(found, measure(d.profile())[name].value, d)
            assert found.rows == 151 or "interval" in name


def test_tied_rows_share_in_the_gini() -> None:
    """It is the mean over all orders of tied rows."""
    actual, predicted = np.array([1.0, 5.0, 2.0, 8.0, 3.0]), np.array([1.0, 1.0, 1.0, 2.0, 2.0])

    def in_order(order: tuple[int, ...]) -> float:
        share = np.cumsum(actual[list(order)]) / actual.sum()
        return float((share.sum() - (len(actual) + 1) / 2) / len(actual))

    orders = [o for o in itertools.permutations(range(5)) if (np.diff(predicted[list(o)]) <= 0).all()]
    best = in_order(tuple(np.argsort(-actual).tolist()))
    found = measure(Rows(actual, predicted).profile())["gini_norm"]
    assert found.value == pytest.approx(np.mean([in_order(o) for o in orders]) / best, rel=1e-12)


def test_the_order_of_rows_does_not_matter() -> None:
    d = rows("ties", 8, 300)
    other = d.take(np.random.default_rng(0).permutation(300))
    for name, found in measure(other.profile()).items():
        same(found, measure(d.profile())[name].value, d)


# --- intervals ---


def test_intervals_hold_the_value_and_say_by_which_method() -> None:
    methods = {
        "interval_coverage": "wilson", "median_absolute_error": "order statistics", "mean_error": "jackknife",
        "mae": "jackknife of the logarithm", "r2": "jackknife of log(1 - x)", "pearson": "jackknife of Fisher's z",
        "gini_norm": "delta of Fisher's z", "spearman": "delta of Fisher's z", "d2_pinball": "delta of log(1 - x)",
    }  # fmt: skip
    found = measure(rows("positive", 9, 5_000, ranges=True).profile())
    for name, f in found.items():
        if name == "max_error":
            assert f.low is None
            assert "does not tell" in f.reason
            continue
        assert f.value is not None
        assert f.low is not None
        assert f.high is not None
        assert f.low < f.value < f.high, name
        assert f.method
    assert {name: found[name].method for name in methods} == methods


def test_coverage_by_weights_is_of_fewer_rows() -> None:
    d = rows("positive", 9, 2_000, ranges=True)
    once = measure(d.profile())["interval_coverage"]
    inside = round(2_000 * (once.value or 0))
    assert (once.low, once.high) == pytest.approx((wilson(inside, 2_000).low, wilson(inside, 2_000).high))

    def by(weight: Floats) -> Figure:
        return measure(Rows(d.actual, d.predicted, weight, d.low, d.high).profile())["interval_coverage"]

    even = by(np.full(2_000, 3.0))
    assert (even.low, even.high) == pytest.approx((once.low, once.high))
    half = by((np.arange(2_000) % 2).astype(np.float64))  # as if the others were not there
    some = d.take(np.arange(1, 2_000, 2))
    wanted = measure(some.profile())["interval_coverage"]
    assert (half.value, half.low, half.high) == pytest.approx((wanted.value, wanted.low, wanted.high))


def test_errors_to_the_other_side_have_the_same_interval_on_the_other_side() -> None:
    d = rows("plain", 9, 5_000)
    found, turned = (measure(r.profile())["mean_error"] for r in (d, Rows(d.predicted, d.actual)))
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < found.high
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), rel=1e-9)


def test_few_rows_have_no_interval_of_what_is_explained() -> None:
    found = measure(rows("positive", 9, 99).profile())
    assert found["r2"].low is None
    assert found["r2"].reason == "it takes 100 rows"
    assert found["d2_pinball"].reason == "it takes 100 rows"
    assert measure(rows("positive", 9, 100).profile())["r2"].low is not None


def test_weights_have_intervals_by_folds_alone() -> None:
    found = measure(rows("positive", 9, 2_000, weighted=True, ranges=True).profile())
    assert {name for name, f in found.items() if f.low is None} == {
        "max_error", "median_absolute_error", "spearman", "gini_norm", "d2_absolute_error", "d2_pinball",
    }  # fmt: skip
    assert found["interval_coverage"].method == "wilson"
    assert all(f.reason for f in found.values() if f.low is None)


def test_what_folds_leave_is_what_all_other_rows_have() -> None:
    d = rows("positive", 12, 600, weighted=True, ranges=True)
    profile = d.profile()
    without = profile.folds.others()
    from muster.profiles.keys import hash_rows

    fold = (hash_rows(0, np.arange(600)) >> np.uint64(58)).astype(np.int64)
    for n in (0, 17, 63):
        rest = d.take(np.flatnonzero(fold != n)).profile(Reach(48, 48, folds=False)).totals
        for name, array in rest.arrays().items():
            np.testing.assert_allclose(without.arrays()[name][n], array[0], rtol=1e-9, atol=1e-9, err_msg=name)


def test_measuring_leaves_a_profile_as_it_was() -> None:
    profile = rows("positive", 9, 300).profile()
    before = {name: array.copy() for name, array in profile.arrays().items()}
    measure(profile)
    for name, array in profile.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_figures_are_json() -> None:
    for f in measure(Regression()).values():
        assert f.to_json()["value"] is None
