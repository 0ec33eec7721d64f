"""MLServer, with the model that the local server has in the tests. Prints its port and serves until it is ended."""

import asyncio
import json
import socket
from typing import Any

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor


class Churn(MLModel):  # type: ignore[misc]  # nothing is known of the library here
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        columns = {one.name: one for one in payload.inputs}
        ages = NumpyCodec.decode_input(columns["age"]).ravel()
        plans = StringCodec.decode_input(columns["plan"])
        labels = [
            "yes" if age / 10 - 0.2 * (plan == "gold") >= 0.5 else "no" for age, plan in zip(ages, plans, strict=True)
        ]
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[StringCodec.encode_output("predict", labels, use_bytes=False)],
        )


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def serve() -> Any:
    http, grpc, metrics = free(), free(), free()
    settings = Settings(
        host="127.0.0.1",
        http_port=http,
        grpc_port=grpc,
        metrics_port=metrics,
        metrics_endpoint=None,
        parallel_workers=0,
        debug=False,
    )
    inputs = [
        MetadataTensor(name="age", datatype="FP64", shape=[-1, 1]),
        MetadataTensor(name="plan", datatype="BYTES", shape=[-1, 1]),
    ]
    outputs = [MetadataTensor(name="predict", datatype="BYTES", shape=[-1])]
    model = ModelSettings(
        name="churn",
        implementation=Churn,
        platform="sklearn_sklearn",
        inputs=inputs,
        outputs=outputs,
        parameters=ModelParameters(version="1"),
    )
    server = MLServer(settings)
    print(json.dumps({"port": http}), flush=True)
    await server.start([model])


asyncio.run(serve())
