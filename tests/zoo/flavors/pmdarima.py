"""pmdarima: a row asks for so many periods, and is answered by their list."""

from __future__ import annotations

from pathlib import Path

import mlflow.pmdarima
import numpy as np
import pandas as pd
import pmdarima
from mlflow.models import infer_signature

from tests.zoo.kit import maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "pmdarima", "scikit-learn", "scipy", "statsmodels")}


@maker
def periods(place: Path) -> None:
    model = pmdarima.ARIMA(order=(1, 0, 0)).fit(np.sin(np.arange(40.0)))
    given = pd.DataFrame({"n_periods": [2, 4]})
    mlflow.pmdarima.save_model(model, str(place / "model"), signature=infer_signature(given), **PIP)
    rows = [np.asarray(model.predict(n)).tolist() for n in given["n_periods"]]
    said(place, rows, data=given, sample=True, task="other")
