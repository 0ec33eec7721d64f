from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from muster.config import Settings
from muster.errors import InvalidConfig, SourceError, SourceUnavailable
from muster.predictors.tracking.address import place
from muster.predictors.tracking.login import mlflow_login
from muster.predictors.tracking.source import TrackingSource
from muster.predictors.tracking.transport import Transport
from tests.tracking import Tracking, tracking

RUNS = "/api/2.0/mlflow/runs/get"


def ask(url: str) -> object:
    return Transport(mlflow_login(place(url))).get(RUNS, {"run_id": "x"})


def once(*faults: int | str) -> Iterator[int | str | None]:
    yield from faults
    while True:
        yield None


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, "drop"])
def test_what_passes_is_tried_again(fault: int | str, server: Tracking) -> None:
    server.runs["x"] = {"info": {}}
    faults = once(fault, fault)
    server.fault = lambda _: next(faults)
    assert ask(server.url) == {"run": {"info": {}}}
    assert len(server.seen) == 3


def test_a_download_that_breaks_off_is_begun_again(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    cut = once("cut", "cut")
    server.fault = lambda call: next(cut) if call.endswith("/weights") else None
    path = source.fetch("models:/Churn/1", tmp_path).path
    assert (path / "data/weights").read_bytes() == (model / "data/weights").read_bytes()
    assert sum(call.endswith("/weights") for call in server.seen) == 3


def test_a_download_that_always_breaks_off_fails(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    server.fault = lambda call: "cut" if call.endswith("/weights") else None
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        source.fetch("models:/Churn/1", tmp_path)


def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    with tracking() as state:
        url = state.url
    with pytest.raises(SourceUnavailable, match="cannot be reached: Connection refused") as caught:
        ask(url)
    assert url in caught.value.message


def test_a_page_instead_of_json_is_told_as_that(server: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    server.runs["x"] = {}
    monkeypatch.setattr("tests.tracking.json.dumps", lambda _: "<html>log in</html>")
    with pytest.raises(SourceError, match="answered something else than JSON: <html>log in"):
        ask(server.url)


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "t0k"}, "Bearer t0k"),
        (
            {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "s3cr3t", "MLFLOW_TRACKING_TOKEN": "t0k"},
            "Basic " + base64.b64encode(b"ada:s3cr3t").decode(),
        ),
    ],
)
def test_credentials_are_found_where_mlflow_has_them(
    variables: dict[str, str], header: str, server: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.runs["x"], server.auth = {}, header
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ask(server.url) == {"run": {}}


def test_credentials_of_the_file_and_of_the_address(server: Tracking, tmp_path: Path) -> None:
    (tmp_path / "home/.mlflow").mkdir()
    (tmp_path / "home/.mlflow/credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = 50%off\n"
    )
    server.runs["x"], server.auth = {}, "Basic " + base64.b64encode(b"ada:50%off").decode()
    assert ask(server.url) == {"run": {}}
    server.auth = "Basic " + base64.b64encode(b"bob:p@ss").decode()
    assert ask(server.url.replace("//", "//bob:p%40ss@")) == {"run": {}}


def test_no_secret_is_in_what_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cr3t")
    where = place("https://ada:s3cr3t@host:443/prefix/")
    login = mlflow_login(where)
    assert login.url == where.url == "https://host/prefix"
    assert "s3cr3t" not in f"{where!r} {login!r}"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cr3t\nX: y")
    with pytest.raises(InvalidConfig) as caught:
        mlflow_login(place("https://host"))
    assert "s3cr3t" not in str(caught.value)


def test_plugins_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_AWS_SIGV4", "true")
    with pytest.raises(InvalidConfig, match="plugins of MLflow's"):
        mlflow_login(place("https://host"))


@contextmanager
def answering(status: int, headers: dict[str, str], seen: list[tuple[str, str]]) -> Iterator[str]:
    """A server that gives one answer, and notes what was asked with which credentials."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return None

        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Authorization", "")))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_redirect_elsewhere_takes_no_credentials_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0k")
    there: list[tuple[str, str]] = []
    here: list[tuple[str, str]] = []
    with answering(200, {}, there) as elsewhere, answering(302, {"Location": f"{elsewhere}/x"}, here) as url:
        assert ask(url) == {}
    assert here[0][1] == "Bearer t0k"
    assert there == [("/x", "")]


def test_a_redirect_to_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("{}")
    with (
        answering(302, {"Location": (tmp_path / "secret").as_uri()}, []) as url,
        pytest.raises(Exception, match="30") as caught,
    ):
        ask(url)
    assert "secret" not in str(caught.value)


def test_requests_go_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []
    with answering(200, {}, seen) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        assert ask("http://mlflow.example:5000/ml") == {}
    assert seen[0][0] == f"http://mlflow.example:5000/ml{RUNS}?run_id=x"


def test_a_certificate_is_trusted_by_its_bundle_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("no openssl here to make a certificate with")
    with tracking(certificate=(certificate, key)) as state:
        state.runs["x"] = {}
        with pytest.raises(SourceUnavailable, match="is not trusted") as caught:
            ask(state.url)
        assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in caught.value.hint
        for name in ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            with monkeypatch.context() as patch:
                patch.setenv(name, str(certificate))
                assert ask(state.url) == {"run": {}}, name
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        assert ask(state.url) == {"run": {}}


def test_a_bundle_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/no/such/bundle.pem")
    with pytest.raises(InvalidConfig, match=r"/no/such/bundle\.pem"):
        mlflow_login(place("https://host"))


def test_the_setting_names_the_server(server: Tracking, model: Path, tmp_path: Path) -> None:
    server.add("Churn", model)
    (tmp_path / "here").mkdir()
    source = TrackingSource(Settings.load({"mlflow.tracking_uri": server.url}), lambda _: None)
    assert source.fetch("models:/Churn/1", tmp_path / "here").imported == f"{server.url}/Churn:1"


def test_a_server_may_live_below_a_path(model: Path, tmp_path: Path) -> None:
    with tracking("/ml flow") as state:
        state.add("Churn", model)
        (tmp_path / "here").mkdir()
        source = TrackingSource(Settings.load({}), lambda _: None)
        found = source.fetch(f"mlflow+{state.url.replace(' ', '%20')}/models/Churn/1", tmp_path / "here")
    assert (found.path / "MLmodel").is_file()
