"""Models of tracking servers as a Source: found by their names, their files brought here, what is known of them kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from muster.config import Settings
from muster.errors import NotFound, SourceError
from muster.objects.place import is_object_url
from muster.predictor import Talk
from muster.predictors.mlmodel.document import FILE
from muster.predictors.tracking import address
from muster.predictors.tracking.address import Address, Artifacts, LoggedModel, ModelVersion, Run
from muster.predictors.tracking.client import Client
from muster.predictors.tracking.files import Files, download, download_file
from muster.predictors.tracking.lineage import logged_model_lineage, run_lineage, stage_of, tags_of, version_lineage
from muster.predictors.tracking.places import (
    LoggedFiles,
    Objects,
    Proxied,
    RunFiles,
    WorkspaceFiles,
    lent,
    object_place,
)
from muster.predictors.tracking.server import client, default_place
from muster.signature import Json
from muster.source import Catalogue, Entry, Fetched, SourceModel

__all__ = ["TrackingSource"]

_CLOUDS = ("s3a://", "s3n://", "abfss://", "abfs://", "wasbs://", "wasb://")


@dataclass(frozen=True, slots=True)
class _Found:
    """A model on a server: where its files are, as MLflow says it, and what is known of it."""

    source: str
    lineage: dict[str, Json]
    uri: str
    imported: str | None = None
    files: Files | None = None


class TrackingSource:
    """Made for one hub, whose settings may name a server."""

    def __init__(self, settings: Settings, talk: Talk) -> None:
        self._settings = settings
        self._talk = talk

    def claims(self, source: object) -> bool:
        return address.claims(source)

    def fetch(self, source: str, scratch: Path) -> Fetched:
        wanted = address.parse(source)
        server = self._client(wanted)
        found = _find(server, wanted)
        path = _brought(server, found, scratch / "fetched")
        return Fetched(path=path, source=found.source, lineage=found.lineage, imported=found.imported)

    def catalogue(self, uri: str | None) -> Catalogue:
        server = client(address.place(uri) if uri else default_place(self._settings))
        self._talk(f"reading what {server.server} holds …")
        models: dict[str, SourceModel] = {}
        entries: list[Entry] = []
        for model in _models(server):
            name = str(model["name"])
            models[name] = SourceModel(name=name, description=str(model.get("description") or ""), tags=tags_of(model))
            entries += _entries(server, name, model)
        return Catalogue(server=server.server, models=models, entries=sorted(entries, key=lambda e: (e.name, e.number)))

    def _client(self, wanted: Address) -> Client:
        registry = isinstance(wanted.target, ModelVersion)
        return client(wanted.place or default_place(self._settings, registry=registry))


def _models(server: Client) -> Iterator[Mapping[str, Any]]:
    """All models, with their aliases; prompts are stored among them and are none."""
    for model in server.models():
        if tags_of(model).get("mlflow.prompt.is_prompt", "").lower() == "true" or not model.get("name"):
            continue
        # Unity Catalog's lists leave aliases and tags out.
        yield server.model(str(model["name"])) if server.is_unity(str(model["name"])) else model


def _entries(server: Client, name: str, model: Mapping[str, Any]) -> Iterator[Entry]:
    by_alias: dict[str, list[str]] = {}
    for alias in model.get("aliases") or []:
        by_alias.setdefault(str(alias.get("version")), []).append(str(alias.get("alias")))
    for version in server.versions(name):
        number = str(version.get("version"))
        if not number.isdecimal():
            continue
        aliases = {*by_alias.get(number, ()), *map(str, version.get("aliases") or ())}
        yield Entry(
            name=name,
            number=int(number),
            source=_uri(server, f"models/{quote(name)}/{number}"),
            imported=_imported(server, name, number),
            aliases=tuple(sorted(aliases)),
            stage=stage_of(version),
            run_id=str(version.get("run_id") or ""),
            description=str(version.get("description") or ""),
            tags=tags_of(version),
            problem=_not_ready(version),
        )


def _imported(server: Client, name: str, number: str) -> str:
    return f"{server.server}/{name}:{number}"


def _uri(server: Client, path: str) -> str:
    """A source with its server in it: it means the same wherever it is read."""
    if server.kind != "mlflow":
        kind, _, rest = path.partition("/")
        profile = f"{quote(server.profile)}@" if server.profile else ""
        return f"{kind}://{profile}{server.kind}/{unquote(rest)}"
    return f"mlflow+{server.server}/{path}"


def _not_ready(version: Mapping[str, Any]) -> str:
    status = str(version.get("status") or "READY")
    if status == "READY":
        return ""
    told = str(version.get("status_message") or "")
    return f"its status there is {status}" + (f": {told}" if told else "")


def _find(server: Client, wanted: Address) -> _Found:
    match wanted.target:
        case ModelVersion() as named:
            return _version(server, named)
        case LoggedModel(model):
            found = server.logged_model(model)
            lineage: dict[str, Json] = {
                "server": server.server,
                "model_id": model,
                "model": logged_model_lineage(found),
            }
            run = str((found.get("info") or {}).get("source_run_id") or "")
            lineage |= _run(server, run)
            where = str((found.get("info") or {}).get("artifact_uri") or "")
            files = LoggedFiles(server, model) if server.kind != "mlflow" else None
            return _Found(_uri(server, f"models/{model}"), lineage, where, files=files)
        case Run(run, path):
            return _of_run(server, run, path)
        case Artifacts(path):
            uri = f"mlflow-artifacts:/{path}"
            return _Found(_uri(server, f"artifacts/{quote(path)}"), {"server": server.server, "source": uri}, uri)
    raise AssertionError(wanted)


def _version(server: Client, wanted: ModelVersion) -> _Found:
    version = server.version(wanted)
    name, number = str(version.get("name") or wanted.name), str(version.get("version"))
    if problem := _not_ready(version):
        raise NotFound(
            f"`{name}` {number} on {server.server} has no files to take: {problem}",
            hint="register that version there again",
        )
    lineage = version_lineage(server.server, version)
    if model := str(version.get("model_id") or "") or _model_of(version):
        lineage["model_id"] = model
    lineage |= _run(server, str(version.get("run_id") or ""), str(version.get("run_workspace_id") or ""))
    source, imported = _uri(server, f"models/{quote(name)}/{number}"), _imported(server, name, number)
    if server.is_unity(name):
        files: Files = lent(server, name, number, lambda: server.download_uri(name, number))
        return _Found(source, lineage, "", imported, files)
    if server.kind != "mlflow":
        return _Found(source, lineage, "", imported, WorkspaceFiles(server, name, number))
    uri = server.download_uri(name, number)
    # Where the server's own disk has the files, they are reached through the run that they were logged by.
    given = str(version.get("source") or "")
    if given.startswith("runs:/") and _is_local(uri) and not _local(uri).is_dir():
        run, _, path = given.removeprefix("runs:/").partition("/")
        return _Found(source, lineage, uri, imported, RunFiles(server, run, path))
    return _Found(source, lineage, uri, imported)


def _model_of(version: Mapping[str, Any]) -> str:
    source = str(version.get("source") or "")
    return source.removeprefix("models:/") if source.startswith("models:/m-") else ""


def _of_run(server: Client, run: str, path: str) -> _Found:
    found = server.run(run)
    lineage: dict[str, Json] = {"server": server.server, "run_id": run, "source": f"runs:/{run}/{path}"}
    lineage["run"] = run_lineage(found)
    source = _uri(server, quote(f"runs/{run}/{path}".rstrip("/")))
    if (logged := _logged_by(server, found, path)) is not None:
        info = logged.get("info") or {}
        lineage |= {"model_id": info.get("model_id"), "model": logged_model_lineage(logged)}
        inner = path.partition("/")[2]
        where = str(info.get("artifact_uri") or "").rstrip("/")
        if server.kind != "mlflow":
            return _Found(source, lineage, "", files=LoggedFiles(server, str(info.get("model_id")), inner))
        return _Found(source, lineage, f"{where}/{inner}" if inner else where)
    root = str((found.get("info") or {}).get("artifact_uri") or "").rstrip("/")
    if server.kind != "mlflow" or (_is_local(root) and not _local(root).is_dir()):
        return _Found(source, lineage, "", None, RunFiles(server, run, path))
    return _Found(source, lineage, f"{root}/{path}" if path else root)


def _logged_by(server: Client, run: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """The model that a run of MLflow 3 logged under the name that a path begins with, the last if several; it lies apart."""
    outputs = (run.get("outputs") or {}).get("model_outputs") or []
    for output in reversed(outputs):
        try:
            logged = server.logged_model(str(output.get("model_id")))
        except NotFound:
            continue
        if (logged.get("info") or {}).get("name") == path.partition("/")[0]:
            return logged
    return None


def _run(server: Client, run: str, workspace: str = "") -> dict[str, Json]:
    """The run that a model came from. One that is gone, or of another workspace, leaves its id alone."""
    if not run or workspace not in ("", "0"):
        return {}
    try:
        return {"run": run_lineage(server.run(run))}
    except NotFound:
        return {}


def _brought(server: Client, found: _Found, target: Path) -> Path:
    """The files, here: a folder, or the file that a run's path names."""
    if found.files is None and _is_local(found.uri):
        return _own_disk(server, found.uri)
    files = found.files or _files(server, found.uri)
    try:
        download(files, target)
    except NotFound:
        alone = None
        if isinstance(files, (Proxied, RunFiles)):
            alone = download_file(files, target.with_name("file"))
        if alone is None:
            raise
        return alone
    return target


