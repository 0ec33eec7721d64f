"""The best constant against scikit-learn's figures of the same constant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.dummy import DummyRegressor

from muster.metrics.baseline import dummy
from muster.metrics.regression import REGRESSION
from muster.profiles.regression import WHOLE, Reach
from tests.metrics.numbers import BINNED, KINDS, Rows, rows
from tests.metrics.test_regression import ORACLES, drawn, expected

OF_MEAN = {
    "mse", "rmse", "r2", "explained_variance", "mean_error", "rmsle",
    "poisson_deviance", "fve_poisson", "gamma_deviance", "fve_gamma", "tweedie_deviance", "fve_tweedie",
}  # fmt: skip
NONE = {"pearson", "spearman", "interval_coverage", "interval_width"}


def _constant(d: Rows, alpha: float | None = None) -> Rows:
    options = {"strategy": "mean"} if alpha is None else {"strategy": "quantile", "quantile": alpha}
    found = DummyRegressor(**options).fit(np.zeros((len(d), 1)), d.actual, d.weight)
    return Rows(d.actual, np.full(len(d), float(found.constant_.item())), d.weight)


@settings(max_examples=60)
@given(drawn)
def test_it_is_what_a_constant_would_have_reached(d: Rows) -> None:
    d = d.take(np.flatnonzero(d.mass > 0))
    if len(np.unique(d.actual)) < 2:
        return
    mean = _constant(d)
    for name, found in dummy(d.profile()).items():
        if name in NONE:
            assert found.value is None
            continue
        # scikit-learn's median of an even number is not numpy's, which the least absolute error does not mind
        median = Rows(d.actual, np.full(len(d), _median(d)), d.weight)
        value = expected(name, mean if name in OF_MEAN else median)
        assert found.exact
        if value is None:
            assert found.value is None, name
            assert found.reason
        else:
            scale = float(np.abs(d.actual).max()) if name == "mean_error" else 1.0
            assert found.value == pytest.approx(value, rel=1e-9, abs=1e-9 * scale), name


def _median(d: Rows) -> float:
    order = np.argsort(d.actual, kind="stable")
    if d.weight is None:
        return float(np.median(d.actual))
    upto = np.cumsum(d.weight[order])
    return float(d.actual[order][np.searchsorted(upto, upto[-1] / 2)])


@settings(max_examples=60)
@given(drawn)
def test_in_cells_the_bound_covers(d: Rows) -> None:
    exact, binned = dummy(d.profile()), dummy(d.profile(BINNED))
    for name, found in binned.items():
        value = exact[name].value
        assert (found.value is None) == (value is None), name
        if found.value is not None and value is not None:
            assert abs(found.value - value) <= found.bound + 1e-12 * max(1.0, abs(value)), name


def test_rows_that_are_the_constant_lie_somewhere_in_its_cell() -> None:
    steps = 0.01 * np.arange(1, 31)
    actual = np.concatenate([np.full(2_000, 2.3), 1.3 - steps, 3.3 + steps])
    d = Rows(actual, np.ones(len(actual)))
    exact, binned = (dummy(d.profile(reach))["rmsle"] for reach in (WHOLE, Reach(8, 8, folds=False)))
    assert exact.value is not None
    assert binned.value is not None
    assert 0 < abs(binned.value - exact.value) <= binned.bound


@pytest.mark.parametrize("alpha", [0.1, 0.9])
def test_the_pinball_loss_is_that_of_the_quantile(alpha: float) -> None:
    d = rows("positive", 3, 501)
    from sklearn.metrics import mean_pinball_loss

    value = mean_pinball_loss(d.actual, _constant(d, alpha).predicted, alpha=alpha)
    assert dummy(d.profile(), alpha=alpha)["pinball_loss"].value == pytest.approx(value, rel=1e-12)


def test_it_has_a_figure_for_every_metric_and_says_why_there_is_none() -> None:
    for d in (rows("plain", 1, 50), Rows(np.empty(0), np.empty(0)), Rows(np.ones(3), np.ones(3), np.zeros(3))):
        found = dummy(d.profile())
        assert list(found) == [m.name for m in REGRESSION] == list(ORACLES)
        assert all(f.reason for f in found.values())
        assert all(f.low is None for f in found.values())
    assert found["mae"].reason == "all weights are 0"


@pytest.mark.parametrize(
    ("actual", "name", "reason"),
    [
        ([1.0, 0.0], "mape", "percentage of 0"),
        ([0.0, 0.0], "wape", "all actual values are 0"),
        ([2.0, 2.0], "r2", "all actual values are the same"),
        ([2.0, -1.0], "rmsle", "above -1"),
        ([2.0, -1.0], "poisson_deviance", "0 or above"),
        ([2.0, 0.0], "gamma_deviance", "above 0"),
        ([2.0, 0.0], "fve_gamma", "not defined"),
        ([2.0, 1.0], "pearson", "no order"),
        ([2.0, 1.0], "interval_width", "no interval"),
    ],
)
def test_what_is_not_defined_says_why(actual: list[float], name: str, reason: str) -> None:
    found = dummy(Rows(np.array(actual), np.ones(len(actual))).profile())[name]
    assert found.value is None
    assert reason in found.reason


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_model_that_is_the_constant_is_as_good(kind: str) -> None:
    from muster.metrics.regression import measure

    d = _constant(rows(kind, 5, 301))
    model, constant = measure(d.profile()), dummy(d.profile())
    for name in OF_MEAN | {"gini_norm"}:
        value = model[name].value
        if value is not None and constant[name].value is not None:
            assert value == pytest.approx(constant[name].value, rel=1e-9, abs=1e-9), name
