"""A column has one role in an evaluation; and texts are kept only where somebody said so clearly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidInput
from muster.hub import Hub

CLASSES: dict[str, Any] = {"target": "y", "classes": [0, 1]}
NUMBERS: dict[str, Any] = {"target": "f", "task": "regression"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with muster.open(tmp_path / "hub") as opened:
        yield opened


@pytest.fixture(scope="module")
def table() -> pa.Table:
    numbers = np.arange(100, dtype=float)
    return pa.table({"y": [0, 1] * 50, "p": [0.2, 0.7] * 50, "f": numbers, "g": numbers + 1, "w": [1.0, 2] * 50})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({**NUMBERS, "prediction": "f"}, "`f` is named as actual values and as predictions"),
        ({**CLASSES, "probabilities": ["y"]}, "`y` is named as actual values and as probabilities"),
        ({**CLASSES, "probabilities": ["p", "p"]}, "`p` is named twice as probabilities"),
        ({**CLASSES, "prediction": "p", "probabilities": ["p"]}, "`p` is named as predictions and as probabilities"),
        ({**NUMBERS, "prediction": "g", "weight": "f"}, "`f` is named as actual values and as weights"),
        (
            {**NUMBERS, "prediction": "g", "interval": ["f", "g"], "weight": "g"},
            "`g` is named as predictions and as an end of the interval and as weights",
        ),
        (
            {"target": ["f", "y"], "prediction": ["g", "y"], "weight": "f", "task": "multioutput"},
            "`f` is named as actual values and as weights; `y` is named as actual values and as predictions",
        ),
    ],
)
def test_a_column_is_not_held_against_itself(hub: Hub, table: pa.Table, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        hub.evaluate(table, **asked)
    assert set(told.split("; ")) <= set(caught.value.message.split("; "))


def test_also_where_nothing_is_named(hub: Hub, table: pa.Table) -> None:
    with pytest.raises(InvalidInput, match="`prediction` is named as actual values and as predictions"):
        hub.evaluate(table.append_column("prediction", table["g"]), target="prediction")


@pytest.mark.parametrize("texts", [0, 1, "no", "", [], np.int64(0)])
def test_texts_are_kept_or_not_as_it_was_said(hub: Hub, table: pa.Table, texts: Any) -> None:
    """What is meant by 0 or by "no" is not guessed: texts about people would be kept."""
    with pytest.raises(InvalidInput, match="`texts` takes true or false, and not "):
        hub.evaluate(table, **CLASSES, probabilities=["p"], texts=texts)
    several: dict[str, Any] = {"target": ["f", "w"], "prediction": ["g", "p"], "task": "multioutput"}
    with pytest.raises(InvalidInput, match="`texts` takes true or false, and not "):
        hub.evaluate(table, **several, texts=texts)


@pytest.mark.parametrize("texts", [False, np.False_, np.bool_(0)])
def test_a_boolean_of_numpy_is_a_boolean(hub: Hub, table: pa.Table, texts: Any) -> None:
    told = table.append_column("name", pa.array(["Ada", "Grace"] * 50))
    found = hub.evaluate(told, **CLASSES, probabilities=["p"], texts=texts)
    assert found.profile.question.texts is False
    assert "Grace" not in str(found.profile.columns.figures())
    kept = hub.evaluate(told, **CLASSES, probabilities=["p"], texts=not texts)
    asked: dict[str, Any] = {**CLASSES, "texts": np.True_}
    assert hub.evaluate(told, **asked, probabilities=["p"]).profile.question.texts is True
    assert "Grace" in str(kept.profile.columns.figures())
