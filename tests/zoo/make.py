"""Makes small real models in a folder: `python make.py FOLDER`, each with data and what its own library predicts for it.

A folder `NAME` has `model` (or a file), `data.arrow`, `expected.arrow` (`prediction`, and `probabilities` as lists) and `case.json`.
It runs in a process of its own: MLflow and the libraries warn, log and take seconds to import.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.pyfunc
import mlflow.sklearn
import mlflow.xgboost
import numpy as np
import pandas as pd
import pyarrow as pa
import skops.io
import xgboost
from mlflow.models import infer_signature
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

random = np.random.default_rng(13)
ROWS = 300
X = pd.DataFrame(
    {
        "age": random.integers(18, 90, ROWS),
        "income": random.normal(40_000, 9_000, ROWS).round(2),
        "rate": random.normal(size=ROWS).astype("float32"),
        "city": random.choice(["Bern", "Oslo", "Rome"], ROWS),
    }
)
N = X[["age", "income", "rate"]]
SCORE = (X["age"] - 50) / 20 + (X["income"] - 40_000) / 9_000 + X["rate"]
YES = np.where(SCORE + random.normal(scale=0.5, size=ROWS) > 0, "yes", "no")
CODE = (YES == "yes").astype(int)
THREE = np.array(["high", "low", "mid"])[np.digitize(SCORE, [-1, 1])]
VALUE = (SCORE * 10 + 3).to_numpy()
DATA = X.iloc[::3].reset_index(drop=True)
D = DATA[["age", "income", "rate"]]

folder = Path(sys.argv[1])
makers: dict[str, Callable[[Path], Any]] = {}


def maker(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    makers[make.__name__] = make
    return make


def said(place: Path, prediction: Any, probabilities: Any = None, *, data: Any = DATA, **case: Any) -> None:
    """Write data and expectation. `case` has what must be declared, and `task` and `classes` that come out."""
    table = data if isinstance(data, pa.Table) else pa.Table.from_pandas(data, preserve_index=False)
    columns = {"prediction": pa.array(prediction.tolist() if hasattr(prediction, "tolist") else prediction)}
    if probabilities is not None:
        rows = probabilities if isinstance(probabilities, list) else np.asarray(probabilities, np.float64).tolist()
        columns["probabilities"] = pa.array(rows)
    for name, written in (("data", table), ("expected", pa.table(columns))):
        with pa.OSFile(str(place / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, written.schema) as writer:
            writer.write_table(written)
    (place / "case.json").write_text(json.dumps(case))


def of_classifier(place: Path, model: Any, data: Any = D, **case: Any) -> None:
    classes = [c.item() if hasattr(c, "item") else c for c in model.classes_]
    case = {"task": "binary" if len(classes) == 2 else "multiclass", "classes": classes, **case}
    said(place, model.predict(data), model.predict_proba(data), **case)


PIP = {"pip_requirements": ["scikit-learn", "pandas"]}
SKLEARN = {**PIP, "serialization_format": "cloudpickle"}


@maker
def sklearn_pipeline(place: Path) -> None:
    """Text and numbers, a signature and an example; pickled by cloudpickle."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["age", "income", "rate"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(X, YES)
    mlflow.sklearn.save_model(
        model,
        place / "model",
        signature=infer_signature(X, YES),
        input_example=X.head(4),
        metadata={"team": "ops"},
        **SKLEARN,
    )
    of_classifier(place, model, DATA)


@maker
def sklearn_boosted(place: Path) -> None:
    """The expensive last step of a pipeline, whose labels follow its scores."""
    columns = make_column_transformer((OneHotEncoder(sparse_output=False), ["city"]), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5)).fit(X, YES)
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(X, YES), **SKLEARN)
    of_classifier(place, model, DATA)


@maker
def sklearn_array(place: Path) -> None:
    """Fitted with an array: a tensor in the signature, and no names."""
    model = LogisticRegression().fit(N.to_numpy(), THREE)
    signature = infer_signature(N.to_numpy(), THREE)
    mlflow.sklearn.save_model(
        model, place / "model", signature=signature, input_example=N.to_numpy()[:3], serialization_format="skops", **PIP
    )
    said(
        place,
        model.predict(D.to_numpy()),
        model.predict_proba(D.to_numpy()),
        data=D,
        task="multiclass",
        classes=list(model.classes_),
        sample=True,
    )


@maker
def sklearn_bare(place: Path) -> None:
    """No signature and no example, a pickle, predict_fn, whole numbers as classes."""
    model = RandomForestClassifier(5, random_state=0).fit(N, CODE)
    mlflow.sklearn.save_model(
        model, place / "model", serialization_format="pickle", pyfunc_predict_fn="predict_proba", **PIP
    )
    of_classifier(place, model, sample=True)


