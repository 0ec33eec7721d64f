"""A tracking server for tests: the REST API of MLflow 3 and of Databricks as far as clients use it to find and fetch models.

Its answers are modelled on those of a real server (`tests/predictors/tracking/test_real_server.py` asks one the same), and on
what Databricks documents. Faults can be put in the way.
"""

from __future__ import annotations

import base64
import itertools
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

__all__ = ["Tracking", "tracking"]

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
NOON = 1_772_366_400_000


Route = Callable[[dict[str, Any]], dict[str, Any]]


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


def missing(message: str) -> Refusal:
    return Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)


@dataclass
class Tracking:
    """What a server holds. `artifacts` has each artifact root with its folder here; `auth` is the header that it wants."""

    url: str = ""
    auth: str = ""
    page: int = 2
    """Items of a page, so that lists have several."""
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    uris: dict[tuple[str, int], str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    logged: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)
    lent: dict[str, Any] = field(default_factory=dict)
    """The credentials that Unity Catalog lends."""
    clients: dict[str, str] = field(default_factory=dict)
    """Service principals with their secrets."""
    instead: dict[str, Route] = field(default_factory=dict)
    """Other answers than its own, by route."""
    seen: list[str] = field(default_factory=list)
    fault: Callable[[str], int | str | None] = lambda _: None
    """Asked with `METHOD path` before each answer: a status to refuse with, `cut`, `drop`, or None."""

    def add(
        self,
        name: str,
        folder: Path,
        *aliases: str,
        number: int | None = None,
        tags: dict[str, str] | None = None,
        **more: Any,
    ) -> int:
        """A version whose files are those of a folder, logged by a run of its own."""
        model = self.models.setdefault(
            name,
            {
                "name": name,
                "creation_timestamp": NOON,
                "last_updated_timestamp": NOON,
                "aliases": [],
                "tags": [],
                "description": "",
            },
        )
        number = number or 1 + max((n for m, n in self.versions if m == name), default=0)
        run = f"{len(self.runs) + 1:032x}"
        root = f"1/{run}/artifacts"
        self.runs[run] = _run(run, f"mlflow-artifacts:/{root}", number)
        self.artifacts[f"{root}/model"] = folder
        self.uris[name, number] = f"mlflow-artifacts:/{root}/model"
        self.versions[name, number] = {
            "name": name, "version": str(number), "creation_timestamp": NOON + number, "last_updated_timestamp": NOON + number,
            "current_stage": "None", "description": "", "source": f"runs:/{run}/model", "run_id": run, "status": "READY",
            "run_link": "", "aliases": list(aliases), "tags": _pairs(tags or {}), "user_id": "ada", **more,
        }  # fmt: skip
        model["aliases"] += [{"alias": a, "version": str(number)} for a in aliases]
        return number

    def answer(self, path: str, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        asked = {**query, **body}
        unity = path.startswith(f"{API}/unity-catalog/")
        short = path.replace("/unity-catalog", "").removeprefix(f"{API}/")
        if path.startswith("/api/2.0/fs/directories/Models/"):
            return self._directory(path)
        if short.startswith("logged-models/") and "/artifacts/" in short:
            return self._logged_files(short.split("/")[1], short.rpartition("/")[2], asked)
        if short.startswith("logged-models/"):
            model = short.rpartition("/")[2]
            return {"model": self._of(self.logged, model, f"Logged model with ID '{model}' not found.")}
        if short == "registered-models/search" and unity:
            asked["hidden"] = ("aliases", "tags")
        routes: dict[str, Route] = {
            "registered-models/search": self._search_models,
            "registered-models/get": lambda a: {"registered_model": self._model(a["name"])},
            "registered-models/alias": lambda a: {"model_version": self._aliased(a["name"], a["alias"])},
            "model-versions/search": self._search_versions,
            "model-versions/get": lambda a: {"model_version": self._version(a["name"], a["version"])},
            "model-versions/get-download-uri": self._download_uri,
        }
        routes |= self._unity_routes() if unity else self._plain_routes()
        routes |= self.instead
        if short not in routes:
            raise Refusal(404, "ENDPOINT_NOT_FOUND", f"No API found for {path}")
        return routes[short](asked)

    def _plain_routes(self) -> dict[str, Route]:
        return {
            "registered-models/get-latest-versions": self._latest,
            "runs/get": lambda a: {"run": self._of(self.runs, a["run_id"], f"Run with id={a['run_id']} not found")},
            "artifacts/list": lambda a: {"files": _listing(self._files(self._run_root(a)), a.get("path", ""))},
            "artifacts/credentials-for-read": lambda a: {
                "credential_infos": [self._signed(f"{self._run_root(a)}/{p}") for p in a["path"]]
            },
            "model-versions/list-artifacts": lambda a: {
                "files": _listing(self._files(self._root(a)), a.get("path", ""))
            },
            "model-versions/get-signed-download-uri": lambda a: self._signed(f"{self._root(a)}/{a['path']}"),
            "/api/2.0/fs/create-download-url": self._download_url,
            ARTIFACTS: self._artifacts,
        }

    def _unity_routes(self) -> dict[str, Route]:
        return {"model-versions/generate-temporary-credentials": self._lend}

    def _logged_files(self, model: str, route: str, asked: dict[str, Any]) -> dict[str, Any]:
        root = urlsplit(str(self.logged[model]["info"]["artifact_uri"])).path.strip("/")
        if route == "directories":
            return {"files": _listing(self._files(root), asked.get("artifact_directory_path", ""))}
        return {"credentials": [{"credential_info": self._signed(f"{root}/{path}")} for path in asked["paths"]]}

    def _search_models(self, asked: dict[str, Any]) -> dict[str, Any]:
        models = [_without(m, asked.get("hidden", ())) for m in self.models.values()]
        return self._paged("registered_models", models, asked)

    def _search_versions(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["filter"].partition("=")[2][1:-1]
        found = [v for (m, _), v in sorted(self.versions.items()) if m == name]
        return self._paged("model_versions", found, asked)

    def _download_uri(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._version(asked["name"], asked["version"])
        return {"artifact_uri": self.uris[asked["name"], int(asked["version"])]}

    def _latest(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, stages = asked["name"], asked.get("stages")
        self._model(name)
        by_stage = {v["current_stage"]: v for (m, _), v in sorted(self.versions.items()) if m == name}
        return {"model_versions": [v for s, v in by_stage.items() if not stages or s in stages]}

    def _artifacts(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = _listing(self._files(""), asked.get("path", "").strip("/"))
        return {"files": [{**f, "path": f["path"].rpartition("/")[2]} for f in found]}

    def _lend(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._version(asked["name"], asked["version"])
        return {"credentials": self.lent}

    def _directory(self, path: str) -> dict[str, Any]:
        inside = path.removeprefix("/api/2.0/fs/directories/Models/").split("/", 4)
        head = f"/Models/{'/'.join(inside[:4])}"
        root = self._root({"name": ".".join(inside[:3]), "version": inside[3]})
        found = _listing(self._files(root), "/".join(inside[4:]))
        return {"contents": [
            {"path": f"{head}/{f['path']}", "is_directory": f["is_dir"], "file_size": f.get("file_size")} for f in found
        ]}  # fmt: skip

    def _download_url(self, asked: dict[str, Any]) -> dict[str, Any]:
        catalog, schema, model, number, inner = asked["path"].removeprefix("/Models/").split("/", 4)
        root = self._root({"name": f"{catalog}.{schema}.{model}", "version": number})
        signed = self._signed(f"{root}/{inner}")
        return {"url": signed["signed_uri"], "headers": signed["headers"]}

    def content(self, path: str) -> bytes:
        found = self._files("").get(path)
        if found is None:
            raise missing(f"{path} not found")
        return found.read_bytes()

    def _files(self, root: str) -> dict[str, Path]:
        """Every file below a root by its path from there."""
        files = {
            f"{at}/{f.relative_to(folder).as_posix()}": f
            for at, folder in self.artifacts.items() for f in sorted(folder.rglob("*")) if f.is_file()
        }  # fmt: skip
        return {k.removeprefix(f"{root}/"): f for k, f in files.items() if k.startswith(f"{root}/") or not root}

    def _root(self, asked: dict[str, Any]) -> str:
        self._version(asked["name"], asked["version"])
        return urlsplit(self.uris[asked["name"], int(asked["version"])]).path.strip("/")

    def _signed(self, path: str) -> dict[str, Any]:
        return {
            "signed_uri": f"{self.url}/signed/{quote(path)}?sig=s3cr3t",
            "headers": [{"name": "X-Signed", "value": "yes"}],
        }

    def _paged(self, key: str, items: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
        start = int(asked.get("page_token") or 0)
        end = start + min(self.page, int(asked.get("max_results", 100)))
        return {key: items[start:end], **({"next_page_token": str(end)} if end < len(items) else {})}

    def _model(self, name: str) -> dict[str, Any]:
        return self._of(self.models, name, f"Registered Model with name={name} not found")

    def _version(self, name: str, number: str) -> dict[str, Any]:
        return self._of(self.versions, (name, int(number)), f"Model Version (name={name}, version={number}) not found")

    def _aliased(self, name: str, alias: str) -> dict[str, Any]:
        found = [a["version"] for a in self._model(name)["aliases"] if a["alias"] == alias]
        if not found:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", f"Registered model alias {alias} not found.")
        return self._version(name, found[0])

    def _run_root(self, asked: dict[str, Any]) -> str:
        return urlsplit(str(self.runs[asked["run_id"]]["info"]["artifact_uri"])).path.strip("/")

    @staticmethod
    def _of(table: dict[Any, dict[str, Any]], key: Any, message: str) -> dict[str, Any]:
        if key not in table:
            raise missing(message)
        return table[key]


def _without(thing: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {k: v for k, v in thing.items() if k not in keys}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": k, "value": v} for k, v in tags.items()]


def _run(run: str, uri: str, number: int) -> dict[str, Any]:
    info = {"run_id": run, "run_uuid": run, "run_name": f"run-{number}", "experiment_id": "1", "user_id": "ada",
            "status": "FINISHED", "start_time": NOON, "end_time": NOON + 1000, "artifact_uri": uri}  # fmt: skip
    data = {"metrics": [{"key": "auc", "value": round(0.8 + number / 100, 2), "timestamp": NOON, "step": 0}, {"key": "loss", "value": "NaN"}],  # noqa: E501
            "params": [{"key": "depth", "value": str(number)}],
            "tags": _pairs({"mlflow.source.git.repoURL": "https://ada:t0ken@git.example/churn", "mlflow.user": "ada"})}  # fmt: skip
    return {"info": info, "data": data, "inputs": {}, "outputs": {}}


def _listing(files: dict[str, Path], folder: str) -> list[dict[str, Any]]:
    """What is right below a folder, as the artifact API lists it."""
    head = f"{folder}/" if folder else ""
    found: dict[str, dict[str, Any]] = {}
    for path, file in files.items():
        if path.startswith(head):
            name, inner, _ = path.removeprefix(head).partition("/")
            entry = {"path": head + name, "is_dir": bool(inner)}
            found[name] = entry if inner else {**entry, "file_size": file.stat().st_size}
    return list(found.values())


@contextmanager
def tracking(prefix: str = "", certificate: tuple[Path, Path] | None = None) -> Iterator[Tracking]:
    """A server on a port of its own, below a path if there is a prefix, with https if there is a certificate and its key."""
    state = Tracking()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state, prefix))
    server.daemon_threads = True
    state.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}{prefix}"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        # The handshake waits for the handler's own thread: a client that refuses the certificate holds nobody up.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_tokens = itertools.count(1)


def _handler(state: Tracking, prefix: str) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"state": state, "prefix": prefix})


class _Handler(BaseHTTPRequestHandler):
    state: Tracking
    prefix: str

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that it has there
        return None

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body: bytes) -> None:
        split = urlsplit(self.path)
        path = unquote(split.path).removeprefix(self.prefix)
        self.state.seen.append(f"{self.command} {path}")
        fault = self.state.fault(f"{self.command} {path}")
        if fault == "drop":
            self.close_connection = True
            return
        try:
            if isinstance(fault, int):
                raise Refusal(fault, "TEMPORARILY_UNAVAILABLE", "try again later", **{"Retry-After": "0"})
            query = {k: v[0] for k, v in parse_qs(split.query, keep_blank_values=True).items()}
            kind, said = self._answer(path, query, body)
        except Refusal as refused:
            text = json.dumps({"error_code": refused.code, "message": refused.message}).encode()
            self._send(refused.status, "application/json", text, refused.headers)
        else:
            self._send(200, kind, said, {}, cut=fault == "cut")

    def _answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[str, bytes]:
        state, given = self.state, self.headers.get("Authorization", "")
        if path.startswith("/signed/"):
            if given or self.headers.get("X-Signed") != "yes" or query.get("sig") != "s3cr3t":
                raise Refusal(400, "InvalidArgument", "only one authorization is allowed")
            return "application/octet-stream", state.content(path.removeprefix("/signed/"))
        if path == "/oidc/v1/token":
            return "application/json", json.dumps(self._token(given, body)).encode()
        if state.auth and given != state.auth:
            raise Refusal(401, "UNAUTHENTICATED", "You are not authenticated.")
        if path.startswith(f"{ARTIFACTS}/"):
            return "application/octet-stream", state.content(path.removeprefix(f"{ARTIFACTS}/"))
        if path == "/get-artifact":
            root = state._run_root({"run_id": query["run_uuid"]})
            return "application/octet-stream", state.content(f"{root}/{query['path']}")
        return "application/json", json.dumps(state.answer(path, query, json.loads(body) if body else {})).encode()

    def _token(self, given: str, body: bytes) -> dict[str, Any]:
        name, _, secret = base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
        if self.state.clients.get(name) != secret or b"grant_type=client_credentials" not in body:
            raise Refusal(401, "invalid_client", "Client authentication failed")
        token = f"made-{next(_tokens)}"
        self.state.auth = f"Bearer {token}"
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def _send(self, status: int, kind: str, said: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(said)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said[: len(said) // 2] if cut else said)
