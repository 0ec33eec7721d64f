"""What an exported model answers through MLflow is what Muster predicts of the same raw answer, and nothing where Muster rejects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import ModelFailed
from muster.predictors import guarded
from muster.predictors.answers import check
from muster.predictors.local.reading import read
from muster.predictors.mlmodel.export import answered
from muster.records import Reading
from muster.signature import Output, Scalar
from muster.worker import exported

NUMBERS = st.one_of(st.floats(0, 1), st.sampled_from([math.nan, math.inf, -0.5, 1.5, 0.5]), st.none())


def _alike(raw: pa.RecordBatch, reading: Reading, output: Output, threshold: float | None = None) -> None:
    ours = exported._answer(raw, answered(reading, output, threshold))
    label = None if threshold is None else guarded.by_threshold(threshold, output)
    theirs = check(read(raw, reading, output), raw.num_rows, output, label)
    found, expected = ours["prediction"].tolist(), theirs.column("prediction").to_pylist()
    if output.task == "regression":
        assert [None if _nothing(v) else v for v in found] == pytest.approx(expected)
    else:
        assert found == expected
    if output.probabilities and output.classes:
        scores = ours[[c for c in ours.columns if c.startswith("probability_")]].to_numpy()
        for row, probabilities in zip(scores, theirs.column("probabilities").to_pylist(), strict=True):
            if probabilities is not None:
                np.testing.assert_allclose(row, probabilities, atol=2e-6)


def _nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _rows(count: int, width: int) -> st.SearchStrategy[list[Any]]:
    sound = st.lists(st.floats(0.01, 1), min_size=width, max_size=width).map(lambda v: [x / sum(v) for x in v])
    odd = st.lists(NUMBERS, min_size=width, max_size=width)
    return st.lists(st.one_of(sound, sound, odd, st.none()), min_size=count, max_size=count)


@given(data=st.data(), width=st.integers(2, 4))
def test_one_class_of_several(data: st.DataObject, width: int) -> None:
    classes: Sequence[Scalar] = data.draw(st.sampled_from([list("abcd")[:width], list(range(3, 3 + width))]))
    order = tuple(data.draw(st.permutations(classes)))
    scores = pa.array(data.draw(_rows(6, width)), pa.list_(pa.float64(), width))
    labels = pa.array(data.draw(st.lists(st.sampled_from([*classes, None]), min_size=6, max_size=6)))
    kind = pa.string() if isinstance(classes[0], str) else pa.int64()
    output = Output("binary" if width == 2 else "multiclass", kind, tuple(classes), probabilities=True)
    reading = Reading(probabilities=("p",), classes=order)
    raw = pa.record_batch({"p": scores, "l": labels.cast(kind)})
    _alike(raw, reading, output)
    _alike(raw, replace(reading, label="l"), output)
    if width == 2:
        _alike(raw, replace(reading, label="l"), output, data.draw(st.floats(0, 1)))
    _alike(raw, Reading(label="l", classes=order), replace(output, probabilities=False))


@given(data=st.data())
def test_several_labels(data: st.DataObject) -> None:
    classes = ("a", "b", "c")
    order = tuple(data.draw(st.permutations(classes)))
    some = st.one_of(st.none(), st.lists(st.sampled_from(classes), unique=True))
    lists = pa.list_(pa.float64(), 3)
    raw = pa.record_batch(
        {
            "p": pa.array(data.draw(_rows(6, 3)), lists),
            "f": pa.array(data.draw(_rows(6, 3)), lists),
            "n": pa.array(data.draw(st.lists(some, min_size=6, max_size=6)), pa.list_(pa.string())),
        }
    )
    output = Output("multilabel", pa.list_(pa.bool_(), 3), classes, probabilities=True)
    for reading in (
        Reading(probabilities=("p",), classes=order),
        Reading(probabilities=("p",), label="f", classes=order),
        Reading(probabilities=("p",), label="n", classes=order),
    ):
        _alike(raw, reading, output)


@given(values=st.lists(NUMBERS, min_size=1, max_size=6))
def test_a_value(values: list[Any]) -> None:
    output = Output("regression", pa.float64())
    _alike(pa.record_batch({"v": pa.array(values, pa.float64())}), Reading(value="v"), output)
    lists = pa.array([None if v is None else [v] for v in values], pa.list_(pa.float64(), 1))
    _alike(pa.record_batch({"v": lists}), Reading(value="v"), output)


def test_a_label_that_is_no_class_is_refused_as_muster_refuses_it() -> None:
    raw = pa.record_batch({"n": pa.array([["a"], ["a", "zzz"]])})
    reading, output = Reading(label="n"), Output("multilabel", pa.list_(pa.bool_(), 2), ("a", "b"), probabilities=False)
    with pytest.raises(ModelFailed, match="none of its classes"):
        read(raw, reading, output)
    with pytest.raises(ValueError, match="none of its classes: zzz"):
        exported._answer(raw, answered(reading, output, None))


def test_targets_of_rows_without_an_answer() -> None:
    struct = pa.array([{"x": 1.0, "y": "a"}, None, {"x": None, "y": "zzz"}])
    lists = pa.array([[1.0, 2.0], None, [3.0, None]], pa.list_(pa.float64(), 2))
    one = Output("regression", pa.float64())
    two = Output("binary", pa.string(), ("a", "b"), probabilities=False)
    kinds = {"x": one, "y": two}
    output = Output("multioutput", pa.struct({"x": pa.float64(), "y": pa.string()}), targets=kinds)
    found = exported._answer(pa.record_batch({"v": struct}), answered(Reading(value="v"), output, None))[
        "prediction"
    ].tolist()
    assert found[0] == {"x": 1.0, "y": "a"}
    assert math.isnan(found[1]["x"])
    assert [found[1]["y"], found[2]["y"]] == [None, None]
    both = replace(output, type=pa.struct({"x": pa.float64(), "y": pa.float64()}), targets={"x": one, "y": one})
    found = exported._answer(pa.record_batch({"v": lists}), answered(Reading(value="v"), both, None))[
        "prediction"
    ].tolist()
    assert [row["x"] for row in found[::2]] == [1.0, 3.0]
    assert math.isnan(found[1]["y"])
