"""Versions leave as they came, or as MLflow folders that plain MLflow loads and predicts the same with; and come back."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
import yaml
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

import muster
from muster.errors import Conflict, InvalidInput, NotApplicable, StoreError
from muster.hub import Hub
from muster.predictors.local import download as downloading
from muster.stores.files import FileBlobs

random = np.random.default_rng(4)
X = pd.DataFrame(random.normal(size=(80, 2)), columns=["age", "rate"])
CITY = X.assign(city=random.choice(["Bern", "Oslo"], 80))
CODE = (X["age"] + X["rate"] > 0).astype(int).to_numpy()
YES = np.where(CODE, "yes", "no")

FILE = """
class Model:
    def load(self, path):
        self.shift = float((path / "shift.txt").read_text())

    def predict_proba(self, data):
        yes = (data["age"].abs() / 10 + self.shift).clip(0, 1)
        return data.assign(yes=yes, no=1 - yes)[["yes", "no"]]
"""


def _estimator(place: Path) -> object:
    columns = make_column_transformer((OneHotEncoder(), ["city"]), ("passthrough", ["age", "rate"]))
    return make_pipeline(columns, LogisticRegression()).fit(CITY, YES)


def _joblib(place: Path) -> object:
    joblib.dump(LogisticRegression().fit(X, CODE), place / "m.joblib", compress=3)
    return place / "m.joblib"


def _value(place: Path) -> object:
    return LinearRegression().fit(X, X["age"] * 3)


def _xgboost(place: Path) -> object:
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(X, CODE), 3)
    booster.save_model(place / "m.ubj")
    return place / "m.ubj"


def _lightgbm(place: Path) -> object:
    parameters = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 5}
    lightgbm.train(parameters, lightgbm.Dataset(X, CODE), 3).save_model(place / "m.txt")
    return place / "m.txt"


def _onnx(place: Path) -> object:
    kinds = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in "xp"]
    graph = helper.make_graph([helper.make_node("Softmax", ["x"], ["p"], axis=1)], "g", kinds[:1], kinds[1:])
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
    (place / "m.onnx").write_bytes(model.SerializeToString())
    return place / "m.onnx"


def _file(place: Path) -> object:
    (place / "model.py").write_text(FILE)
    (place / "shift.txt").write_text("0.125")
    return place


def _targets(place: Path) -> object:
    return LinearRegression().fit(X, X[["age", "rate"]] * 3)


def _classes_of_targets(place: Path) -> object:
    return MultiOutputClassifier(LogisticRegression()).fit(X, np.column_stack([YES, np.where(X["rate"] > 0, 1, 0)]))


def _labels(place: Path) -> object:
    return DecisionTreeClassifier(max_depth=2).fit(X, (X > 0).astype(int).to_numpy())


def _function(data: Any) -> Any:
    return data["rate"] * 2 + 7.5


NAMED = {"classes": ["no", "yes"]}
CASES: dict[str, tuple[Callable[[Path], object], pd.DataFrame, dict[str, Any], str | None]] = {
    "estimator": (_estimator, CITY, {}, "sklearn"),
    "codes with names, and a threshold": (_joblib, X, {**NAMED, "threshold": 0.7}, None),
    "value": (_value, X, {}, "sklearn"),
    "xgboost": (_xgboost, X, NAMED, "xgboost"),
    "lightgbm": (_lightgbm, X, NAMED, "lightgbm"),
    "onnx": (_onnx, X, NAMED, "onnx"),
    "file": (_file, X, {"classes": ["no", "yes"], "task": "binary"}, None),
    "targets": (_targets, X, {}, "sklearn"),
    "targets-with-classes": (_classes_of_targets, X, {}, "sklearn"),
    "labels": (_labels, X, {"task": "multilabel", "classes": ["old", "fast"]}, "sklearn"),
    "function": (lambda _: _function, X, {"task": "regression"}, None),
}
ASK = """
import sys, warnings, json
warnings.simplefilter("ignore")
import mlflow, pandas
out = {}
for folder, data in json.loads(sys.argv[1]).items():
    answer = mlflow.pyfunc.load_model(folder).predict(pandas.read_pickle(data))
    answer.to_pickle(folder + ".answer")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with all of these, each downloaded for MLflow, with what MLflow predicts beside it."""
    root = tmp_path_factory.mktemp("downloads")
    asked: dict[str, str] = {}
    with muster.open(root / "hub") as hub:
        for name, (make, data, declared, _) in CASES.items():
            given = root / f"given-{len(asked)}"
            given.mkdir()
            key = _key(name)
            hub.register(key, make(given), sample=data, environment="current", **declared)
            folder = hub.download(key, root / key, format="mlflow", sample=data)
            data.to_pickle(root / f"{key}.data")
            asked[str(folder)] = str(root / f"{key}.data")
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(asked)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    return root


def _key(name: str) -> str:
    return name.split(" ", maxsplit=1)[0].rstrip(",")


@pytest.mark.parametrize("name", CASES)
def test_plain_mlflow_predicts_the_same(name: str, place: Path) -> None:
    key = _key(name)
    answer = pd.read_pickle(place / f"{key}.answer")
    with muster.open(place / "hub") as hub:
        version, expected = hub.version(key), hub.predict(key, CASES[name][1])
    if version.task == "regression":  # another layout in memory may add up in another order
        np.testing.assert_allclose(answer["prediction"], expected["prediction"].to_numpy(), rtol=1e-12)
    elif version.task == "multioutput":
        _assert_alike(answer["prediction"].tolist(), expected["prediction"].to_pylist())
        if version.output.probabilities:
            _assert_alike(answer["probabilities"].tolist(), expected["probabilities"].to_pylist())
    else:
        assert answer["prediction"].tolist() == expected["prediction"].to_pylist()
    if version.output.probabilities and version.classes:
        columns = [f"probability_{c}" for c in version.classes]
        np.testing.assert_allclose(answer[columns].to_numpy(), expected["probabilities"].to_pylist(), rtol=1e-12)
    told = yaml.safe_load((place / key / "MLmodel").read_text())
    assert set(told["flavors"]) == {"python_function", "muster", *([CASES[name][3]] if CASES[name][3] else [])}
    assert [c["name"] for c in json.loads(told["signature"]["inputs"])] == list(version.signature.names)
    assert told["saved_input_example_info"]["artifact_path"] == "input_example.json"


def _assert_alike(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Rows of values by target."""
    assert len(ours) == len(theirs)
    for name in theirs[0]:
        one, other = np.array([row[name] for row in ours]), np.array([row[name] for row in theirs])
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-12)
        else:
            assert one.tolist() == other.tolist()


