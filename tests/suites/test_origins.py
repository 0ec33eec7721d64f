"""The suite of predictors over every origin, each through a real registration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from muster.predictor import OpenPredictor
from muster.predictors import ORIGINS
from muster.records import Version
from muster.testing.predictor import PredictorSuite
from tests.suites.registered import Case, origins, register

BATCH = pa.record_batch({"x": [0.5, -2.0, 3.25, -8.0, 0.25]})
SAVE = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow.sklearn, pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
x, y = pandas.DataFrame({"x": [-2.0, -1.0, 1.0, 2.0]}), ["no", "no", "yes", "yes"]
model = LogisticRegression().fit(x, y)
needs = {"serialization_format": "cloudpickle", "pip_requirements": ["scikit-learn", "pandas", "cloudpickle"]}
mlflow.sklearn.save_model(model, sys.argv[1], signature=infer_signature(x, y), **needs)
"""
FUNCTION = """
INPUT = "arrow"


def predict(data):
    return [2 * x for x in data["x"].to_pylist()]
"""


def mlflow(folder: Path) -> Path:
    subprocess.run([sys.executable, "-c", SAVE, folder / "model"], check=True, capture_output=True)
    return folder / "model"


def python(folder: Path) -> Path:
    (folder / "model.py").write_text(FUNCTION)
    return folder / "model.py"


CASES = {
    "mlflow": Case(mlflow, BATCH, {"task": "binary", "classes": ["no", "yes"]}),
    "python": Case(python, BATCH, {"task": "regression"}),
}


@pytest.mark.parametrize("name", CASES, scope="class")
class TestOrigins(PredictorSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def registered(cls, name: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, OpenPredictor]:
        return register(CASES[name], tmp_path_factory.mktemp(name))

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, registered: tuple[Version, OpenPredictor]) -> OpenPredictor:
        return registered[1]

    @pytest.fixture
    def batch(self, name: str) -> pa.RecordBatch:
        return CASES[name].batch

    def test_the_source_is_of_this_origin_alone(self, name: str, registered: tuple[Version, OpenPredictor]) -> None:
        version, _ = registered
        assert version.origin == name
        assert [other for other, origin in origins().items() if origin.claims(version.source)] == [name]

    @pytest.mark.parametrize("other", ["", "no-such-file", None, 3, [], {}, object()])
    def test_what_is_no_source_is_not_claimed(self, name: str, other: object) -> None:
        assert not origins()[name].claims(other)


def test_every_origin_has_a_case() -> None:
    assert set(CASES) == set(ORIGINS)
