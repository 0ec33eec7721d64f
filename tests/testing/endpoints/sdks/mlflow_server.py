"""MLflow's own scoring server, with the model that the local one has in the tests. Prints its port and serves until it is ended."""

import json
import socket
import sys
import tempfile
from typing import Any

import mlflow
import pandas as pd
import uvicorn
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel, scoring_server
from mlflow.types import ColSpec, Schema


class Churn(PythonModel):  # type: ignore[misc]  # nothing is known of the library here
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        if (model_input["age"] < 0).any():
            raise RuntimeError("no age is below zero")
        scores = model_input["age"] / 10 - 0.2 * (model_input["plan"] == "gold")
        return pd.Series(["yes" if score >= 0.5 else "no" for score in scores]).to_numpy()


signature = ModelSignature(Schema([ColSpec("double", "age"), ColSpec("string", "plan")]), Schema([ColSpec("string")]))
with tempfile.TemporaryDirectory() as folder:
    mlflow.pyfunc.save_model(f"{folder}/model", python_model=Churn(), signature=signature, pip_requirements=["mlflow"])
    app = scoring_server.init(mlflow.pyfunc.load_model(f"{folder}/model"))
listening = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
uvicorn.run(app, fd=listening.fileno(), log_level="warning")
sys.exit(0)
