"""Vertex AI's SDK: endpoints, a model, a prediction, an error. Its messages refuse fields that the service does not have."""

import json
import os
import sys
from typing import Any

import google.auth.transport.requests
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import Endpoint, ListEndpointsResponse, Model, PredictResponse
from google.oauth2 import service_account
from google.protobuf import json_format

given = json.loads(sys.argv[1])
settings = given["settings"]
credentials = service_account.Credentials.from_service_account_file(
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"], scopes=["https://www.googleapis.com/auth/cloud-platform"]
)
aiplatform.init(
    project=settings["project_id"],
    location=settings["region"],
    api_endpoint=given["url"],
    api_transport="rest",
    credentials=credentials,
)
names = sorted(endpoint.display_name for endpoint in aiplatform.Endpoint.list())
endpoint = aiplatform.Endpoint(given["id"])
answer = endpoint.predict(instances=given["instances"])
model = aiplatform.Model(f"{answer.model_resource_name}@{answer.model_version_id}")


def refused(name: str, instances: Any) -> str:
    try:
        aiplatform.Endpoint(name).predict(instances=instances)
    except GoogleAPICallError as error:
        return type(error).__name__
    return ""


# Strict: unknown fields, wrong types and unknown enums are errors, which the client above would pass over.
credentials.refresh(google.auth.transport.requests.Request())
headers = {"Authorization": f"Bearer {credentials.token}"}
base = f"{given['url']}/v1/projects/{settings['project_id']}/locations/{settings['region']}"
strict = []
for kind, url in (
    (ListEndpointsResponse, f"{base}/endpoints"),
    *((Endpoint, f"{base}/endpoints/{id}") for id in given["ids"]),
    *((Model, f"{given['url']}/v1/{m}") for m in given["models"]),
):
    json_format.Parse(requests.get(url, headers=headers).text, kind.pb(kind()))
    strict.append(kind.__name__)
text = requests.post(
    f"{base}/endpoints/{given['id']}:predict", json={"instances": given["instances"]}, headers=headers
).text
json_format.Parse(text, PredictResponse.pb(PredictResponse()))
print(
    json.dumps(
        {
            "names": names,
            "split": dict(endpoint.traffic_split),
            "predictions": answer.predictions,
            "deployed": answer.deployed_model_id,
            "version": answer.model_version_id,
            "model": [model.display_name, model.version_id, model.container_spec.image_uri],
            "missing": refused("1234", given["instances"]),
            "invalid": refused(given["id"], [["not", "a", "number", "or so"]]),
            "strict": strict,
        }
    )
)
