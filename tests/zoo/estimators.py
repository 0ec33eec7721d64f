"""Models of scikit-learn, saved by MLflow."""

from __future__ import annotations

from pathlib import Path

import mlflow
import mlflow.sklearn
import numpy as np
from mlflow.models import infer_signature
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
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

from tests.zoo.kit import CODE, DATA, THREE, VALUE, YES, D, N, X, maker, of_classifier, said

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
