"""Networks give scores or probabilities, and only their last layer tells which: nothing is guessed by the look of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.predictor import Declared, Description
from muster.predictors.local.deciding import Decision, decide
from muster.signature import Json

SCORES = [[0.2, 0.5, 0.9], [0.1, 0.6, 0.4]]
SHARES = [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3]]
CLASSES = ("a", "b", "c")


def decided(rows: list[list[float]], scores: str | None, **declared: Any) -> Decision:
    facts: dict[str, Json] = {
        "methods": ["predict"],
        "classes": None,
        "kind": None,
        "objective": None,
        "scores": scores,
    }
    flat = pa.array(np.asarray(rows, np.float32).reshape(-1))
    raw = pa.record_batch({"predict": pa.FixedSizeListArray.from_arrays(flat, len(rows[0]))})
    return decide(facts, raw, Declared(**declared), Description(source=""))


def test_scores_that_look_like_probabilities_are_asked_about() -> None:
    for rows, classes in ((SCORES, CLASSES), ([[0.2], [0.9]], ("no", "yes"))):
        with pytest.raises(InvalidInput, match="scores or probabilities") as caught:
            decided(rows, "unknown", classes=classes)
        assert "output={'activation': …}" in str(caught.value.hint)
    with pytest.raises(InvalidInput, match="scores or probabilities"):
        decided(SCORES, "unknown", task="multilabel", classes=CLASSES)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_what_is_declared_stands(activation: str) -> None:
    rows, classes = ([[0.2], [0.9]], ("no", "yes")) if activation != "softmax" else (SCORES, CLASSES)
    found = decided(rows, "unknown", classes=classes, output={"activation": activation})
    assert found.reading.activation == activation
    assert found.reading.probabilities == ("predict",)


def test_rows_that_add_up_to_one_are_probabilities() -> None:
    assert decided(SHARES, "unknown", classes=CLASSES).reading.activation == "none"
    with pytest.raises(InvalidInput, match="scores or probabilities"):  # they add up, and one is below 0
        decided([[1.2, -0.4, 0.2], [0.1, 0.6, 0.3]], "unknown", classes=CLASSES)


def test_a_last_layer_that_tells_is_not_asked_about() -> None:
    assert decided([[0.0], [1.0]], "probabilities", classes=("no", "yes")).reading.probabilities == ("predict",)
    found = decided(np.log(SHARES).tolist(), "logarithms", classes=CLASSES)
    assert found.reading.activation == "exp"


def test_numbers_of_a_network_are_no_regression_by_their_look() -> None:
    with pytest.raises(InvalidInput, match=r"a network that gives numbers from -3 to 4\.5") as caught:
        decided([[-3.0], [4.5]], "unknown")
    assert "task='regression'" in str(caught.value.hint)
    assert decided([[-3.0], [4.5]], "unknown", task="regression").task == "regression"
    assert decided([[-3.0], [4.5]], None).task == "regression"  # as for any other model
    with pytest.raises(InvalidInput) as caught:
        decided(SCORES, "unknown")
    assert "'activation'" in str(caught.value.hint)
