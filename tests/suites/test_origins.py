"""The suites of origins over every origin, in real workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from muster.extensions import load
from muster.predictor import Declared, Description, Origin, Site
from muster.predictors import ORIGINS
from muster.predictors.booster import BoosterOrigin
from muster.predictors.huggingface import HuggingFaceOrigin
from muster.predictors.local.artifact import store
from muster.predictors.local.site import LocalSite
from muster.predictors.mlflow import MlflowOrigin
from muster.predictors.onnx import OnnxOrigin
from muster.predictors.python import PythonOrigin
from muster.records import Environment
from muster.stores.memory import MemoryBlobs
from muster.testing.origin import OriginSuite
from muster.testing.origin_model import OriginModelSuite, Place
from tests.predictors.pretrained import save
from tests.worker.doubles import settings
from tests.worker.versions import Here
from tests.zoo.entries import entry


@dataclass(frozen=True)
class Case:
    """A source of an origin, and what its model answers."""

    origin: Callable[[], Origin]
    source: Callable[[Path], object]
    sample: Callable[[], pa.Table]
    expected: Callable[[], pa.Table]
    declared: dict[str, Any] = field(default_factory=dict)
    runs: bool = True
    """Whether its libraries are here; those of the others take gigabytes, and tests/zoo compares what they answer."""


def of_zoo(name: str) -> Case:
    return Case(
        PythonOrigin if name.startswith("file_") else MlflowOrigin,
        lambda _: entry(name).source,
        lambda: entry(name).data.slice(0, 60),
        lambda: entry(name).expected.slice(0, 60),
        _declared(name),
    )


def _declared(name: str) -> dict[str, Any]:
    return (
        {"task": "regression"}
        if name == "pyfunc_class"
        else {"classes": ("no", "yes")}
        if name == "xgboost_booster"
        else {}
    )


ROWS = pa.table({"x": [0.1, 0.4, 0.6, 0.9], "word": ["a", "bb", None, "dddd"]})
ANSWERS = pa.table(
    {"prediction": ["no", "no", "yes", "yes"], "probabilities": [[0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [0.1, 0.9]]}
)
FOLDER = """
import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"

class Model:
    def load(self, path):
        self.names = (path / "names.txt").read_text().split()

    def classes(self):
        return self.names

    def predict_proba(self, data):
        return pa.table([pc.subtract(1.0, data["x"]), data["x"]], names=self.names)
"""


def _folder(place: Path) -> Path:
    (place / "model.py").write_text(FOLDER)
    (place / "names.txt").write_text("no yes")
    return place


def _function(data: Any) -> Any:
    return data["x"] * 2 + 5.25


def _graph(place: Path) -> Path:
    """Gives the probabilities of two classes: x, and what is left of 1."""
    kinds = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, ["n", w]) for n, w in (("x", 1), ("p", 2))]
    one = helper.make_tensor("one", TensorProto.DOUBLE, [1], [1.0])
    nodes = [helper.make_node("Sub", ["one", "x"], ["rest"]), helper.make_node("Concat", ["rest", "x"], ["p"], axis=1)]
    graph = helper.make_graph(nodes, "g", kinds[:1], kinds[1:], initializer=[one])
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
    (place / "model.onnx").write_bytes(model.SerializeToString())
    return place / "model.onnx"


NUMBERS = pa.table({"x": [i / 40 for i in range(40)], "z": [float(i % 7) for i in range(40)]})
LABELS = [int(i > 17) for i in range(40)]


def _booster() -> Any:
    data = lightgbm.Dataset(NUMBERS.to_pandas(), LABELS)
    return lightgbm.train({"objective": "binary", "min_data_in_leaf": 2, "verbose": -1}, data, 3)


def _saved(place: Path) -> Path:
    _booster().save_model(place / "model.txt")
    return place / "model.txt"


def _scores() -> pa.Table:
    p = _booster().predict(NUMBERS.to_pandas()).tolist()
    return pa.table({"prediction": ["yes" if v >= 0.5 else "no" for v in p], "probabilities": [[1 - v, v] for v in p]})


ZOO = (
    "sklearn_pipeline",
    "sklearn_array",
    "sklearn_targets",
    "lightgbm_classifier",
    "xgboost_booster",
    "pyfunc_class",
    "file_skops",
)
CASES: dict[str, Case] = {
    **{n: of_zoo(n) for n in ZOO},
    "a folder": Case(PythonOrigin, _folder, lambda: ROWS, lambda: ANSWERS),
    "trees": Case(BoosterOrigin, _saved, lambda: NUMBERS, _scores, {"classes": ("no", "yes")}),
    "a graph": Case(OnnxOrigin, _graph, lambda: ROWS.select(["x"]), lambda: ANSWERS, {"classes": ("no", "yes")}),
    "texts": Case(HuggingFaceOrigin, save, lambda: ROWS.select(["word"]), lambda: ANSWERS, runs=False),
    "a function": Case(
        PythonOrigin, lambda _: _function, lambda: ROWS, lambda: pa.table({"prediction": [5.45, 6.05, 6.45, 7.05]})
    ),
}


def test_every_origin_is_here() -> None:
    here = {f"{type(c.origin()).__module__}:{type(c.origin()).__name__}" for c in CASES.values()}
    assert here == set(ORIGINS.values()) - ELSEWHERE


ELSEWHERE = {"muster.predictors.external.origin:EndpointOrigin", "muster.predictors.reported:ReportedOrigin"}
"""Their models run elsewhere: endpoints have a suite of their own, and reported models nothing that runs."""


class Put(Here):
    """A site with blobs in memory, whose only environment is this one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(settings())
        self._blobs = MemoryBlobs()
        self._site = LocalSite(folder, self._blobs, self.settings, self.talk)

    @property
    def site(self) -> Site:
        return self

    def artifact(self, digest: str) -> Path:
        return self._site.artifact(digest)

    def put(self, description: Description) -> tuple[str, Environment]:
        assert description.folder is not None
        return store(description.folder, self._blobs)[0], Environment(python="3.11", key="here")


@pytest.mark.parametrize("name", CASES)
class TestOrigins(OriginSuite):
    @pytest.fixture
    def origin(self, name: str) -> Origin:
        return CASES[name].origin()

    @pytest.fixture
    def source(self, name: str, tmp_path: Path) -> object:
        (tmp_path / "given").mkdir()
        return CASES[name].source(tmp_path / "given")

    def test_no_other_origin_claims_it(self, origin: Origin, source: object) -> None:
        assert [o.name for o in (load(where)() for where in ORIGINS.values()) if o.claims(source)] == [origin.name]


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.runs], scope="class")
class TestModels(OriginModelSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def origin(cls, name: str) -> Origin:
        return CASES[name].origin()

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, name: str, tmp_path_factory: pytest.TempPathFactory) -> object:
        return CASES[name].source(tmp_path_factory.mktemp("source"))

    @pytest.fixture(scope="class")
    @classmethod
    def place(cls, tmp_path_factory: pytest.TempPathFactory) -> Place:
        return Put(tmp_path_factory.mktemp("site"))

    @pytest.fixture(scope="class")
    @classmethod
    def sample(cls, name: str) -> pa.Table:
        return CASES[name].sample()

    @pytest.fixture(scope="class")
    @classmethod
    def declared(cls, name: str) -> Declared:
        return Declared(**CASES[name].declared)

    @pytest.fixture(scope="class")
    @classmethod
    def expected(cls, name: str) -> pa.Table:
        return CASES[name].expected()
