"""A client of the Open Inference Protocol: health, metadata, inference with a tensor for each column, and an error."""

import json
import sys
from urllib.parse import urlsplit

import numpy as np
import tritonclient.http as triton

given = json.loads(sys.argv[1])
client = triton.InferenceServerClient(urlsplit(given["url"]).netloc)
inputs = [triton.InferInput("age", [2, 1], "FP64"), triton.InferInput("plan", [2, 1], "BYTES")]
inputs[0].set_data_from_numpy(np.array([[2.0], [8.0]]), binary_data=False)
inputs[1].set_data_from_numpy(np.array([["basic"], ["gold"]], dtype=object), binary_data=False)
outputs = [triton.InferRequestedOutput(name, binary_data=False) for name in ("target", "Probability_yes")]
answer = client.infer("churn", inputs, outputs=outputs, request_id="7")
try:
    client.infer("nothing", inputs, outputs=outputs)
    missing = ""
except triton.InferenceServerException as error:
    missing = error.message()
print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": [client.is_server_ready(), client.is_model_ready("churn")],
            "server": client.get_server_metadata()["name"],
            "metadata": client.get_model_metadata("churn"),
            "index": client.get_model_repository_index(),
            "id": answer.get_response()["id"],
            "labels": answer.as_numpy("target").tolist(),
            "probabilities": answer.as_numpy("Probability_yes").tolist(),
            "missing": missing,
        }
    )
)
