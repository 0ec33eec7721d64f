"""KServe's own model server, with the model that the local one has in the tests. Prints its port and serves until it is ended."""

import json
import socket
import sys
from typing import Any

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Churn(Model):  # type: ignore[misc]  # nothing is known of the library here
    def __init__(self) -> None:
        super().__init__("churn")
        self.ready = True

    async def get_input_types(self) -> list[dict[str, Any]]:
        return [
            {"name": "age", "datatype": "FP64", "shape": [-1, 1]},
            {"name": "plan", "datatype": "BYTES", "shape": [-1, 1]},
        ]

    async def get_output_types(self) -> list[dict[str, Any]]:
        return [{"name": "predict", "datatype": "BYTES", "shape": [-1]}]

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if isinstance(payload, InferRequest):
            columns = {one.name: one.as_numpy().ravel().tolist() for one in payload.inputs}
            labels = [_label(age, plan) for age, plan in zip(columns["age"], columns["plan"], strict=True)]
            tensor = InferOutput("predict", [len(labels)], "BYTES", labels)
            return InferResponse(payload.id or "made", "churn", [tensor])
        return {"predictions": [_label(row["age"], row["plan"]) for row in payload["instances"]]}


def _label(age: float, plan: str) -> str:
    return "yes" if age / 10 - 0.2 * (plan == "gold") >= 0.5 else "no"


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
print(json.dumps({"port": port}), flush=True)
ModelServer(http_port=port, enable_grpc=False, workers=1).start([Churn()])
sys.exit(0)
