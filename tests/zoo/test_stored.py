"""Real models of every light flavor, saved by MLflow 1.30 to 3, predict row by row what their own libraries do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.errors import InvalidInput
from muster.predictors.mlflow import MlflowOrigin
from tests.zoo.build import ROOT, STORED
from tests.zoo.inprocess import register, untouched
from tests.zoo.stored import assert_same, names, reason, stored

# The libraries themselves warn, mlflow of each older model.
pytestmark = pytest.mark.filterwarnings("ignore")

NAMES = list(names())


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    with untouched():
        yield


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_the_library(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if why := reason(name):
        pytest.skip(why)
    model, case = stored(name), stored(name).case
    sample = model.data if case.get("sample") else None
    if "asks" in case:
        (tmp_path / "asked").mkdir()
        with pytest.raises(InvalidInput) as caught:
            register(monkeypatch, MlflowOrigin(), model.source, tmp_path / "asked", sample)
        assert case["asks"] in f"{caught.value} {caught.value.hint}"
    found = register(monkeypatch, MlflowOrigin(), model.source, tmp_path, sample, **case.get("declare", {}))
    assert found.finding.task == case["task"]
    assert list(found.finding.output.classes) == case.get("classes", [])
    assert_same(found.predict(model.data), model.expected, near=case.get("near", 1e-9))


@pytest.mark.parametrize("name", NAMES)
def test_is_described_without_being_loaded(name: str, tmp_path: Path) -> None:
    found = MlflowOrigin().describe(stored(name).source, tmp_path)
    assert found.requirements
    assert found.python


def test_nothing_stored_names_this_machine() -> None:
    told = [str(ROOT).encode(), str(Path.home()).encode(), b"/tmp/", b"http://", b"https://"]
    for file in STORED.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert not [t for t in told if t in data], file
