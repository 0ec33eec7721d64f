"""Models of the boosters and of python_function, saved by MLflow; and estimators saved as files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.pyfunc
import mlflow.xgboost
import numpy as np
import skops.io
import xgboost
from mlflow.models import infer_signature
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from tests.zoo.kit import CODE, DATA, THREE, VALUE, YES, D, N, X, maker, of_classifier, said


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


# Not by its name, which is unknown where it is loaded.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
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
        "    def predict(self, context, model_input: pandas.DataFrame, params=None):\n"
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
