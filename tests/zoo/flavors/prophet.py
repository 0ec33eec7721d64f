"""Prophet: rows in any order, two of one day."""

from __future__ import annotations

from pathlib import Path

import mlflow.prophet
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from prophet import Prophet

from tests.zoo.kit import maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "prophet", "cmdstanpy")}


@maker
def forecast(place: Path) -> None:
    days = pd.date_range("2024-01-01", periods=120)
    frame = pd.DataFrame(
        {"ds": days, "y": np.arange(120.0) + 5 * np.sin(np.arange(120) / 7), "price": np.arange(120) % 5.0}
    )
    model = Prophet(yearly_seasonality=False, daily_seasonality=False, uncertainty_samples=0)
    model.add_regressor("price")
    model.fit(frame, seed=1)
    given = pd.DataFrame(
        {"ds": pd.to_datetime(["2024-06-03", "2024-05-01", "2024-06-01", "2024-05-01"]), "price": [1.0, 4.0, 0.0, 2.0]}
    )
    mlflow.prophet.save_model(model, str(place / "model"), signature=infer_signature(given), **PIP)
    # One by one, since prophet sorts what it is given.
    values = [float(model.predict(given.iloc[[i]].reset_index(drop=True))["yhat"].iloc[0]) for i in range(len(given))]
    said(place, values, data=given.astype({"ds": "datetime64[ns]"}), sample=True, task="regression")
