"""Databricks' SDK: endpoints, each described, a query, a raw call, the data plane, errors and waits."""

import json
import os
import sys
import time
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import DatabricksError

given = json.loads(sys.argv[1])
names = {"token": "DATABRICKS_TOKEN", "client_id": "DATABRICKS_CLIENT_ID", "client_secret": "DATABRICKS_CLIENT_SECRET"}
secrets = {name: os.environ[variable] for name, variable in names.items() if variable in os.environ}
client = WorkspaceClient(
    config=Config(host=given["url"], config_file="/nonexistent", retry_timeout_seconds=5, **secrets)
)
records = [{"age": 2, "plan": "basic"}, {"age": 8, "plan": "gold"}]


def refused(name: str) -> str:
    try:
        client.serving_endpoints.query(name, dataframe_records=records)
    except DatabricksError as error:
        return type(error).__name__
    return ""


def lost(path: str, parsed: Any) -> list[str]:
    """What an answer has and the SDK's own class does not keep: fields that the service does not have."""
    return sorted(_lost(client.api_client.do("GET", path), parsed.as_dict()))


def _lost(answer: Any, kept: Any, at: str = "") -> list[str]:
    if isinstance(answer, list):
        return [f for one, other in zip(answer, kept, strict=True) for f in _lost(one, other, f"{at}[]")]
    if not isinstance(answer, dict):
        return [] if answer == kept else [at]
    found = []
    for name, value in answer.items():
        if name not in kept:
            found += [f"{at}.{name}"] if value not in ({}, [], "") else []
        else:
            found += _lost(value, kept[name], f"{at}.{name}")
    return found


listed = list(client.serving_endpoints.list())
described = {one.name: client.serving_endpoints.get(one.name) for one in listed if one.name}
raw = client.api_client.do(
    "POST",
    "/serving-endpoints/churn/invocations",
    body={"dataframe_records": records},
    response_headers=["served-model-name"],
)
began = time.monotonic()
print(
    json.dumps(
        {
            "names": list(described),
            "states": [one.state.ready.value for one in listed if one.state and one.state.ready],
            "lost": {name: lost(f"/api/2.0/serving-endpoints/{name}", one) for name, one in described.items()},
            "query": client.serving_endpoints.query("churn", dataframe_records=records).as_dict(),
            "raw": raw,
            "missing": refused("nothing"),
            "fast": client.serving_endpoints_data_plane.query("fast", dataframe_records=records).as_dict()
            if given["oauth"]
            else None,
            "me": client.current_user.me().user_name,
        }
    )
)
