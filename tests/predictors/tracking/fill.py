"""Fills a real tracking server: `python fill.py URL`. Prints what was made, as JSON. In a process of its own, as MLflow warns."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

warnings.simplefilter("ignore")
import mlflow  # noqa: E402
import pandas as pd  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

NAME = "Churn Model"


def main(url: str) -> dict[str, Any]:
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("churn")
    client = mlflow.MlflowClient()
    rows = pd.DataFrame({"age": [22.0, 35.0, 58.0, 71.0, 44.0, 63.0], "visits": [1.0, 4.0, 2.0, 8.0, 3.0, 9.0]})
    found: dict[str, Any] = {"rows": rows.to_dict("list"), "runs": [], "models": []}
    for depth in (1, 2, 3):
        with mlflow.start_run() as run:
            mlflow.log_metric("auc", 0.8 + depth / 100)
            mlflow.log_param("depth", depth)
            model = LogisticRegression(C=depth).fit(rows, ["no", "no", "yes", "yes", "no", "yes"])
            logged = mlflow.sklearn.log_model(
                model, name="model", input_example=rows, registered_model_name=NAME, serialization_format="cloudpickle"
            )
        found["runs"].append(run.info.run_id)
        found["models"].append(logged.model_id)
        found["probabilities"] = model.predict_proba(rows).tolist()
    client.delete_model_version(NAME, "2")
    client.set_registered_model_alias(NAME, "Champion", "3")
    client.set_model_version_tag(NAME, "3", "team", "ops")
    client.update_registered_model(NAME, description="Who leaves")
    client.transition_model_version_stage(NAME, "1", "Archived")
    mlflow.register_prompt(name="greeting", template="Hello {{name}}")
    return found


print(json.dumps(main(sys.argv[1])))
