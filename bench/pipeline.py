"""Scoring Parquet to Parquet with a scikit-learn pipeline, 15 numbers and 5 texts a row: Muster, the least code, and MLflow's pyfunc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scoring import Predict, Work, main

NUMBERS = [f"x{i}" for i in range(15)]
TEXTS = [f"s{i}" for i in range(5)]


def _make(random: np.random.Generator, rows: int) -> pa.Table:
    texts = {c: pa.array([f"{c}-{n}" for n in range(4 * (i + 1))]) for i, c in enumerate(TEXTS)}
    columns = {c: pa.array(random.normal(size=rows)) for c in NUMBERS}
    return pa.table(columns | {c: t.take(pa.array(random.integers(len(t), size=rows))) for c, t in texts.items()})


def _train(frame: Any, y: npt.NDArray[np.int64]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [("numbers", StandardScaler(), NUMBERS), ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS)]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(frame, y)


def _save(model: Any, folder: Path) -> None:
    import joblib

    joblib.dump(model, folder / "model.joblib")


def _load(folder: Path) -> Predict:
    import joblib

    model = joblib.load(folder / "model.joblib")
    return lambda frame: model.predict_proba(frame)[:, 1]  # type: ignore[no-any-return]


WORK = Work(
    name="pipeline",
    title="scikit-learn pipeline",
    program=__file__,
    schema=pa.schema([*((c, pa.float64()) for c in NUMBERS), *((c, pa.string()) for c in TEXTS)]),
    make=_make,
    train=_train,
    save=_save,
    load=_load,
    packages=("scikit-learn",),
)

if __name__ == "__main__":
    main(WORK, [200_000, 1_000_000, 2_000_000], __doc__ or "")
