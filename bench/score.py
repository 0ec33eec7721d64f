"""Scoring Parquet to Parquet with LightGBM, 20 numbers a row: Muster, the least code, and MLflow's pyfunc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scoring import Predict, Work, main

COLUMNS = [f"x{i}" for i in range(20)]


def _make(random: np.random.Generator, rows: int) -> pa.Table:
    return pa.table({c: random.normal(size=rows) for c in COLUMNS})


def _train(frame: Any, y: npt.NDArray[np.int64]) -> Any:
    import lightgbm

    return lightgbm.LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=1, verbose=-1).fit(frame, y)


def _save(model: Any, folder: Path) -> None:
    model.booster_.save_model(folder / "model.txt")


def _load(folder: Path) -> Predict:
    import lightgbm

    booster = lightgbm.Booster(model_file=folder / "model.txt")
    return lambda frame: booster.predict(frame, num_threads=1)  # type: ignore[return-value]


WORK = Work(
    name="numbers",
    title="LightGBM",
    program=__file__,
    schema=pa.schema([(c, pa.float64()) for c in COLUMNS]),
    make=_make,
    train=_train,
    save=_save,
    load=_load,
    packages=("lightgbm",),
)

if __name__ == "__main__":
    main(WORK, [200_000, 1_000_000, 2_000_000], __doc__ or "")
