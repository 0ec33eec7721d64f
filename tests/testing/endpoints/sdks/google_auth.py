"""Credentials of Google's own library over plain REST: every page of endpoints, one described, its model, predictions, errors."""

import json
import sys

import google.auth
from google.auth import impersonated_credentials
from google.auth.transport.requests import AuthorizedSession

given = json.loads(sys.argv[1])
scopes = ["https://www.googleapis.com/auth/cloud-platform"]
credentials, _ = google.auth.default(scopes=scopes)
if "impersonate" in given["settings"]:
    credentials = impersonated_credentials.Credentials(
        credentials, given["settings"]["impersonate"], scopes, iam_endpoint_override=given["settings"]["iam_endpoint"]
    )
session = AuthorizedSession(credentials)
base = f"{given['url']}/v1/projects/{given['settings']['project_id']}/locations/{given['settings']['region']}"
names, token = [], ""
while True:
    page = session.get(f"{base}/endpoints", params={"pageToken": token} if token else {}).json()
    names += [one["displayName"] for one in page["endpoints"]]
    token = page.get("nextPageToken", "")
    if not token:
        break
endpoint = session.get(f"{base}/endpoints/{given['id']}").json()
first = endpoint["deployedModels"][0]
model = session.get(f"{given['url']}/v1/{first['model']}@{first['modelVersionId']}").json()
body = {"instances": given["instances"]}
predicted = session.post(f"{base}/endpoints/{given['id']}:predict", json=body).json()
raw = session.post(f"{base}/endpoints/{given['id']}:rawPredict", json=body)
print(
    json.dumps(
        {
            "names": names,
            "deployed": first["id"],
            "image": model["containerSpec"]["imageUri"],
            "predicted": predicted,
            "raw": raw.headers["X-Vertex-AI-Deployed-Model-Id"],
            "missing": session.get(f"{base}/endpoints/1").status_code,
        }
    )
)
