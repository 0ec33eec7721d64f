"""What MLflow and Evidently say of predictions in a Parquet file, each in an environment of its own: `bench/evaluate.py --peers`.

The same few lines that their users write: the file as a pandas frame, and their classification or regression report of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.programs import installed

__all__ = ["PEERS", "command"]

_READ = """
import sys, warnings, logging, json
warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd
task, path = sys.argv[1:3]
frame = pd.read_parquet(path)
names = [c for c in frame.columns if c.startswith("probability_")]
"""
_MLFLOW = """
import os, tempfile
os.chdir(tempfile.mkdtemp())  # where it leaves its artifacts
os.environ.update(MLFLOW_TRACKING_URI="sqlite:///mlflow.db", TQDM_DISABLE="1")
logging.disable(logging.CRITICAL)
import mlflow
with mlflow.start_run():
    told = mlflow.models.evaluate(
        data=frame[["y", "prediction"]], targets="y", predictions="prediction",
        model_type="regressor" if task == "regression" else "classifier", evaluators=["default"],
    )
m = told.metrics
print(json.dumps({"mae": m["mean_absolute_error"]} if task == "regression" else {"accuracy": m["accuracy_score"]}))
"""
_EVIDENTLY = """
from evidently import BinaryClassification, DataDefinition, Dataset, MulticlassClassification, Regression, Report
from evidently.presets import ClassificationPreset, RegressionPreset
if task == "regression":
    asked = DataDefinition(regression=[Regression(target="y", prediction="prediction")])
elif task == "binary":
    asked = DataDefinition(classification=[BinaryClassification(
        target="y", prediction_labels="prediction", prediction_probas="probability_1", pos_label=1)])
else:
    frame = frame.rename(columns={c: c.removeprefix("probability_") for c in names})
    frame["y"], frame["prediction"] = frame["y"].astype(str), frame["prediction"].astype(str)
    asked = DataDefinition(classification=[MulticlassClassification(
        target="y", prediction_labels="prediction", prediction_probas=[c.removeprefix("probability_") for c in names])])
preset = RegressionPreset() if task == "regression" else ClassificationPreset()
made = Report([preset]).run(Dataset.from_pandas(frame, data_definition=asked), None)
found = {m["metric_name"].split("(")[0]: m["value"] for m in made.dict()["metrics"]}
value = found["MAE"]["mean"] if task == "regression" else found["Accuracy"]
print(json.dumps({"mae" if task == "regression" else "accuracy": value}))
"""
PEERS = {
    "mlflow": (("mlflow==3.17.2",), _MLFLOW),
    "evidently": (("evidently==0.7.23", "pandas<3"), _EVIDENTLY),
}


def command(peer: str, task: str, data: Path) -> list[str | Path]:
    """Run by the peer's own interpreter; what it prints are figures that Muster must agree with."""
    wanted, program = PEERS[peer]
    return [installed(f"{peer}-evaluate-peer", *wanted) / "python", "-c", _READ + program, task, data.resolve()]
