"""Azure's own credentials and pipeline over REST: every page of endpoints, deployments, keys, and scoring in each auth mode."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential

given = json.loads(sys.argv[1])
settings, ca = given["settings"], given["ca_bundle"]
common = {"authority": settings["authority"], "disable_instance_discovery": True, "connection_verify": ca}
if "AZURE_CLIENT_SECRET" in os.environ:
    credential = ClientSecretCredential(
        settings["tenant_id"], settings["client_id"], os.environ["AZURE_CLIENT_SECRET"], **common
    )
elif "AZURE_CLIENT_CERTIFICATE_PATH" in os.environ:
    path = os.environ["AZURE_CLIENT_CERTIFICATE_PATH"]
    credential = CertificateCredential(settings["tenant_id"], settings["client_id"], path, **common)
else:
    credential = ManagedIdentityCredential(connection_verify=ca)


def client(scope: str) -> Any:
    chain = [
        policies.HeadersPolicy(),
        policies.RetryPolicy(retry_total=2, retry_backoff_factor=0.01),
        policies.BearerTokenCredentialPolicy(credential, scope),
    ]
    return PipelineClient(settings["management_url"], policies=chain, connection_verify=ca)


arm, scoring = client("https://management.azure.com/.default"), client("https://ml.azure.com/.default")
bare = PipelineClient(settings["management_url"], policies=[policies.HeadersPolicy()], connection_verify=ca)
base = (
    f"{settings['management_url']}/subscriptions/{settings['subscription_id']}/resourceGroups/{settings['resource_group']}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{settings['workspace']}"
)


def asked(method: str, url: str, pipeline: Any = arm, **more: Any) -> Any:
    answer = pipeline.send_request(HttpRequest(method, url, **more))
    answer.raise_for_status()
    return answer.json()


def pages(url: str) -> Iterator[Any]:
    while url:
        page = asked("GET", url)
        yield from page["value"]
        url = page.get("nextLink", "")


names = [one["name"] for one in pages(f"{base}/onlineEndpoints?api-version=2024-10-01")]
found = {}
for name in names:
    at = f"{base}/onlineEndpoints/{name}"
    endpoint = asked("GET", f"{at}?api-version=2024-10-01")["properties"]
    deployments = [one["name"] for one in pages(f"{at}/deployments?api-version=2024-10-01")]
    body = {"input_data": {"columns": ["age", "plan"], "data": [[2, "basic"], [8, "gold"]]}}
    if endpoint["authMode"] == "AADToken":
        answer = asked("POST", endpoint["scoringUri"], scoring, json=body)
    else:
        what = {"Key": ("listKeys", "primaryKey"), "AMLToken": ("token", "accessToken")}[endpoint["authMode"]]
        secret = asked("POST", f"{at}/{what[0]}?api-version=2024-10-01")[what[1]]
        answer = asked("POST", endpoint["scoringUri"], bare, json=body, headers={"Authorization": f"Bearer {secret}"})
    found[name] = [endpoint["authMode"], deployments, answer]
try:
    asked("GET", f"{base}/onlineEndpoints/nothing?api-version=2024-10-01")
    missing = ""
except HttpResponseError as error:
    missing = error.error.code
print(json.dumps({"found": found, "missing": missing}))
