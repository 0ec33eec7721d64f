"""Recorded answers of real endpoints, read by themselves and again by what was found in them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.outputs import output_of
from muster.predictors.external.codecs.public import decode as decode_at_once
from muster.predictors.external.codecs.recognise import recognise
from muster.predictors.external.codecs.spec import ResponseSpec
from muster.signature import canonical

ENTRIES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "responses.json").read_text())["entries"]


def agree(answer: pa.RecordBatch, entry: dict[str, Any]) -> None:
    expected = entry["expected"]
    assert answer.num_rows == entry["n_rows"]
    assert "error" not in answer.schema.names
    predictions = answer.column("prediction").to_pylist()
    if entry["task"] == "regression":
        for found, wanted in zip(predictions, expected["predictions"], strict=True):
            assert math.isclose(found, wanted, rel_tol=1e-9)
    else:
        assert list(map(canonical, predictions)) == list(map(canonical, expected["predictions"]))
    assert ("probabilities" in answer.schema.names) == (expected["probabilities"] is not None)
    if expected["probabilities"] is not None:
        for row, wanted_row in zip(answer.column("probabilities").to_pylist(), expected["probabilities"], strict=True):
            for found, wanted in zip(row, wanted_row, strict=True):
                assert math.isclose(found, wanted, rel_tol=0, abs_tol=1e-9)


@pytest.mark.parametrize("entry", ENTRIES, ids=[e["id"] for e in ENTRIES])
def test_is_read_as_it_was_meant(entry: dict[str, Any]) -> None:
    classes = entry["classes"] if entry["classes_from"] == "config" else None
    body = entry["response_body"].encode()
    answer = decode_at_once(
        body,
        content_type=entry["content_type"],
        rows=entry["n_rows"],
        task=entry["task"],
        classes=classes,
        spec=entry["hints"] or "auto",
    )
    agree(answer, entry)
    spec = recognise(body, entry["content_type"], entry["n_rows"], entry["task"], classes, entry["hints"])
    assert spec.frozen
    stored = ResponseSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert stored == spec
    again = decode(body, entry["content_type"], entry["n_rows"], output_of(stored, entry["task"], classes), stored)
    assert again.equals(answer)
    if entry["classes_from"] == "body":
        assert [canonical(c) for c in spec.meaning.classes] == [canonical(c) for c in entry["classes"]]


def test_there_are_all() -> None:
    assert len(ENTRIES) == 42