def _files(server: Client, uri: str) -> Files:
    if uri.startswith("mlflow-artifacts:"):
        return Proxied(server, unquote(urlsplit(uri).path))
    if is_object_url(uri) or uri.startswith(_CLOUDS):
        return Objects(object_place(uri))
    if uri.startswith(("http://", "https://")) and "/mlflow-artifacts/artifacts/" in uri:
        return Proxied(server, unquote(urlsplit(uri).path.partition("/mlflow-artifacts/artifacts/")[2]))
    scheme = uri.partition(":")[0]
    raise SourceError(
        f"{server.server} keeps the files at a `{scheme}:` address, which Muster does not read",
        hint="start the server with --serve-artifacts, or copy the model's folder and register that",
    )


def _is_local(uri: str) -> bool:
    return uri.startswith("file:") or (":" not in uri.partition("/")[0] and bool(uri))


def _local(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri)


def _own_disk(server: Client, uri: str) -> Path:
    """A folder of the server's disk that is here too, as where it runs on this machine; it has to be a model's."""
    path = _local(uri)
    if path.is_dir() and ((path / FILE).is_file() or any(path.glob(f"*/{FILE}"))):
        return path
    raise SourceError(
        f"{server.server} keeps the files on its own disk, at {path}, where there is no model on this machine",
        hint="start the server with --serve-artifacts, run this on its machine, or see whether the files were deleted",
    )
