from __future__ import annotations

from pathlib import Path

import pytest

import muster
from muster.registry.unrecognised import _FOREIGN, unrecognised


def test_pmml_is_known_and_said_not_to_run(tmp_path: Path) -> None:
    (tmp_path / "tree.PMML").write_text('<PMML version="4.4"/>')
    with muster.open(tmp_path / "hub") as hub, pytest.raises(muster.MusterError) as raised:
        hub.register("tree", tmp_path / "tree.PMML")
    assert "is a PMML document, which Muster does not run" in raised.value.message
    assert "convert it to ONNX, or write a model.py" in raised.value.hint


@pytest.mark.parametrize("suffix", _FOREIGN)
def test_what_is_not_run_is_told_with_a_way_to_bring_it(suffix: str) -> None:
    error = unrecognised(f"somewhere/model{suffix}", ["onnx"])
    assert "not a model that Muster recognises" not in error.message
    assert error.hint


@pytest.mark.parametrize("name", ["model_index.json", "llama.Q4.gguf", "saved_model.pb"])
def test_a_folder_that_is_not_run_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    error = unrecognised(tmp_path, ["onnx"])
    assert "not a model that Muster recognises" not in error.message
    assert "model.py" in error.hint


def test_anything_else_is_told_what_there_is() -> None:
    assert "origins are mlflow, onnx" in unrecognised(Path("model.xyz"), ["mlflow", "onnx"]).hint
    assert "an object of type int" in unrecognised(3, ["onnx"]).message
