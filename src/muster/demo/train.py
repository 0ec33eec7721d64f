"""Trains the demo's model, in an environment of its own: `python train.py MODEL MONTH…`. Imports nothing of Muster."""

from __future__ import annotations

import sys

import mlflow
import mlflow.sklearn
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

NUMBERS = ["hour", "minute", "weekday", "distance"]
WORDS = ["carrier", "origin", "dest"]


def trained(table: pd.DataFrame) -> Pipeline:
    """A pipeline of encoded words and trees over all columns."""
    words = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((words, WORDS), ("passthrough", NUMBERS))
    pipeline = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=80, random_state=13))
    known = table[table["late"].notna()]
    pipeline.fit(known[NUMBERS + WORDS], known["late"])
    return pipeline


def main(model: str, months: list[str]) -> None:
    table = pd.concat([pd.read_parquet(month) for month in months], ignore_index=True)
    pipeline = trained(table)
    example = table[NUMBERS + WORDS].head(5)
    signature = mlflow.models.infer_signature(example, pipeline.predict(example))
    mlflow.sklearn.save_model(
        pipeline, model, signature=signature, input_example=example, serialization_format="cloudpickle"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
