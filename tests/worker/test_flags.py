"""Flags that are missing, as xgboost takes them."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

from muster.worker.loaders import load

TRAINED = pd.DataFrame({"b": [True, False] * 20, "x": np.arange(40.0)})
ROWS = pa.record_batch({"b": [True, None, False], "x": [1.0, 2.0, 3.0]})
NUMBERS = pd.DataFrame({"b": [1.0, np.nan, 0.0], "x": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("whole", [True, False])
def test_flags_that_are_missing_are_missing_numbers(whole: bool, tmp_path: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=3).fit(TRAINED, [0, 1] * 20)
    joblib.dump(model if whole else model.get_booster(), tmp_path / "m.joblib")
    loaded = load({"loader": "object", "file": "m.joblib", "format": "joblib", "input": "pandas"}, str(tmp_path))
    answer = loaded.call(ROWS, {}, ["predict_proba"] if whole else [])
    found = answer.column("predict_proba" if whole else "predict").to_pylist()
    expected = model.predict_proba(NUMBERS)
    assert np.allclose(np.array(found), expected if whole else expected[:, 1])
