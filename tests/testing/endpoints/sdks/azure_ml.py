"""Azure ML's SDK: endpoints, one of them, its deployments, its keys, and a call of each deployment."""

import json
import os
import sys
import tempfile

given = json.loads(sys.argv[1])
settings, ca = given["settings"], given["ca_bundle"]
os.environ["REQUESTS_CA_BUNDLE"] = ca
os.environ["AZURE_CORE_COLLECT_TELEMETRY"] = "0"

from azure.ai.ml import MLClient
from azure.ai.ml._azure_environments import _environments
from azure.identity import ClientSecretCredential

url = given["url"]
_environments["MusterTests"] = {
    **_environments["AzureCloud"], "azure_portal": url, "resource_manager": url, "active_directory": url, "registry_discovery_endpoint": url,
}  # fmt: skip
credential = ClientSecretCredential(
    settings["tenant_id"], settings["client_id"], os.environ["AZURE_CLIENT_SECRET"],
    authority=url, disable_instance_discovery=True, connection_verify=ca,
)  # fmt: skip
client = MLClient(credential, settings["subscription_id"], settings["resource_group"], settings["workspace"], cloud="MusterTests")
names = [one.name for one in client.online_endpoints.list()]
endpoint = client.online_endpoints.get(given["name"])
deployments = {one.name: [one.instance_type, one.instance_count] for one in client.online_deployments.list(given["name"])}
keys = client.online_endpoints.get_keys(given["name"])
with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    json.dump({"input_data": {"columns": ["age", "plan"], "data": [[2, "basic"]]}}, file)
    file.flush()
    calls = {one: client.online_endpoints.invoke(given["name"], request_file=file.name, deployment_name=one) for one in deployments}
print(
    json.dumps({
        "names": names,
        "traffic": endpoint.traffic,
        "auth_mode": endpoint.auth_mode,
        "scoring_uri": endpoint.scoring_uri,
        "deployments": deployments,
        "key": bool(keys.primary_key),
        "calls": calls,
    })
)
