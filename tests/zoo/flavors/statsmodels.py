"""statsmodels: least squares, by arrays and by formula; a probability of one class and of several; a time series."""

from __future__ import annotations

from pathlib import Path

import mlflow.statsmodels
import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from mlflow.models import infer_signature
from statsmodels.tsa.arima.model import ARIMA

from tests.zoo.kit import CODE, THREE, VALUE, D, N, X, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "scipy", "statsmodels", "patsy", "formulaic")}
S = (N - N.mean()) / N.std()
T = ((D - N.mean()) / N.std())[["age", "income", "rate"]]
FEW = slice(0, 60)


@maker
def squares(place: Path) -> None:
    model = sm.OLS(VALUE[FEW], S[FEW]).fit()
    mlflow.statsmodels.save_model(model, place / "model", remove_data=True, signature=infer_signature(S), **PIP)
    said(place, model.predict(T), data=T, task="regression", sample=True)


@maker
def formula(place: Path) -> None:
    """With a column of text, which the formula turns into numbers."""
    frame = X[["age", "rate", "city"]].assign(y=VALUE)[FEW]
    model = smf.ols("y ~ age + rate + C(city)", frame).fit()
    given = X[["age", "rate", "city"]].iloc[::3].reset_index(drop=True)
    mlflow.statsmodels.save_model(model, place / "model", signature=infer_signature(given), **PIP)
    said(place, model.predict(given), data=given, task="regression", sample=True)


@maker
def logit(place: Path) -> None:
    """Gives the probability of the last class, and knows no labels."""
    model = sm.Logit(CODE[FEW], S[FEW]).fit(disp=0)
    mlflow.statsmodels.save_model(model, place / "model", remove_data=True, signature=infer_signature(S), **PIP)
    p = model.predict(T).to_numpy()
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=T, sample=True, task="binary",
        classes=["no", "yes"], declare={"classes": ["no", "yes"]}, asks="classes",
    )  # fmt: skip


@maker
def binomial(place: Path) -> None:
    """The same, by a generalised linear model."""
    model = sm.GLM(CODE[FEW], S[FEW], family=sm.families.Binomial()).fit()
    mlflow.statsmodels.save_model(model, place / "model", remove_data=True, signature=infer_signature(S), **PIP)
    p = model.predict(T).to_numpy()
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=T, sample=True, task="binary",
        classes=["no", "yes"], declare={"classes": ["no", "yes"]}, asks="classes",
    )  # fmt: skip


@maker
def several(place: Path) -> None:
    """Gives a probability for each class."""
    names, places = np.unique(THREE[FEW], return_inverse=True)
    model = sm.MNLogit(places, S[FEW]).fit(disp=0, method="bfgs")
    mlflow.statsmodels.save_model(model, place / "model", signature=infer_signature(S), **PIP)
    p = np.asarray(model.predict(T))
    said(
        place, names[p.argmax(axis=1)], p, data=T, sample=True, task="multiclass", classes=list(names),
        declare={"classes": list(names)}, asks="classes",
    )  # fmt: skip


@maker
def series(place: Path) -> None:
    """A row says from where to where, and is answered by all values between."""
    model = ARIMA(np.sin(np.arange(40.0)), order=(1, 0, 0)).fit()
    given = pd.DataFrame({"start": [40, 42, 45], "end": [41, 44, 45]})
    mlflow.statsmodels.save_model(model, place / "model", signature=infer_signature(given), **PIP)
    rows = [model.predict(start=a, end=b).tolist() for a, b in given.itertuples(index=False)]
    said(place, rows, data=given, task="other", sample=True)
