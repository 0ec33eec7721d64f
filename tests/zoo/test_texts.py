"""Rows that a model of texts cannot take, weights that are not its own, and what is declared of it: with the real library."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import muster
from tests.zoo.build import ENVIRONMENTS
from tests.zoo.test_lines import made

pytestmark = [pytest.mark.deep, pytest.mark.timeout(3600)]

PYTHON = ENVIRONMENTS / "3-huggingface/bin/python"


@pytest.fixture(scope="module")
def models() -> Path:
    return made("3", "huggingface")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[muster.Hub]:
    with muster.open(tmp_path / "hub") as hub:
        yield hub


def test_a_row_that_it_cannot_take_is_rejected_by_itself(hub: muster.Hub, models: Path) -> None:
    version = hub.register("m", models / "three/model", environment=PYTHON)
    assert version.signature.names == ("text",)
    assert "there was no sample: the model was asked about a text of Muster's own" in version.notes
    texts = ["late again", None, "late " * 40, "", "all fine"]
    answer = hub.predict("m", pa.table({"text": texts}))
    alone = hub.predict("m", pa.table({"text": texts[:1]}))
    np.testing.assert_allclose(answer["probabilities"][0].as_py(), alone["probabilities"][0].as_py(), rtol=1e-6)
    assert [e is None for e in answer["error"].to_pylist()] == [True, False, False, True, True]
    assert "null" in answer["error"][1].as_py()
    assert "a text has 42 tokens, and the model takes 24" in answer["error"][2].as_py()
    cut = hub.predict("m", pa.table({"text": texts}), params={"truncation": True})
    assert [e is None for e in cut["error"].to_pylist()] == [True, False, True, True, True]


def test_what_is_declared_reads_the_same_scores(hub: muster.Hub, models: Path) -> None:
    rows = pa.table({"text": ["late again", "all fine"]})
    hub.register("one", models / "three/model", environment=PYTHON, task="multilabel")
    hub.register("other", models / "three/model", environment=PYTHON, task="other")
    scores = np.array(hub.predict("other", rows)["prediction"].to_pylist())
    found = hub.predict("one", rows)["probabilities"].to_pylist()
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-scores)), rtol=1e-6)
    for name in ("value", "one_number"):  # one through the sigmoid that is read, one through the pipeline's own
        of_one = hub.register(name, models / name / "model", environment=PYTHON, task="binary", classes=["no", "yes"])
        assert of_one.probe is not None
        first: Any = of_one.probe.first[0]
        assert 0 < first["probabilities"][1] < 1
        assert sum(first["probabilities"]) == pytest.approx(1)


def test_weights_without_the_part_that_classifies_are_refused(hub: muster.Hub, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "headless"
    shutil.copytree(models / "token_vectors/model", folder)
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, "architectures": ["BertForSequenceClassification"]}))
    with pytest.raises(muster.MusterError, match="its weights are not those of its architecture: 2 of them") as raised:
        hub.register("m", folder, environment=PYTHON)
    assert "classifier.bias, classifier.weight" in raised.value.message
    assert not list(hub.models())
