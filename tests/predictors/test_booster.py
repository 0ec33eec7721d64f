"""Models in the boosters' own formats, beside what their own libraries predict; and files that are none, or not whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

from muster.errors import InvalidInput, InvalidModel
from muster.predictors.booster import BoosterOrigin
from muster.predictors.python import PythonOrigin
from tests.zoo.inprocess import Registered, register, untouched

random = np.random.default_rng(3)
X = pd.DataFrame(random.normal(size=(150, 3)), columns=["age", "income", "rate"])
SCORE = X["age"] + X["income"]
YES = (SCORE > 0).astype(int).to_numpy()
THREE = np.digitize(SCORE, [-0.7, 0.7])
TABLE = pa.Table.from_pandas(X)
QUIET = {"verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}

Register = Callable[..., Registered]


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    with untouched():
        yield


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    def of(source: Path, **declared: Any) -> Registered:
        (tmp_path / "scratch").mkdir()
        return register(monkeypatch, BoosterOrigin(), source, tmp_path / "scratch", TABLE, **declared)

    return of


def trained(objective: str, labels: Any, **more: Any) -> Any:
    return xgboost.train({"objective": objective, "nthread": 1, **more}, xgboost.DMatrix(X, labels), 3)


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_xgboost_gives_the_probability_of_its_last_class(suffix: str, registered: Register, tmp_path: Path) -> None:
    booster = trained("binary:logistic", YES)
    booster.save_model(tmp_path / f"m.{suffix}")
    given = (tmp_path / f"m.{suffix}").rename(tmp_path / "saved")  # known by what is in it
    found = registered(given, classes=("no", "yes"))
    assert (found.finding.task, found.finding.signature.names) == ("binary", ("age", "income", "rate"))
    expected = booster.predict(xgboost.DMatrix(X)).astype(np.float64)
    shuffled = TABLE.select(["rate", "age", "income"])
    answer = found.predict(shuffled)
    np.testing.assert_array_equal([p[1] for p in answer.column("probabilities").to_pylist()], expected)
    assert answer.column("prediction").to_pylist() == np.where(expected >= 0.5, "yes", "no").tolist()


def test_the_objective_asks_for_classes(registered: Register, tmp_path: Path) -> None:
    trained("binary:logistic", YES).save_model(tmp_path / "m.ubj")
    with pytest.raises(InvalidInput, match="the model is binary, and its classes are not told"):
        registered(tmp_path / "m.ubj")


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_xgboost_with_three_classes(objective: str, registered: Register, tmp_path: Path) -> None:
    booster = trained(objective, THREE, num_class=3)
    booster.save_model(tmp_path / "m.json")
    found = registered(tmp_path / "m.json", classes=("low", "mid", "high"))
    answer, expected = found.predict(TABLE), booster.predict(xgboost.DMatrix(X))
    names = np.array(["low", "mid", "high"])
    if objective == "multi:softprob":
        np.testing.assert_array_equal(answer.column("probabilities").to_pylist(), expected.astype(np.float64))
        expected = expected.argmax(axis=1)
    assert answer.column("prediction").to_pylist() == names[expected.astype(int)].tolist()


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_an_estimator_of_xgboost_stops_where_it_stopped_early(
    suffix: str, registered: Register, tmp_path: Path
) -> None:
    noise = random.integers(0, 2, len(X))
    model = xgboost.XGBClassifier(n_estimators=40, n_jobs=1, early_stopping_rounds=2)
    model.fit(X, YES, eval_set=[(X, noise)], verbose=False)
    model.save_model(tmp_path / f"m.{suffix}")
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    found = registered(tmp_path / f"m.{suffix}")
    assert found.finding.output.classes == (0, 1)
    answer = found.predict(TABLE)
    np.testing.assert_array_equal(answer.column("probabilities").to_pylist(), model.predict_proba(X).astype(np.float64))
    assert answer.column("prediction").to_pylist() == model.predict(X).tolist()


def test_values_of_xgboost_and_lightgbm(registered: Register, tmp_path: Path) -> None:
    booster = trained("reg:squarederror", SCORE)
    booster.save_model(tmp_path / "m.json")
    found = registered(tmp_path / "m.json")
    assert found.finding.task == "regression"
    expected = booster.predict(xgboost.DMatrix(X)).astype(np.float64)
    np.testing.assert_array_equal(found.predict(TABLE).column("prediction"), expected)


@pytest.mark.parametrize("count", [2, 3])
def test_lightgbm_gives_probabilities(count: int, registered: Register, tmp_path: Path) -> None:
    objective = {"objective": "binary"} if count == 2 else {"objective": "multiclass", "num_class": 3}
    booster = lightgbm.train({**objective, **QUIET}, lightgbm.Dataset(X, YES if count == 2 else THREE), 3)
    booster.save_model(tmp_path / "m.model")
    names = np.array(["low", "mid", "high"][:count])
    found = registered(tmp_path / "m.model", classes=tuple(names.tolist()))
    expected = booster.predict(X)
    expected = np.column_stack([1 - expected, expected]) if count == 2 else expected
    answer = found.predict(TABLE)
    np.testing.assert_array_equal(answer.column("probabilities").to_pylist(), expected)
    assert answer.column("prediction").to_pylist() == names[expected.argmax(axis=1)].tolist()


def test_a_value_of_lightgbm(registered: Register, tmp_path: Path) -> None:
    booster = lightgbm.train({"objective": "regression", **QUIET}, lightgbm.Dataset(X, SCORE), 3)
    booster.save_model(tmp_path / "m.txt")
    np.testing.assert_array_equal(
        registered(tmp_path / "m.txt").predict(TABLE).column("prediction"), booster.predict(X)
    )


@pytest.mark.parametrize("name", ["m.json", "m.ubj"])
@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_file_that_is_cut_short_is_refused(name: str, share: float, tmp_path: Path) -> None:
    file = tmp_path / name
    trained("binary:logistic", YES).save_model(file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)].rstrip(b"}]"))
    with pytest.raises(InvalidModel, match="is cut short"):
        BoosterOrigin().describe(file, tmp_path)


def test_a_text_without_the_end_of_its_trees_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.txt"
    lightgbm.train({"objective": "regression", **QUIET}, lightgbm.Dataset(X, SCORE), 3).save_model(file)
    file.write_bytes(file.read_bytes()[:900])
    with pytest.raises(InvalidModel, match="is cut short"):
        BoosterOrigin().describe(file, tmp_path)


def test_catboost_is_known_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"CBM1" + b"\0" * 60)
    description = BoosterOrigin().describe(tmp_path / "model", tmp_path)
    assert description.load == {"loader": "catboost", "class": "CatBoost", "format": "cbm", "file": "model.cbm"}
    assert any(line.startswith("catboost") for line in description.requirements)


def test_only_what_is_one_is_claimed(tmp_path: Path) -> None:
    for name, content in (("a.json", '{"learners": 3}'), ("b.txt", "tree houses"), ("c.cbm", "CBM"), ("d", "")):
        (tmp_path / name).write_text(content)
        assert not BoosterOrigin().claims(tmp_path / name)
    with pytest.raises(InvalidModel, match="is no model of XGBoost, LightGBM or CatBoost"):
        BoosterOrigin().describe(tmp_path / "a.json", tmp_path)
    trained("binary:logistic", YES).save_model(tmp_path / "e.ubj")
    assert BoosterOrigin().claims(tmp_path)
    assert not PythonOrigin().claims(tmp_path / "e.ubj")
    (tmp_path / "model.py").write_text("def predict(data): return data")
    assert not BoosterOrigin().claims(tmp_path)  # the file is that model's


def test_what_it_needs(tmp_path: Path) -> None:
    xgboost.XGBClassifier(n_estimators=1).fit(X, YES).save_model(tmp_path / "m.ubj")
    lines = {line.partition("==")[0] for line in BoosterOrigin().describe(tmp_path / "m.ubj", tmp_path).requirements}
    assert {"xgboost", "scikit-learn", "pandas", "numpy"} <= lines | {
        "xgboost" for line in lines if line.startswith("xgboost")
    }