@maker
def sklearn_search(place: Path) -> None:
    model = GridSearchCV(GradientBoostingClassifier(n_estimators=3, random_state=0), {"max_depth": [1, 2]}, cv=2).fit(
        N, THREE
    )
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N, THREE), **SKLEARN)
    of_classifier(place, model)


@maker
def sklearn_labels(place: Path) -> None:
    """A classifier without probabilities."""
    model = make_pipeline(StandardScaler(), SVC()).fit(N, YES)
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N, YES), **SKLEARN)
    said(place, model.predict(D), task="binary", classes=["no", "yes"])


@maker
def sklearn_regressor(place: Path) -> None:
    model = Ridge().fit(N, VALUE)
    mlflow.sklearn.save_model(
        model, place / "model", signature=infer_signature(N, VALUE), serialization_format="skops", **PIP
    )
    said(place, model.predict(D), task="regression")


@maker
def sklearn_targets(place: Path) -> None:
    """Two targets with classes of their own."""
    model = RandomForestClassifier(5, random_state=0).fit(N, np.column_stack([YES, THREE]))
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), **SKLEARN)
    rows = [{"target_0": a, "target_1": b} for a, b in model.predict(D).tolist()]
    probabilities = [
        {"target_0": a, "target_1": b} for a, b in zip(*(p.tolist() for p in model.predict_proba(D)), strict=True)
    ]
    said(place, rows, probabilities, sample=True, task="multioutput")


@maker
def sklearn_values(place: Path) -> None:
    """Two numbers for each row."""
    model = RandomForestRegressor(3, random_state=0).fit(N, np.column_stack([VALUE, -VALUE]))
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), **SKLEARN)
    rows = [{"target_0": a, "target_1": b} for a, b in model.predict(D).tolist()]
    said(place, rows, task="multioutput")


@maker
def sklearn_multilabel(place: Path) -> None:
    model = OneVsRestClassifier(LogisticRegression()).fit(N, np.column_stack([CODE, 1 - CODE, CODE]))
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), **SKLEARN)
    said(
        place,
        model.predict(D).astype(bool),
        model.predict_proba(D),
        task="multilabel",
        classes=["a", "b", "c"],
        declare={"classes": ["a", "b", "c"]},
    )


@maker
def sklearn_clusters(place: Path) -> None:
    model = KMeans(3, n_init=1, random_state=0).fit(N)
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), **SKLEARN)
    said(place, model.predict(D), sample=True, task="other")


@maker
def xgboost_classifier(place: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=4).fit(N, np.unique(THREE, return_inverse=True)[1])
    mlflow.xgboost.save_model(
        model, place / "model", signature=infer_signature(N), pip_requirements=["xgboost", "scikit-learn"]
    )
    names = np.array(["high", "low", "mid"])
    said(
        place,
        names[model.predict(D)],
        model.predict_proba(D),
        task="multiclass",
        classes=list(names),
        declare={"classes": list(names)},
    )


@maker
def xgboost_categories(place: Path) -> None:
    """Text as categories, whose values the model knows itself."""
    frame = X.astype({"city": "category"})
    model = xgboost.XGBClassifier(n_estimators=4, enable_categorical=True, tree_method="hist").fit(frame, CODE)
    mlflow.xgboost.save_model(model, place / "model", model_format="json", pip_requirements=["xgboost", "scikit-learn"])
    given = DATA.astype({"city": "category"})
    said(place, model.predict(given), model.predict_proba(given), task="binary", classes=[0, 1], sample=True)


@maker
def xgboost_booster(place: Path) -> None:
    """Gives the probability of the last class, and knows no labels."""
    model = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(N, label=CODE), num_boost_round=4)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), pip_requirements=["xgboost"])
    p = model.predict(xgboost.DMatrix(D)).astype(np.float64)
    said(
        place,
        np.where(p >= 0.5, "yes", "no"),
        np.column_stack([1 - p, p]),
        task="binary",
        classes=["no", "yes"],
        declare={"classes": ["no", "yes"]},
    )


@maker
def xgboost_codes(place: Path) -> None:
    """Gives the places of classes, as floats."""
    parameters = {"objective": "multi:softmax", "num_class": 3}
    model = xgboost.train(
        parameters, xgboost.DMatrix(N, label=np.unique(THREE, return_inverse=True)[1]), num_boost_round=2
    )
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), pip_requirements=["xgboost"])
    names = np.array(["high", "low", "mid"])
    said(
        place,
        names[model.predict(xgboost.DMatrix(D)).astype(int)],
        sample=True,
        task="multiclass",
        classes=list(names),
        declare={"classes": list(names)},
    )


@maker
def xgboost_regressor(place: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=3).fit(N.to_numpy(), VALUE)
    mlflow.xgboost.save_model(model, place / "model", pip_requirements=["xgboost", "scikit-learn"])
    said(place, model.predict(D.to_numpy()), data=D, task="regression", sample=True)


