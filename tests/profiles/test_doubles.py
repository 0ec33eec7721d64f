"""Numbers as doubles, what that leaves out, and how far probabilities of a type are kept from 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import log_loss

from muster.metrics.classes import measure as measure_classes
from muster.metrics.multilabel import measure as measure_labels
from muster.metrics.regression import measure
from muster.profile import Rows
from muster.profiles.classification import Classification
from muster.profiles.doubles import doubles_and_rest, epsilon_of
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.multilabel import Multilabel
from muster.profiles.question import Question
from muster.profiles.regression import Regression
from muster.signature import Output


def _counted(question: Question, table: pa.Table) -> EvaluationProfile:
    profile = EvaluationProfile(question)
    for batch in table.combine_chunks().to_batches():
        profile.update(Rows(batch))
    return profile


def test_a_whole_number_is_its_double_and_the_rest() -> None:
    for kind, values in (
        (pa.int64(), [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**62 + 12_345, 7, None]),
        (pa.uint64(), [2**64 - 1, 2**63 + 513, 2**53 + 1, 0, None]),
    ):
        doubles, rest = doubles_and_rest(pa.array(values, kind))
        assert rest is not None
        found = zip(doubles.tolist(), rest.tolist(), values, strict=True)
        assert all(value is None or int(a) + int(b) == value for a, b, value in found)


@pytest.mark.parametrize(
    "column",
    [pa.array([1, 2**53 - 1]), pa.array([1e300, 0.1]), pa.array([2**31 - 1], pa.int32()), pa.array([], pa.int64())],
)
def test_of_numbers_that_are_doubles_nothing_is_left(column: pa.Array) -> None:
    assert doubles_and_rest(column)[1] is None


@pytest.mark.parametrize("whole", [True, False])
def test_errors_of_large_whole_numbers_are_exact(whole: bool) -> None:
    random = np.random.default_rng(1)
    actual = 2**62 + random.integers(0, 10**6, 500)
    predicted = actual + random.integers(-1_000, 1_000, 500)
    given = pa.array(predicted if whole else predicted.astype(np.float64))
    question = Question(output=Output("regression", pa.float64()), target="y", prediction="p")
    profile = _counted(question, pa.table({"y": actual, "p": given}))
    assert isinstance(profile.whole, Regression)
    found = measure(profile.whole)
    errors = [int(p) - int(y) for p, y in zip(given.to_pylist(), actual.tolist(), strict=True)]
    assert found["mae"].value == pytest.approx(np.mean(np.abs(errors)), rel=1e-14)
    assert found["mean_error"].value == pytest.approx(np.mean(errors), rel=1e-12)
    assert found["max_error"].value == max(map(abs, errors))
    assert found["rmse"].value == pytest.approx(float(np.sqrt(np.mean(np.square(errors)))), rel=1e-14)


@pytest.mark.parametrize(("kind", "near"), [(np.float16, 2e-3), (np.float32, 1e-6), (np.float64, 1e-12)])
def test_log_loss_is_that_of_scikit_learn_for_the_type(kind: Any, near: float) -> None:
    random = np.random.default_rng(2)
    actual = (random.random(800) < 0.4).astype(np.int64)
    score = np.where(random.random(800) < 0.03, 1 - actual, actual).astype(kind)
    question = Question(
        output=Output("binary", pa.int64(), (0, 1), probabilities=True), target="y", probabilities=("p",)
    )
    profile = _counted(question, pa.table({"y": actual, "p": score}))
    assert isinstance(profile.whole, Classification)
    value = measure_classes(profile.whole)["log_loss"].value
    assert value == pytest.approx(float(log_loss(actual, score)), rel=near)


def test_log_loss_of_labels_too() -> None:
    actual = np.array([0, 1] * 50)
    score = (1 - actual).astype(np.float32)
    output = Output("multilabel", pa.list_(pa.string()), ("a", "b"), probabilities=True)
    question = Question(output=output, target="", targets=("a", "b"), probabilities=("pa", "pb"))
    profile = _counted(question, pa.table({"a": actual, "b": actual, "pa": score, "pb": score}))
    assert isinstance(profile.whole, Multilabel)
    value = measure_labels(profile.whole, ["a", "b"])["log_loss"].value
    assert value == pytest.approx(-float(np.log(np.finfo(np.float32).eps)), rel=1e-6)


def test_the_widest_type_decides() -> None:
    single, double = pa.array([0.5], pa.float32()), pa.array([[0.5]], pa.list_(pa.float64()))
    assert epsilon_of([double]) == np.finfo(np.float64).eps
    assert epsilon_of([double, single]) == np.finfo(np.float32).eps
    assert epsilon_of([pa.array([[0.5]], pa.list_(pa.float32()))]) == np.finfo(np.float32).eps
