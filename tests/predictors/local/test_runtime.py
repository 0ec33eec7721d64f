"""Runtime parameters: given when a model loads; secrets are read then, and seen nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

import muster
from muster.errors import InvalidInput, InvalidModel, ModelFailed
from muster.predictors.local.runtime import Runtime, value_of

SECRET = 'hush"hush\\7'

MODEL = """
import sys

INPUT = "arrow"

def load(path, runtime):
    print(runtime, runtime["token"], file=sys.stderr)
    return runtime

def predict(data, model):
    if model["fail"]:
        raise ValueError(f"with {model['token']!r}, {model['token']}")
    return [float(len(model["token"]))] * len(data)
"""
MANIFEST = """
task = "regression"
[runtime]
fail = false
token = { type = "secret", default = "env:SCORES_TOKEN", description = "of the scores' server" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "model.py").write_text(MODEL)
    (made / "model.toml").write_text(MANIFEST)
    return made


def _nowhere(hub: Path, secret: str) -> None:
    for file in hub.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_a_secret_reaches_the_model_and_is_stored_logged_and_shown_nowhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORES_TOKEN", SECRET)
    sample = {"x": [1.0]}
    with muster.open(tmp_path / "hub") as hub:
        version = hub.register("scores", folder, sample=sample, environment="current")
        assert hub.predict("scores", sample)["prediction"].to_pylist() == [float(len(SECRET))]
        told = version.load["runtime"]
        assert isinstance(told, dict)
        assert told["token"] == {"type": "secret", "value": "env:SCORES_TOKEN", "description": "of the scores' server"}
        with pytest.raises(ModelFailed) as failed:
            hub.register("scores", folder, sample=sample, environment="current", runtime={"fail": "true"})
        assert failed.value.message == "the model failed: ValueError: with '****', ****"
        seen = repr((failed.value.details, failed.value.message, version))
        assert "****" in str(failed.value.details["log"])
        assert "hush" not in seen
    _nowhere(tmp_path / "hub", "hush")


def test_a_secret_of_a_file_is_read_when_a_worker_starts(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("four\n")
    with muster.open(tmp_path / "hub") as hub:
        given = {"token": f"file:{file}"}
        hub.register("scores", folder, sample={"x": [1.0]}, environment="current", runtime=given)
        assert hub.predict("scores", {"x": [1.0]})["prediction"].to_pylist() == [4.0]
    file.unlink()
    with muster.open(tmp_path / "hub") as hub, pytest.raises(InvalidInput) as missing:
        hub.predict("scores", {"x": [1.0]})
    assert str(missing.value.message) == (
        f"the model cannot be loaded: the secret `token` is in the file {file}, which cannot be read: No such file or directory"
    )


def test_all_that_has_no_value_is_told_at_once_and_never_a_secret_itself(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCORES_TOKEN", raising=False)
    with pytest.raises(InvalidInput) as wrong:
        Runtime({"a": {"type": "secret", "value": "env:SCORES_TOKEN"}, "b": {"type": "number", "value": None}})
    assert "which is not set; the runtime parameter `b` has no value and no default" in wrong.value.message
    with muster.open(tmp_path / "hub") as hub, pytest.raises(InvalidInput) as given:
        hub.register("scores", folder, sample={"x": [1.0]}, environment="current", runtime={"token": SECRET})
    assert "never itself" in given.value.message
    assert "hush" not in repr(given.value)
    _nowhere(tmp_path / "hub", "hush")


@pytest.mark.parametrize(
    ("kind", "value", "is_"),
    [
        ("number", "0.5", 0.5),
        ("number", 3, 3),
        ("number", "3", 3),
        ("boolean", "true", True),
        ("boolean", False, False),
        ("string", "x", "x"),
        ("secret", "env:X", "env:X"),
    ],
)
def test_values_are_of_their_types(kind: str, value: object, is_: object) -> None:
    assert value_of("p", kind, value) == is_  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("number", "nan"), ("number", True), ("boolean", "yes"), ("string", 1), ("secret", "env:"), ("number", "x")],
)
def test_others_are_refused(kind: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        value_of("p", kind, value)  # type: ignore[arg-type]


def test_a_manifest_says_all_that_is_wrong(folder: Path, tmp_path: Path) -> None:
    manifest = (
        '[runtime]\na = { type = "text" }\nb = { default = 1, kind = 2 }\nc = { type = "secret", default = "hush" }\n'
    )
    (folder / "model.toml").write_text('network = "yes"\n' + manifest)
    with muster.open(tmp_path / "hub") as hub, pytest.raises(InvalidModel) as wrong:
        hub.register("scores", folder, sample={"x": [1.0]})
    for part in ("`a` in [runtime]", "`b` in [runtime]", "`c` in [runtime]", "`network` in model.toml is 'yes'"):
        assert part in wrong.value.message
    assert "hush" not in wrong.value.message
