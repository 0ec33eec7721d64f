"""How a version says what its model's answers are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from muster.cli.versions import output_words
from muster.records import Reading
from muster.signature import Output
from muster.testing.records import a_version

THREE = ("high", "low", "mid")
TARGETS = {"a": Output("regression", pa.float64()), "b": Output("binary", pa.string(), ("n", "y"), probabilities=True)}
WHOLE = pa.struct([(n, o.type) for n, o in TARGETS.items()])
CASES: dict[str, tuple[dict[str, Any], Reading, list[str]]] = {
    "codes": (
        {"task": "multiclass", "output": Output("multiclass", pa.string(), THREE)},
        Reading(label="predict", classes=THREE, codes=True),
        ["prediction: string, the model's own label, from `predict`, whose numbers 0, 1, … stand for high, low, mid"],
    ),
    "activation": (
        {
            "task": "multiclass",
            "output": Output("multiclass", pa.string(), THREE, probabilities=True),
        },
        Reading(probabilities=("predict",), activation="softmax", classes=("mid", "low", "high")),
        [
            "prediction: string, the most probable class",
            "probabilities: high, low, mid, from `predict` by softmax; the model's own order is mid, low, high",
        ],
    ),
    "targets in columns of their own": (
        {"task": "multioutput", "output": Output("multioutput", WHOLE, targets=TARGETS)},
        Reading(),
        ["prediction: a (regression), b (binary), each from the column of its name"],
    ),
    "all as it is": (
        {"task": "other", "output": Output("other", pa.struct([("label", pa.string())]))},
        Reading(),
        ["prediction: all that the model answers, by the names of its columns"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_tells_where_the_answer_comes_from(name: str) -> None:
    fields, reading, words = CASES[name]
    assert output_words(replace(a_version("m", 1), threshold=None, reading=reading, **fields)) == words
