"""scikit-learn: labels, every `pyfunc_predict_fn`, text and mixed columns, formats, several targets, sparse data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import mlflow.sklearn
import numpy as np
import scipy.sparse
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.zoo.kit import CODE, DATA, THREE, VALUE, YES, D, N, X, maker, of_classifier, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "cloudpickle", "numpy", "pandas", "scikit-learn", "scipy")}
CLOUD = {**PIP, "serialization_format": "cloudpickle"}
RECENT = int(mlflow.__version__.split(".")[0]) >= 3
SCORE = X["rate"]
T = X.assign(text=X["city"].str.upper() + " is " + np.where(SCORE > 0, "late again", "fine"))


@maker
def mixed(place: Path) -> None:
    """A pipeline over text and numbers, with an example."""
    columns = ColumnTransformer(
        [
            ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("rest", StandardScaler(), ["age", "income", "rate"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(X, YES)
    signature = infer_signature(X, model.predict(X))
    mlflow.sklearn.save_model(model, place / "model", signature=signature, input_example=X.head(4), **CLOUD)
    of_classifier(place, model, DATA)


@maker
def text(place: Path) -> None:
    """Free text in a column, beside numbers."""
    columns = ColumnTransformer([("text", TfidfVectorizer(), "text"), ("rest", "passthrough", ["rate"])])
    model = make_pipeline(columns, LogisticRegression()).fit(T, THREE)
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(T[["text", "rate"]]), **CLOUD)
    data = T.iloc[::3].reset_index(drop=True)[["text", "rate"]]
    said(
        place,
        model.predict(data),
        model.predict_proba(data),
        data=data,
        task="multiclass",
        classes=list(model.classes_),
    )


@maker
def bare_text(place: Path) -> None:
    """A pipeline that takes texts, and no frame."""
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(T["text"], YES)
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(T[["text"]]), **CLOUD)
    data = T.iloc[::3].reset_index(drop=True)[["text"]]
    said(
        place,
        model.predict(data["text"]),
        model.predict_proba(data["text"]),
        data=data,
        task="binary",
        classes=["no", "yes"],
    )


@maker
def pickled(place: Path) -> None:
    """Labels alone, of whole numbers, by a bare pickle without a signature."""
    model = make_pipeline(StandardScaler(), SVC()).fit(N, CODE)
    mlflow.sklearn.save_model(model, place / "model", serialization_format="pickle", **PIP)
    said(place, model.predict(D), data=D, task="binary", classes=[0, 1], sample=True)


def _asked(place: Path, method: str) -> None:
    model = GaussianNB().fit(N, THREE)
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), pyfunc_predict_fn=method, **CLOUD)
    of_classifier(place, model, D)


@maker
def asks_proba(place: Path) -> None:
    _asked(place, "predict_proba")


@maker
def asks_log_proba(place: Path) -> None:
    _asked(place, "predict_log_proba")


@maker
def asks_score(place: Path) -> None:
    _asked(place, "score")


@maker
def asks_joint(place: Path) -> None:
    _asked(place, "predict_joint_log_proba" if hasattr(GaussianNB, "predict_joint_log_proba") else "predict")


@maker
def value(place: Path) -> None:
    model = LinearRegression().fit(N, VALUE)
    form = "skops" if RECENT else "cloudpickle"
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), serialization_format=form, **PIP)
    said(place, model.predict(D), data=D, task="regression")


@maker
def values(place: Path) -> None:
    """Two numbers for each row."""
    model = LinearRegression().fit(N, np.column_stack([VALUE, -2 * VALUE]))
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), **CLOUD)
    rows = [{"target_0": a, "target_1": b} for a, b in model.predict(D).tolist()]
    said(place, rows, data=D, task="multioutput")


@maker
def targets(place: Path) -> None:
    """Two targets, each with classes of its own."""
    model = MultiOutputClassifier(LogisticRegression()).fit(N, np.column_stack([YES, THREE]))
    mlflow.sklearn.save_model(model, place / "model", signature=infer_signature(N), **CLOUD)
    rows = [{"target_0": a, "target_1": b} for a, b in model.predict(D).tolist()]
    each = [p.tolist() for p in model.predict_proba(D)]
    said(place, rows, [{"target_0": a, "target_1": b} for a, b in zip(*each)], data=D, sample=True, task="multioutput")


def _sparse(place: Path, kind: Any) -> None:
    matrix = kind(N.to_numpy() * (N.to_numpy() > 0))
    model = RandomForestClassifier(2, max_depth=2, random_state=0).fit(matrix, THREE)
    signature = infer_signature(matrix)
    mlflow.sklearn.save_model(model, place / "model", signature=signature, input_example=matrix[:5], **CLOUD)
    dense = D * (D > 0)
    of_classifier(place, model, dense.to_numpy(), data=dense, sample=True)


@maker
def sparse(place: Path) -> None:
    """Trained on a sparse matrix, which is the example too."""
    _sparse(place, scipy.sparse.csr_matrix)


@maker
def sparse_columns(place: Path) -> None:
    _sparse(place, scipy.sparse.csc_matrix)


if RECENT:

    @maker
    def skopsed(place: Path) -> None:
        """Text and numbers, in the format without code; it names the types that skops must be told of."""
        columns = ColumnTransformer([("city", OneHotEncoder(), ["city"]), ("rest", StandardScaler(), ["age", "rate"])])
        model = make_pipeline(columns, DecisionTreeClassifier(max_depth=2)).fit(X, YES)
        mlflow.sklearn.save_model(
            model, place / "model", signature=infer_signature(X[["age", "rate", "city"]]), serialization_format="skops",
            skops_trusted_types=["sklearn.tree._tree.Tree"], **PIP,
        )  # fmt: skip
        of_classifier(place, model, DATA)
