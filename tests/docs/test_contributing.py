"""The origin of CONTRIBUTING.md is added to the letter: its file, its line in the table, its line in the suite."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidModel
from muster.extensions import load
from muster.predictor import OpenPredictor, Origin
from muster.predictors import ORIGINS
from muster.records import Version
from muster.testing.origin import OriginSuite
from muster.testing.predictor import PredictorSuite
from tests.docs.contributing import ROOT, blocks, module_of, page
from tests.suites.registered import Case, register

FILE, LINE, CASE = blocks("Add an origin")
(OUTSIDE,) = blocks("In a package of your own")
NAME, (MODULE, CLASS) = next((name, where.split(":")) for name, where in ast.literal_eval("{" + LINE + "}").items())


def linear(folder: Path) -> Path:
    file = folder / "fares.linear.json"
    file.write_text(json.dumps({"intercept": 1.5, "weights": {"distance": 0.25}}))
    return file


case: Case = eval("{" + CASE + "}", {"Case": Case, "pa": pa, "linear": linear})[NAME]


@pytest.fixture(scope="module", autouse=True)
def in_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The file is where the page says, and its line in the table."""
    module = module_of(MODULE, FILE, tmp_path_factory.mktemp("origin"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, MODULE, module)
        patch.setitem(ORIGINS, NAME, f"{MODULE}:{CLASS}")
        yield


class TestOrigin(OriginSuite):
    @pytest.fixture
    def origin(self) -> Origin:
        origin: Origin = load(f"{MODULE}:{CLASS}")()
        return origin

    @pytest.fixture
    def source(self, tmp_path: Path) -> object:
        return linear(tmp_path)


class TestPredictor(PredictorSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def registered(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, OpenPredictor]:
        return register(case, tmp_path_factory.mktemp("hub"))

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, registered: tuple[Version, OpenPredictor]) -> OpenPredictor:
        return registered[1]

    @pytest.fixture
    def batch(self) -> pa.RecordBatch:
        return case.batch

    def test_it_predicts_what_it_should(self, registered: tuple[Version, OpenPredictor], batch: pa.RecordBatch) -> None:
        version, open_predictor = registered
        assert (version.origin, version.task, version.signature.names) == (NAME, "regression", ("distance",))
        predictor = open_predictor()
        assert predictor.predict(batch).column("prediction").to_pylist() == [1.75, 2.0, 0.5, 1.5]
        predictor.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"intercept": 1}', '{"intercept": "a", "weights": {}}'])
def test_a_broken_source_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.linear.json").write_text(text)
    with muster.open(tmp_path / "hub") as hub:
        with pytest.raises(InvalidModel, match="no linear model"):
            hub.register("fares", tmp_path / "broken.linear.json")
        assert not list(hub.models())


def test_the_page_names_what_exists() -> None:
    named = set(re.findall(r"`((?:src|tests|changes|worker|datasets|stores|predictors)/[\w./-]+)`", page()))
    new = {"src/muster/predictors/linear.py", "tests/predictors/test_linear.py"}
    new |= {f"src/muster/{part}/scorehub.py" for part in ("predictors/external", "testing/endpoints")}
    new |= {"tests/predictors/external/test_scorehub.py"}
    assert new <= named
    missing = [
        name for name in named - new if not (ROOT / name).exists() and not (ROOT / "src" / "muster" / name).exists()
    ]
    assert not missing


def test_the_example_for_other_packages_is_a_suite() -> None:
    space: dict[str, object] = {"open_my_predictor": None}
    exec(compile(OUTSIDE, "CONTRIBUTING.md", "exec"), space)
    assert issubclass(space["TestMine"], PredictorSuite)  # type: ignore[arg-type]