SLOW = {
    "value",
    "lightgbm",
    "function",
    "targets",
    "targets-with-classes",
    "labels",
}  # like others, and each starts two workers


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.deep) if n in SLOW else n for n in CASES])
def test_it_comes_back_as_it_was(name: str, place: Path, tmp_path: Path) -> None:
    key = _key(name)
    with muster.open(place / "hub") as hub, muster.open(tmp_path / "other") as other:
        before = hub.version(key)
        again = other.register("again", place / key, environment="current")
        assert again.origin == "mlflow"
        for field in ("task", "target", "classes", "signature", "output"):
            assert getattr(again, field) == getattr(before, field), field
        # By names or by their places: the labels below are the same.
        assert replace(again.reading, classes=(), codes=False) == replace(before.reading, classes=(), codes=False)
        data = CASES[name][1]
        one = other.predict("again", data, threshold=before.threshold)
        assert one.equals(hub.predict(key, data))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_its_own_library_loads_it_through_mlflow(place: Path) -> None:
    import mlflow.lightgbm
    import mlflow.onnx
    import mlflow.sklearn
    import mlflow.xgboost

    model = mlflow.sklearn.load_model(str(place / "estimator"))
    np.testing.assert_array_equal(model.predict(CITY), _estimator(place).predict(CITY))  # type: ignore[attr-defined]
    booster = mlflow.xgboost.load_model(str(place / "xgboost"))
    assert booster.feature_names == ["age", "rate"]
    assert mlflow.lightgbm.load_model(str(place / "lightgbm")).feature_name() == ["age", "rate"]
    assert [o.name for o in mlflow.onnx.load_model(str(place / "onnx")).graph.output] == ["p"]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.deep) if n in SLOW else n for n in CASES])
def test_as_it_was_registered(name: str, place: Path, tmp_path: Path) -> None:
    """The same bytes: registered again they are the same version."""
    key = _key(name)
    with muster.open(place / "hub") as hub:
        before = hub.version(key)
        folder = hub.download(key, tmp_path / "out")
        declared = CASES[name][2]
        again = hub.register(key, folder, sample=CASES[name][1], environment="current", if_changed=True, **declared)
    assert again.digest == before.digest
    assert again.ref == before.ref
    assert all(f.stat().st_mode & stat.S_IWUSR for f in folder.rglob("*") if f.is_file())


def test_what_mlflow_saved_leaves_as_it_came(place: Path, tmp_path: Path) -> None:
    with muster.open(tmp_path / "other") as other:
        version = other.register("back", place / "estimator", environment="current")
        folder = other.download("back", tmp_path / "out", format="mlflow")
        same = other.register("back", folder, environment="current", if_changed=True)
    assert same.ref == version.ref


@pytest.fixture
def other(place: Path) -> Any:
    with muster.open(place / "hub") as hub:
        yield hub


def test_nothing_is_overwritten(other: Hub, tmp_path: Path) -> None:
    for there in ("folder", "file", "link"):
        target = tmp_path / there
        target.mkdir() if there == "folder" else target.symlink_to("/gone") if there == "link" else target.touch()
        with pytest.raises(Conflict, match="exists already"):
            other.download("value", target)
    with pytest.raises(InvalidInput, match="there is no format `zip`"):
        other.download("value", tmp_path / "out", format="zip")
    with pytest.raises(StoreError, match="there is no folder"):
        other.download("value", tmp_path / "no" / "out")


def test_nothing_is_left_of_one_that_fails(other: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(blobs: FileBlobs, digest: str, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileBlobs, "fetch", full)
    for form in ("native", "mlflow"):
        with pytest.raises(StoreError, match="No space left on device"):
            other.download("value", tmp_path / "out", format=form)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_told_before(other: Hub, tmp_path: Path) -> None:
    big = replace(other.version("value"), size=1 << 60)
    with pytest.raises(StoreError, match=r"has 1,152,921,504,606,846,976 bytes, and the disk of .* has .* free"):
        downloading.download(big, other._blobs, tmp_path / "out")
    with pytest.raises(NotApplicable, match="is an endpoint of origin http, and has no files"):
        downloading.download(replace(big, artifact=False, origin="http"), other._blobs, tmp_path / "out")


def test_one_that_came_meanwhile_is_not_overwritten(
    other: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(version: Any, packages: Any, folder: Path, example: pa.Table | None) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs").touch()

    monkeypatch.setattr("muster.hub.write_mlflow", quick)
    with pytest.raises(Conflict, match="was made by somebody else meanwhile"):
        other.download("value", tmp_path / "out", format="mlflow")
    assert [f.name for f in tmp_path.iterdir()] == ["out"]
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["theirs"]
