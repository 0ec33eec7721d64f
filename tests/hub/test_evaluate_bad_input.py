"""Every kind of bad input that people bring, to a version and to data that are scored already: one sentence, or the right figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest
from sklearn import metrics as sk

from muster.errors import DatasetError, InvalidInput, MusterError, RunFailed
from muster.hub import Hub
from tests.cli.helpers import call

_RANDOM = np.random.default_rng(4)
_N = 200
_P = (np.arange(_N) & 1023) / 1023.0  # what the model says of n
_P = _P / _P.max()
_LATE = np.where(_RANDOM.random(_N) < _P, "yes", "no")
VERSION = {"n": np.arange(_N), "late": _LATE}
SCORED = {"late": _LATE, "p": _P}
_ASKED: Mapping[str, Any] = {"target": "late"}
_GIVEN: Mapping[str, Any] = {"target": "late", "probabilities": ["p"], "classes": ["no", "yes"]}


def _but(values: Any, *first: Any) -> Any:
    """The values, with other first ones."""
    return pa.array([*first, *list(values)[len(first) :]])


_NO = pa.nulls(_N, pa.string())
BAD: dict[str, tuple[dict[str, Any], dict[str, Any], type[MusterError], str]] = {
    "the target is missing": ({}, {"target": "lat"}, InvalidInput, "`lat`.*; did you mean `late`"),
    "no actual value": ({"late": _NO}, {}, RunFailed, "not one of 200 rows can be evaluated: 200 rows have no value in `late`"),
    "all labels outside": ({"late": ["a"] * _N}, {}, InvalidInput, "`late` holds none of the classes no, yes, but a"),
    "all weights negative": ({"w": -np.ones(_N)}, {"weight": "w"}, RunFailed, "200 rows have no weight, or a negative one"),
    "all weights zero": ({"w": np.zeros(_N)}, {"weight": "w"}, RunFailed, "all weights in `w` are 0"),
    "all weights missing": ({"w": pa.nulls(_N, pa.float64())}, {"weight": "w"}, RunFailed, "200 rows have no weight"),
    "a threshold of 2": ({}, {"threshold": 2}, InvalidInput, "the threshold 2 is no probability"),
    "an infinite threshold": ({}, {"threshold": float("inf")}, InvalidInput, "the threshold inf is no probability"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_measured_is_told_in_a_sentence(hub: Hub, tmp_path: Path, case: str) -> None:
    columns, options, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        hub.evaluate("numbers", VERSION | columns, **{**_ASKED, **options})
    with pytest.raises(kind, match=message):
        hub.evaluate(SCORED | columns, **{**_GIVEN, **options})
    flags = [text for name, value in {**_GIVEN, **options}.items() for text in (f"--{name}", _flag(value))]
    pc.write_csv(pa.table(SCORED | columns), tmp_path / "t.csv")
    answer = call("evaluate", tmp_path / "t.csv", *flags, "--hub", hub.folder)
    assert (answer.code, "Traceback" in answer.err) == (2 if kind is InvalidInput else 1, False)
    assert re.search(message, answer.err)
    assert list(hub.evaluations()) == []


def _flag(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


_LABEL = (_P >= 0.5).astype(int)
_YES = (_LATE == "yes").astype(int)
LEFT_OUT: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, int], int]] = {
    "a class that is not known": ({"late": _but(_LATE, "new", "new")}, {}, {"class: new": 2}, 2),
    "no actual value": ({"late": _but(_LATE, None, None)}, {}, {"no target": 2}, 2),
    "probabilities outside": ({"p": _but(_P, 1.2, -0.1, float("inf"), float("nan"))}, {}, {"probabilities": 4}, 4),
    "no probability": ({"p": _but(_P, None)}, {}, {"failed": 1}, 1),
    "weights": ({"w": _but(np.ones(_N), -1.0, float("nan"), float("inf"), None)}, {"weight": "w"}, {"weight": 4}, 4),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_rows_that_cannot_count_are_told_and_the_others_are_right(hub: Hub, case: str) -> None:
    columns, options, reasons, first = LEFT_OUT[case]
    found = hub.evaluate(SCORED | columns, **{**_GIVEN, **options})
    assert (found.record.rows, found.record.counted, found.record.left_out) == (_N, _N - first, reasons)
    auc, loss = sk.roc_auc_score(_YES[first:], _P[first:]), sk.accuracy_score(_YES[first:], _LABEL[first:])
    assert found.metrics["roc_auc"].value == pytest.approx(auc, abs=1e-12)
    assert found.metrics["accuracy"].value == pytest.approx(loss, abs=1e-12)


def test_weights_of_nothing_count_for_nothing(hub: Hub) -> None:
    found = hub.evaluate(SCORED | {"w": np.r_[np.zeros(150), np.ones(50)]}, **_GIVEN, weight="w")
    assert found.metrics["accuracy"].value == pytest.approx(sk.accuracy_score(_YES[150:], _LABEL[150:]))


@pytest.mark.parametrize("label", ["no", "yes"])
def test_one_class_has_what_it_can_have(hub: Hub, tmp_path: Path, label: str) -> None:
    for found in (
        hub.evaluate(SCORED | {"late": [label] * _N}, **_GIVEN),
        hub.evaluate("numbers", VERSION | {"late": [label] * _N}, **_ASKED),
    ):
        assert found.metrics["roc_auc"].reason == "all rows have the same actual class"
        assert found.metrics["accuracy"].value is not None
        assert all(figure.value is not None or figure.reason for figure in found.metrics.values())
        found.report(tmp_path / "one.md")


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_have_figures_or_reasons(hub: Hub, tmp_path: Path, rows: int) -> None:
    numbers = {"y": [1.0, 2.0][:rows], "prediction": [1.5, 2.5][:rows]}
    labels = {"y": ["a", "b"][:rows], "prediction": ["a", "c"][:rows]}
    for found in (
        hub.evaluate(pa.table(SCORED).slice(0, rows), **_GIVEN),
        hub.evaluate(numbers, target="y"),
        hub.evaluate(labels, target="y", classes=["a", "b", "c"]),
    ):
        assert found.record.counted == rows
        assert all(figure.value is not None or figure.reason for figure in found.metrics.values())
        found.report(tmp_path / "few.html")


def test_no_rows_are_no_evaluation(hub: Hub) -> None:
    with pytest.raises(DatasetError, match="has no rows"):
        hub.evaluate(pa.table(SCORED).slice(0, 0), **_GIVEN)


def test_infinite_numbers_are_left_out(hub: Hub) -> None:
    actual, predicted = _RANDOM.normal(size=_N), _RANDOM.normal(size=_N)
    data = {"y": _but(actual, float("inf"), float("nan")), "prediction": _but(predicted, 0.0, 0.0, float("-inf"))}
    found = hub.evaluate(data, target="y")
    assert found.record.left_out == {"target": 2, "prediction": 1}
    assert found.metrics["mae"].value == pytest.approx(sk.mean_absolute_error(actual[3:], predicted[3:]), abs=1e-12)


def test_a_regression_and_a_classification_do_not_compare(hub: Hub) -> None:
    one = hub.evaluate(SCORED, **_GIVEN)
    other = hub.evaluate({"y": [1.0, 2.0], "prediction": [1.5, 2.5]}, target="y")
    for first, second in ((one, other), (other, one)):
        with pytest.raises(InvalidInput, match=f"{second.id} is of the task {second.record.task}, and {first.id} of"):
            hub.compare([first.id, second.id])
    answer = call("compare", one.id, other.id, "--hub", hub.folder)
    assert (answer.code, "is of the task regression" in answer.err) == (2, True)


UNSEEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "labels": ({"prediction": np.where(_LABEL == 1, "yes", "no")}, {"classes": ["no", "yes", "never"]}),
    "probabilities": (
        {"a": (1 - _P) * 0.9, "b": _P * 0.9, "c": np.full(_N, 0.1)},
        {"classes": ["no", "yes", "never"], "probabilities": ["a", "b", "c"]},
    ),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_a_class_that_no_row_has_is_told(hub: Hub, case: str) -> None:
    columns, options = UNSEEN[case]
    found = hub.evaluate({"late": _LATE} | columns, target="late", **options)
    assert found.record.counted == _N
    assert found.confusion is not None
    assert found.confusion[2] == [0, 0, 0]
    assert found.metrics["accuracy"].value == pytest.approx(sk.accuracy_score(_YES, _LABEL))


def test_what_needs_the_other_says_so(hub: Hub) -> None:
    """Labels without probabilities, and probabilities without labels, which are then those above a half."""
    labels = hub.evaluate(
        {"late": _LATE, "prediction": np.where(_LABEL == 1, "yes", "no")}, target="late", classes=["no", "yes"]
    )
    scores = hub.evaluate(SCORED, **_GIVEN)
    for name in ("roc_auc", "log_loss", "brier", "average_precision"):
        assert labels.metrics[name].reason == "it needs probabilities, and there are only labels"
    for name in ("accuracy", "precision", "recall", "f1", "mcc"):
        assert labels.metrics[name].value == scores.metrics[name].value
    with pytest.raises(MusterError, match="only two classes with probabilities have a threshold"):
        labels.at(0.5)
