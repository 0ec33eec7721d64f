"""The same with MLflow's own server, in its own environment and with its own users: what the server of the other tests claims holds."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import muster
from muster.config import Settings
from muster.errors import SourceDenied
from muster.predictors.tracking.address import ModelVersion, place
from muster.predictors.tracking.client import Client
from muster.predictors.tracking.login import mlflow_login
from muster.predictors.tracking.source import TrackingSource
from muster.predictors.tracking.transport import Transport
from tests.predictors.tracking.test_source import fetched
from tests.programs import installed
from tests.tracking import tracking

pytestmark = pytest.mark.deep

WANTED = "mlflow[auth]==3.17.2"
PASSWORD = "not-the-one-of-anybody"
FORMS = ("models:/Churn Model/3", "models:/Churn Model@Champion", "models:/Churn Model/latest")


def programs() -> Path:
    return installed("mlflow-server", WANTED)


class Server:
    """One that is started, killed, and started again on what it left."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environ = {
            **os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-tests",
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
            "PATH": f"{programs()}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [programs() / "mlflow", "server", "--app-name", "basic-auth", "--host", "127.0.0.1", "--port", str(self.port),
                 "--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db",
                 "--artifacts-destination", str(self._folder / "artifacts")],
                cwd=self._folder, env=environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + 180
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def made(real: Server) -> dict[str, Any]:
    environ = {**os.environ, "MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    script = Path(__file__).with_name("fill.py")
    done = subprocess.run([sys.executable, script, real.url], capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def source(real: Server, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> TrackingSource:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", real.url)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    return TrackingSource(Settings.load({}), lambda _: None)


def test_every_name_of_a_model_brings_its_files(source: TrackingSource, made: dict[str, Any], tmp_path: Path) -> None:
    forms = (*FORMS, f"models:/{made['models'][2]}", f"runs:/{made['runs'][2]}/model")
    brought = [fetched(source, form, tmp_path / str(n)) for n, form in enumerate(forms)]
    assert {"MLmodel", "model.pkl"} <= brought[0].keys()
    assert all(one == brought[0] for one in brought)
    assert fetched(source, "models:/Churn Model/Archived", tmp_path / "old") != brought[0]


def test_a_wrong_password_is_one_clear_error(
    source: TrackingSource, real: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wr0ng")
    with pytest.raises(SourceDenied, match="does not let you in \\(as the user `admin`\\)") as caught:
        source.fetch("models:/Churn Model/3", tmp_path)
    assert "wr0ng" not in str(caught.value)


def test_the_registry_is_moved_and_goes_on_after_a_kill(
    source: TrackingSource, real: Server, made: dict[str, Any], tmp_path: Path
) -> None:
    with muster.open(tmp_path / "hub") as hub:
        cut = hub.register_all(real.url, environment="current", parallel=1, watch=lambda item, done, total: real.kill())
        assert [i.outcome for i in cut.items] == ["imported", "waiting"]
        assert "cannot be reached" in cut.stopped
        assert [v.number for v in hub.versions("churn-model")] == [1]
        real.start()
        report = hub.register_all(environment="current")
        assert [(i.ref, i.outcome) for i in report.items] == [("churn-model:1", "there"), ("churn-model:3", "imported")]
        version = hub.version("churn-model@champion")
        run = version.lineage["run"]
        assert isinstance(run, dict)
        assert (version.number, version.tags["team"]) == (3, "ops")
        metrics = run["metrics"]
        assert isinstance(metrics, dict)
        assert metrics["auc"] == pytest.approx(0.83)
        assert hub.model("churn-model").description == "Who leaves"
        answer = hub.predict("churn-model@champion", made["rows"])
        assert answer["probabilities"].to_pylist() == [pytest.approx(p, abs=1e-12) for p in made["probabilities"]]


CALLS: dict[str, Callable[[Client, str], Any]] = {
    "runs/get": lambda c, run: c.run(run),
    "model-versions/get": lambda c, run: c.version(ModelVersion("Churn Model", 1)),
    "registered-models/get": lambda c, run: c.model("Churn Model"),
    "registered-models/search": lambda c, run: next(m for m in c.models() if m["name"] == "Churn Model"),
    "model-versions/search": lambda c, run: next(iter(c.versions("Churn Model"))),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_server_of_the_other_tests_answers_alike(
    call: str, source: TrackingSource, real: Server, made: dict[str, Any], tmp_path: Path
) -> None:
    with tracking() as state:
        state.add("Churn Model", tmp_path, "Champion", tags={"team": "ops"})
        state.auth = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        answers = []
        for url, run in ((real.url, made["runs"][0]), (state.url, f"{1:032x}")):
            client = Client(Transport(mlflow_login(place(url))), "mlflow")
            answers.append(CALLS[call](client, run))
    actual, ours = answers
    unset = {"tags", "aliases", "description", "run_link", "user_id"}  # which a server leaves out where it has none
    assert ours.keys() <= actual.keys() | unset, "keys that a real server never sends"
    assert all(type(ours[k]) is type(actual[k]) for k in ours.keys() & actual.keys())