@maker
def lightgbm_classifier(place: Path) -> None:
    """Text as categories, and a name with a blank; in skops."""
    renamed = {"income": "yearly income"}
    frame = X.astype({"city": "category"}).rename(columns=renamed)
    model = lightgbm.LGBMClassifier(n_estimators=4, min_child_samples=2, verbose=-1).fit(frame, YES)
    mlflow.lightgbm.save_model(model, place / "model", pip_requirements=["lightgbm", "scikit-learn", "skops"])
    data = DATA.rename(columns=renamed)
    given = data.astype({"city": "category"})
    said(
        place,
        model.predict(given),
        model.predict_proba(given),
        data=data,
        task="binary",
        classes=["no", "yes"],
        sample=True,
    )


@maker
def lightgbm_booster(place: Path) -> None:
    """Gives a matrix of probabilities, and knows no labels."""
    parameters = {"objective": "multiclass", "num_class": 3, "verbose": -1}
    model = lightgbm.train(parameters, lightgbm.Dataset(N, np.unique(THREE, return_inverse=True)[1]), num_boost_round=3)
    mlflow.lightgbm.save_model(model, place / "model", signature=infer_signature(N), pip_requirements=["lightgbm"])
    names, p = np.array(["high", "low", "mid"]), model.predict(D)
    said(
        place,
        names[p.argmax(axis=1)],
        p,
        sample=True,
        task="multiclass",
        classes=list(names),
        declare={"classes": list(names)},
    )


@maker
def lightgbm_rest(place: Path) -> None:
    """Each class against the rest: what it gives does not add up to one."""
    model = lightgbm.LGBMClassifier(n_estimators=3, objective="multiclassova", verbose=-1).fit(N, THREE)
    mlflow.lightgbm.save_model(
        model, place / "model", signature=infer_signature(N), pip_requirements=["lightgbm", "scikit-learn"]
    )
    p = model.predict_proba(D)
    said(place, model.predict(D), p / p.sum(axis=1, keepdims=True), task="multiclass", classes=["high", "low", "mid"])


@maker
def lightgbm_regressor(place: Path) -> None:
    model = lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(N, VALUE)
    mlflow.lightgbm.save_model(
        model,
        place / "model",
        signature=infer_signature(N),
        serialization_format="pickle",
        pip_requirements=["lightgbm", "scikit-learn"],
    )
    said(place, model.predict(D), task="regression")


class Doubler(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["rate"].astype("float64") * (params or {}).get("times", 2.0)


PYFUNC = {"pip_requirements": ["mlflow-skinny", "pandas"]}


@maker
def pyfunc_class(place: Path) -> None:
    mlflow.pyfunc.save_model(
        place / "model", python_model=Doubler(), signature=infer_signature(N, params={"times": 3.0}), **PYFUNC
    )
    said(place, D["rate"].astype("float64") * 3, sample=True, task="regression", declare={"task": "regression"})


@maker
def pyfunc_code(place: Path) -> None:
    """A script, whose path on this machine stays in the MLmodel."""
    script = place / "script.py"
    script.write_text(
        "import mlflow, pandas\n\n"
        "class Frame(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        late = (model_input['rate'].astype('float64') > 0) * 0.5 + 0.25\n"
        "        return pandas.DataFrame({'no': 1 - late, 'yes': late})\n\n"
        "mlflow.models.set_model(Frame())\n"
    )
    mlflow.pyfunc.save_model(place / "model", python_model=str(script), signature=infer_signature(N), **PYFUNC)
    script.unlink()
    late = ((D["rate"] > 0) * 0.5 + 0.25).to_numpy()
    said(
        place,
        np.where(late >= 0.5, "yes", "no"),
        np.column_stack([1 - late, late]),
        sample=True,
        task="binary",
        classes=["no", "yes"],
        declare={"task": "binary"},
    )


@maker
def file_joblib(place: Path) -> None:
    model = ExtraTreesClassifier(4, random_state=0).fit(N, YES)
    joblib.dump(model, place / "model.joblib", compress=3)
    of_classifier(place, model, source="model.joblib", sample=True)


@maker
def file_pickle(place: Path) -> None:
    model = LogisticRegression().fit(N, CODE.astype(bool))
    (place / "model.pkl").write_bytes(cloudpickle.dumps(model))
    of_classifier(place, model, source="model.pkl", sample=True)


@maker
def file_skops(place: Path) -> None:
    model = LogisticRegression().fit(N.to_numpy(), YES)
    skops.io.dump(model, place / "model.skops")
    said(
        place,
        model.predict(D.to_numpy()),
        model.predict_proba(D.to_numpy()),
        data=D,
        source="model.skops",
        task="binary",
        classes=["no", "yes"],
        sample=True,
    )


def main() -> None:
    warnings.simplefilter("ignore")
    for name, make in makers.items():
        place = folder / name
        place.mkdir(parents=True)
        make(place)


main()
