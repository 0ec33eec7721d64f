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


LONG = "late " * 40


@pytest.mark.parametrize(
    ("name", "before", "told"),
    [
        ("tokens", "", "a text has 42 tokens, and the model takes 24: cut it"),
        ("masked", "[MASK] ", "a text has 43 tokens, and the model takes 24: cut it"),
        ("sentences", "", "a text has 42 tokens, and the model takes 24: cut it, or give the parameter truncation=true"),
        ("continued", "", "a text has 40 tokens, and the model takes 24: cut it"),
        ("behind_padding", "", "a text has 42 tokens, and the model takes 22: cut it, or give the parameter truncation=true"),
    ],
)  # fmt: skip
def test_no_text_is_cut_unasked(name: str, before: str, told: str, hub: muster.Hub, models: Path) -> None:
    hub.register("m", models / name / "model", environment=PYTHON)
    short = f"{before}late again"
    answer = hub.predict("m", pa.table({"text": [short, before + LONG, short]}))
    assert [e is None for e in answer["error"].to_pylist()] == [True, False, True]
    assert answer["error"][1].as_py().endswith(told)


def test_places_behind_that_of_padding_are_all_used(hub: muster.Hub, models: Path) -> None:
    hub.register("m", models / "behind_padding/model", environment=PYTHON)
    answer = hub.predict("m", pa.table({"text": ["late " * 20, "late " * 21]}))
    assert [e is None for e in answer["error"].to_pylist()] == [True, False]
    assert "a text has 23 tokens, and the model takes 22" in answer["error"][1].as_py()


def test_sentences_are_cut_when_asked(hub: muster.Hub, models: Path) -> None:
    hub.register("m", models / "sentences/model", environment=PYTHON)
    answer = hub.predict("m", pa.table({"text": [LONG, "late " * 22]}), params={"truncation": True})
    first, second = answer["prediction"].to_pylist()
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_more_is_asked_for_than_fits(hub: muster.Hub, models: Path) -> None:
    hub.register("m", models / "continued/model", environment=PYTHON)
    answer = hub.predict("m", pa.table({"text": ["late again", "late " * 20]}), params={"max_new_tokens": 10})
    assert [e is None for e in answer["error"].to_pylist()] == [True, False]
    assert "ask for fewer with the parameter max_new_tokens" in answer["error"][1].as_py()


def test_what_is_drawn_by_chance_is_asked_for(hub: muster.Hub, models: Path) -> None:
    version = hub.register("m", models / "begun/model", environment=PYTHON, sample=pa.table({"text": ["late"]}))
    assert any("do_sample" in note for note in version.notes)
    rows = pa.table({"text": ["late again"] * 8})
    told = {"max_new_tokens": 6}
    same = hub.predict("m", rows, params=told)["prediction"].to_pylist()
    drawn = hub.predict("m", rows, params={**told, "do_sample": True, "temperature": 5.0})["prediction"].to_pylist()
    assert len(set(same)) == 1 < len(set(drawn))


def test_a_parameter_that_is_none_is_not_given(hub: muster.Hub, models: Path) -> None:
    hub.register("m", models / "rewritten/model", environment=PYTHON)
    rows = pa.table({"text": ["late again", "all fine"]})
    nothing = {"max_new_tokens": None, "do_sample": None, "temperature": None}
    assert hub.predict("m", rows, params=nothing)["prediction"] == hub.predict("m", rows)["prediction"]
