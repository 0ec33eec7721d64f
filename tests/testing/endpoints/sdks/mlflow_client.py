"""MLflow's own client of a scoring server."""

import json
import sys
from urllib.parse import urlsplit

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

given = json.loads(sys.argv[1])
url = urlsplit(given["url"])
client = ScoringServerClient(url.hostname, url.port)
client.wait_server_ready(timeout=5)
frame = pd.DataFrame({"age": [2.0, 8.0], "plan": ["basic", "gold"]})
answer = client.invoke(frame)
refused = ""
try:
    client.invoke(frame[["age"]])
except Exception as error:  # noqa: BLE001  # the client raises nothing more exact
    refused = str(error)
print(
    json.dumps(
        {
            "version": client.get_version(),
            "predictions": answer.get_predictions()[0].tolist(),
            "refused": refused,
        }
    )
)
