"""MLflow's own server beside the registry: in an environment of its own, on a database that is filled like Muster's."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.programs import installed

__all__ = ["WANTED", "Client", "serving"]

WANTED = "mlflow==3.17.2"
FILL = """
import sys
from mlflow.store.model_registry.dbmodels import models as m
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

url, count, versions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store, at = SqlAlchemyStore(url), 1_700_000_000_000
with store.ManagedSessionMaker() as session:
    for n in range(count):
        name = f"model-{n:05}"
        session.add(m.SqlRegisteredModel(name=name, creation_time=at, last_updated_time=at))
        session.add(m.SqlRegisteredModelTag(name=name, key="team", value="ops" if n % 100 == 0 else "other"))
        for v in range(1, versions + 1):
            session.add(m.SqlModelVersion(
                name=name, version=v, creation_time=at, last_updated_time=at, source=f"/models/{name}/{v}",
                current_stage="None", status="READY", run_id=None,
            ))
        session.add(m.SqlRegisteredModelAlias(name=name, alias="champion", version=versions))
        if n % 500 == 499:
            session.flush()
            session.expunge_all()
"""


class Client:
    """One connection that is kept open, as MLflow's own client keeps it, without what that client adds."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str, **query: object) -> object:
        return self._ask("GET", f"{path}?{urlencode(query)}", None)

    def post(self, path: str, **body: object) -> object:
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None) -> object:
        self._connection.request(
            method, f"/api/2.0/mlflow/{path}", body, {"Content-Type": "application/json"} if body else {}
        )
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"mlflow answered {answer.status}: {text.decode(errors='replace')[:500]}")
        return json.loads(text)


@contextmanager
def serving(database: str, folder: Path, models: int, versions: int) -> Iterator[Client]:
    """A server of one worker over a new database that has these models."""
    python = installed("mlflow-peer", WANTED, "psycopg2-binary") / "python"
    subprocess.run(
        [python, "-c", FILL, database, str(models), str(versions)], check=True, capture_output=True, cwd=folder
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [python.parent / "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        _await(port, process, folder / "server.log")
        yield Client(port)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 300
    while True:
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"the server of MLflow did not start:\n{log.read_text()[-3000:]}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
