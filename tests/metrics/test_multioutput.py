"""Means over several targets against scikit-learn's `uniform_average`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from muster.metrics.baseline import dummy as dummy_of
from muster.metrics.classes import measure as measure_classes
from muster.metrics.differences import paired as paired_alone
from muster.metrics.figure import Interval
from muster.metrics.multioutput import dummy, measure, paired
from muster.metrics.regression import measure as measure_numbers
from muster.profiles.classification import Classification
from muster.profiles.keys import hash_rows
from muster.profiles.multioutput import Multioutput, Several
from muster.profiles.regression import Predicted, Regression
from muster.profiles.tally import Classified, Probabilities
from muster.signature import Output

NUMBER = Output("regression", pa.float64())
KIND = Output("binary", pa.string(), ("no", "yes"), True)
COLOUR = Output("multiclass", pa.string(), ("a", "b", "c"), True)
Floats = np.typing.NDArray[np.float64]


def numbers(
    seed: int, rows: int = 500, targets: int = 3, *, weighted: bool = False, noise: float = 1.0
) -> tuple[Floats, Floats, Floats | None, Multioutput]:
    random = np.random.default_rng(seed)
    actual = random.gamma(2, 10.0 ** np.arange(targets), (rows, targets)) + 1
    predicted = actual * np.exp(noise * random.normal(0, 0.3, (rows, targets)))
    weight = random.random(rows) + 0.1 if weighted else None
    found = Multioutput({f"y{n}": NUMBER for n in range(targets)}, frozenset(), weighted=weighted)
    each = tuple(Predicted.of(y, f, weight) for y, f in zip(actual.T, predicted.T, strict=True))
    found.add(Several(each), hash_rows(0, np.arange(rows)))
    return actual, predicted, weight, found


ORACLES: dict[str, Callable[..., Any]] = {
    "mae": sk.mean_absolute_error,
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "rmsle": sk.root_mean_squared_log_error,
    "mape": sk.mean_absolute_percentage_error,
    "median_absolute_error": sk.median_absolute_error,
    "r2": sk.r2_score,
    "explained_variance": sk.explained_variance_score,
    "d2_absolute_error": sk.d2_absolute_error_score,
    "pinball_loss": sk.mean_pinball_loss,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("targets", [1, 2, 4])
def test_means_are_the_uniform_averages_of_scikit_learn(targets: int, weighted: bool) -> None:
    actual, predicted, weight, profile = numbers(targets, targets=targets, weighted=weighted)
    found = measure(profile)
    for name, oracle in ORACLES.items():
        expected = oracle(actual, predicted, sample_weight=weight, multioutput="uniform_average")
        figure = found[f"{name}_uniform_average"]
        assert figure.value is not None, name
        assert abs(figure.value - expected) <= figure.bound + 1e-9 * abs(expected), name
        assert figure.rows == 500


def test_each_target_has_the_figures_that_it_has_alone() -> None:
    actual, predicted, _, profile = numbers(5)
    for n, target in enumerate(profile.targets.values()):
        assert isinstance(target, Regression)
        found = measure_numbers(target)
        assert found["rmse"].value == pytest.approx(sk.root_mean_squared_error(actual[:, n], predicted[:, n]))
        alone = Regression()
        alone.add(Predicted.of(actual[:, n], predicted[:, n]), hash_rows(0, np.arange(500)))
        assert measure_numbers(alone) == found


def _mixed(seed: int, rows: int = 600) -> Multioutput:
    random = np.random.default_rng(seed)
    found = Multioutput({"price": NUMBER, "late": KIND, "colour": COLOUR}, frozenset({"late", "colour"}))
    price = random.gamma(2, 50, rows)
    late, colour = random.integers(0, 2, rows), random.integers(0, 3, rows)
    given = [random.dirichlet(np.ones(k), rows) + np.eye(k)[y] * 0.5 for k, y in ((2, late), (3, colour))]
    given = [g / g.sum(1, keepdims=True) for g in given]
    each: tuple[Classified | Predicted, ...] = (
        Predicted.of(price, price * random.lognormal(0, 0.2, rows)),
        *(Classified(y, g.argmax(1), None, Probabilities.of(g, y)) for y, g in zip((late, colour), given, strict=True)),
    )
    found.add(Several(each), hash_rows(0, np.arange(rows)))
    return found


def test_numbers_and_classes_are_averaged_apart() -> None:
    profile = _mixed(1)
    found = measure(profile)
    price, late, colour = profile.targets.values()
    assert isinstance(price, Regression)
    assert isinstance(late, Classification)
    assert isinstance(colour, Classification)
    own = measure_numbers(price)["rmse"]
    mean = found["rmse_uniform_average"]
    assert (mean.value, mean.low, mean.high) == (own.value, own.low, own.high)
    for name in ("accuracy", "log_loss", "balanced_accuracy"):
        each = [measure_classes(t)[name] for t in (late, colour)]
        mean = found[f"{name}_uniform_average"]
        assert mean.value == pytest.approx(np.mean([f.value for f in each]))
        assert mean.low is not None
        assert mean.high is not None
        assert mean.high - mean.low < max(f.high - f.low for f in each)  # type: ignore[operator]
    assert "roc_auc_uniform_average" not in found, "of two classes alone"


def test_a_target_without_a_figure_is_named() -> None:
    random = np.random.default_rng(1)
    profile = Multioutput({"good": NUMBER, "odd": NUMBER}, frozenset())
    y = random.random(200)
    each = (Predicted.of(y, y + 0.1 * random.normal(size=200)), Predicted.of(np.zeros(200), y))
    profile.add(Several(each), hash_rows(0, np.arange(200)))
    found = measure(profile)
    assert found["r2_uniform_average"].value is None
    assert found["r2_uniform_average"].reason == "`odd`: all actual values are the same"
    assert found["mae_uniform_average"].value is not None
    none = measure(Multioutput({"good": NUMBER, "late": KIND}, frozenset()))
    assert {f.value for f in none.values()} == {None}
    assert all(f.reason for f in none.values())


def test_few_mistakes_give_no_interval_of_a_mean() -> None:
    profile = Multioutput({"a": KIND, "b": KIND}, frozenset())
    y = np.arange(400) % 2
    each = (Classified(y, np.where(np.arange(400) < 5, 1 - y, y)), Classified(y, 1 - y))
    profile.add(Several(each), hash_rows(0, np.arange(400)))
    found = measure(profile)["accuracy_uniform_average"]
    assert found.value == pytest.approx(395 / 800)
    assert found.low is None
    assert found.reason == "fewer than 20 rows are predicted wrong"


def test_the_dummy_is_the_mean_of_the_best_constants() -> None:
    profile = numbers(7)[3]
    found = dummy(profile)
    each = [dummy_of(t)["mae"].value for t in profile.targets.values() if isinstance(t, Regression)]
    assert found["mae_uniform_average"] == pytest.approx(np.mean(each))  # type: ignore[arg-type]
    assert found["r2_uniform_average"] == 0.0


def test_paired_differences_are_of_each_fold() -> None:
    one, other = numbers(8)[3], numbers(8, noise=1.2)[3]
    found = paired(one, other)
    before, after = measure(one), measure(other)
    for name in ("rmse_uniform_average", "mae_uniform_average", "r2_uniform_average"):
        values = found[name]
        assert isinstance(values, np.ndarray)
        assert len(values) == 64
        assert values.mean() == pytest.approx(after[name].value - before[name].value, rel=0.2), name  # type: ignore[operator]
    assert "max_error_uniform_average" not in found


@pytest.mark.parametrize(("changed", "reason"), [
    (5, "the predictions of both differ on too few rows"),
    (0, "the predictions of both say the same of all rows that count for it"),
])  # fmt: skip
def test_numbers_that_differ_on_few_rows_have_no_interval_of_the_difference(changed: int, reason: str) -> None:
    actual, predicted, _, one = numbers(8)
    moved = predicted.copy()
    moved[:changed] = actual[:changed]
    other = Multioutput({f"y{n}": NUMBER for n in range(3)}, frozenset())
    each = tuple(Predicted.of(y, f) for y, f in zip(actual.T, moved.T, strict=True))
    other.add(Several(each), hash_rows(0, np.arange(500)))
    alone = paired_alone(one.targets["y0"], other.targets["y0"])
    for found in (paired(one, other)["mae_uniform_average"], alone["mae"]):
        assert isinstance(found, Interval)
        assert found.reason == reason
