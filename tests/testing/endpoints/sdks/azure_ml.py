"""Azure ML's SDK: endpoints, one of them, its deployments, its keys, and a call of each deployment."""

import json
import os
import sys
import tempfile
from typing import Any


def client(given: Any) -> Any:
    """It has no address of its own to give: a cloud is added to those that it knows."""
    os.environ |= {"REQUESTS_CA_BUNDLE": given["ca_bundle"], "AZURE_CORE_COLLECT_TELEMETRY": "0"}
    from azure.ai.ml import MLClient
    from azure.ai.ml._azure_environments import _environments
    from azure.identity import ClientSecretCredential

    url, settings = given["url"], given["settings"]
    hosts = ("azure_portal", "resource_manager", "active_directory", "registry_discovery_endpoint")
    _environments["MusterTests"] = {**_environments["AzureCloud"], **dict.fromkeys(hosts, url)}
    credential = ClientSecretCredential(
        settings["tenant_id"], settings["client_id"], os.environ["AZURE_CLIENT_SECRET"],
        authority=url, disable_instance_discovery=True, connection_verify=given["ca_bundle"],
    )  # fmt: skip
    names = (settings["subscription_id"], settings["resource_group"], settings["workspace"])
    return MLClient(credential, *names, cloud="MusterTests")


def told(client: Any, name: str) -> Any:
    endpoint = client.online_endpoints.get(name)
    deployments = {one.name: [one.instance_type, one.instance_count] for one in client.online_deployments.list(name)}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"input_data": {"columns": ["age", "plan"], "data": [[2, "basic"]]}}, file)
        file.flush()
        calls = {
            one: client.online_endpoints.invoke(name, request_file=file.name, deployment_name=one)
            for one in deployments
        }
    return {
        "names": [one.name for one in client.online_endpoints.list()],
        "traffic": endpoint.traffic,
        "auth_mode": endpoint.auth_mode,
        "scoring_uri": endpoint.scoring_uri,
        "deployments": deployments,
        "key": client.online_endpoints.get_keys(name).primary_key,
        "calls": calls,
    }


given = json.loads(sys.argv[1])
print(json.dumps(told(client(given), given["name"])))
