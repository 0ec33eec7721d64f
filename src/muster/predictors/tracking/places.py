"""Where servers keep artifacts, each as a tree of files: behind their proxy, in object storage, at Databricks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from muster.errors import SourceError
from muster.objects.bucket import Bucket, bucket_of
from muster.objects.faults import ObjectError
from muster.objects.place import Place as ObjectPlace
from muster.objects.stream import pieces
from muster.predictors.tracking.client import Client
from muster.predictors.tracking.files import Item

__all__ = ["LoggedFiles", "Objects", "Proxied", "RunFiles", "UnityFiles", "WorkspaceFiles", "lent", "object_place"]

_API = "/api/2.0/mlflow"


class Proxied:
    """Below a path of the artifacts that a server hands out itself."""

    def __init__(self, client: Client, root: str) -> None:
        self._client, self._root = client, root.strip("/")
        self._service = "/api/2.0/mlflow-artifacts/artifacts"

    def __str__(self) -> str:
        return f"mlflow-artifacts:/{self._root} on {self._client.server}"

    @property
    def above(self) -> tuple[Proxied, str]:
        """The folder that the root lies in, and its name there."""
        folder, _, name = self._root.rpartition("/")
        return Proxied(self._client, folder), name

    def list(self, folder: str) -> Iterator[Item]:
        found = self._client.transport.get(self._service, {"path": _join(self._root, folder)})
        for file in found.get("files") or []:
            yield _item(folder, str(file.get("path", "")), file)

    def fetch(self, path: str, target: Path) -> int:
        return self._client.transport.download(f"{self._service}/{quote(_join(self._root, path))}", target)


class Objects:
    """Below a key of a bucket, with the credentials of the environment, or those that a server lent."""

    def __init__(self, place: ObjectPlace, bucket: Bucket | None = None) -> None:
        self._place = place
        self._bucket = bucket

    def __str__(self) -> str:
        return str(self._place)

    def list(self, folder: str) -> Iterator[Item]:
        try:
            for entry in (self._bucket or bucket_of(self._place)).list(self._place.folder):
                yield Item(self._place.relative(entry.place.key), folder=False, size=entry.size)
        except ObjectError as error:
            raise _failed(error) from None

    def fetch(self, path: str, target: Path) -> int:
        key = self._place.below(path).key
        bucket, size = self._bucket or bucket_of(self._place), 0
        try:
            with target.open("wb") as file:
                for piece in pieces(bucket.head(key), bucket=bucket):
                    size += file.write(piece)
        except ObjectError as error:
            raise _failed(error) from None
        return size


class RunFiles:
    """Below a path of a run, listed by the server. Who has signed addresses gives those, else the server hands files out."""

    def __init__(self, client: Client, run: str, root: str) -> None:
        self._client, self._run, self._root = client, run, root.strip("/")

    def __str__(self) -> str:
        return f"runs:/{_join(self._run, self._root)} on {self._client.server}"

    @property
    def above(self) -> tuple[RunFiles, str]:
        folder, _, name = self._root.rpartition("/")
        return RunFiles(self._client, self._run, folder), name

    def list(self, folder: str) -> Iterator[Item]:
        full = _join(self._root, folder)
        for file in self._client.run_artifacts(self._run, full):
            if file.get("path") != full or not full:  # what is no folder lists itself
                yield _listed(self._root, file)

    def fetch(self, path: str, target: Path) -> int:
        full = _join(self._root, path)
        if self._client.kind == "mlflow":
            return self._client.transport.download("/get-artifact", target, {"run_uuid": self._run, "path": full})
        body = {"run_id": self._run, "path": [full]}
        found = self._client.transport.post(f"{_API}/artifacts/credentials-for-read", body).get("credential_infos")
        return _signed(self._client, (found or [{}])[0], target)


class LoggedFiles:
    """Below a path of a logged model at Databricks, by signed addresses."""

    def __init__(self, client: Client, model: str, root: str = "") -> None:
        self._client, self._model, self._root = client, model, root.strip("/")
        self._api = f"{_API}/logged-models/{model}/artifacts"

    def __str__(self) -> str:
        return f"models:/{_join(self._model, self._root)} on {self._client.server}"

    def list(self, folder: str) -> Iterator[Item]:
        full = _join(self._root, folder)
        for file in self._client.logged_artifacts(self._model, full):
            if file.get("path") != full or not full:
                yield _listed(self._root, file)

    def fetch(self, path: str, target: Path) -> int:
        body = {"paths": [_join(self._root, path)]}
        found = self._client.transport.post(f"{self._api}/credentials-for-download", body).get("credentials")
        return _signed(self._client, (found or [{}])[0].get("credential_info") or {}, target)


class WorkspaceFiles:
    """A version of Databricks' workspace registry, by signed addresses."""

    def __init__(self, client: Client, name: str, number: str) -> None:
        self._client, self._name, self._number = client, name, number

    def __str__(self) -> str:
        return f"models:/{self._name}/{self._number} on {self._client.server}"

    def list(self, folder: str) -> Iterator[Item]:
        token = ""
        while True:
            query = self._query(folder) | ({"page_token": token} if token else {})
            found = self._client.transport.get(f"{_API}/model-versions/list-artifacts", query)
            for file in found.get("files") or []:
                if file.get("path") != folder:  # what is no folder lists itself
                    yield _listed("", file)
            before, token = token, str(found.get("next_page_token") or "")
            if token in ("", before):
                return

    def fetch(self, path: str, target: Path) -> int:
        query = self._query(path)
        found = self._client.transport.get(f"{_API}/model-versions/get-signed-download-uri", query)
        return _signed(self._client, found, target)

    def _query(self, path: str) -> dict[str, str | int]:
        return {"name": self._name, "version": self._number, "path": path}


class UnityFiles:
    """A version of Unity Catalog that lies in Databricks' own storage, by the Files API."""

    def __init__(self, client: Client, name: str, number: str) -> None:
        self._client = client
        self._root = f"/Models/{name.replace('.', '/')}/{number}"

    def __str__(self) -> str:
        return f"{self._root} on {self._client.server}"

    def list(self, folder: str) -> Iterator[Item]:
        token = ""
        while True:
            query = {"page_token": token} if token else {}
            path = quote(_join(self._root, folder))
            found = self._client.transport.get(f"/api/2.0/fs/directories{path}", query)
            for entry in found.get("contents") or []:
                relative = str(entry.get("path", "")).removeprefix(f"{self._root}/")
                yield Item(relative, bool(entry.get("is_directory")), _size(entry))
            before, token = token, str(found.get("next_page_token") or "")
            if token in ("", before):
                return

    def fetch(self, path: str, target: Path) -> int:
        body = {"path": _join(self._root, path)}
        return _signed(self._client, self._client.transport.post("/api/2.0/fs/create-download-url", body), target)


def lent(client: Client, name: str, number: str, location: Callable[[], str]) -> Objects | UnityFiles:
    """A version of Unity Catalog, with the credentials that it lends for reading this version alone."""
    path = f"{client.registry(name)}/model-versions/generate-temporary-credentials"
    body = {"name": name, "version": number, "operation": "MODEL_VERSION_OPERATION_READ"}
    credentials = client.transport.post(path, body).get("credentials") or {}
    if credentials.get("storage_mode") == "DEFAULT_STORAGE":
        return UnityFiles(client, name, number)
    where = location()
    place, account = object_place(where), _account(where)
    for kind, names in _LENT.items():
        if told := credentials.get(kind):
            keys = {ours: str(told.get(theirs, "")) for theirs, ours in names.items()}
            return Objects(place, Bucket(place.bucket, keys | ({"account_name": account} if account else {})))
    raise SourceError(
        f"{client.server} lends no credentials for `{name}` {number} that Muster knows",
        hint="Muster reads models in S3, Azure's and Google's storage, and in Databricks' own",
    )


_LENT: Mapping[str, Mapping[str, str]] = {
    "aws_temp_credentials": {
        "access_key_id": "access_key_id",
        "secret_access_key": "secret_access_key",
        "session_token": "session_token",
    },
    "azure_user_delegation_sas": {"sas_token": "sas_key"},
    "gcp_oauth_token": {"oauth_token": "bearer_token"},
}


def object_place(uri: str) -> ObjectPlace:
    """Object storage by the words of MLflow: s3a, and Azure's `abfss://container@account…/path`."""
    scheme, _, rest = uri.partition("://")
    if scheme in ("abfss", "abfs", "wasbs", "wasb"):
        container, _, path = rest.partition("/")
        return ObjectPlace.parse(f"az://{container.partition('@')[0]}/{path}")
    return ObjectPlace.parse(f"{'s3' if scheme in ('s3a', 's3n') else scheme}://{rest}")


def _account(uri: str) -> str:
    """Azure's account, which stands behind the container."""
    container, at, rest = uri.partition("://")[2].partition("/")[0].partition("@")
    return rest.partition(".")[0] if container and at else ""


def _join(*parts: str) -> str:
    return "/".join(p for p in parts if p)


def _item(folder: str, name: str, file: Mapping[str, Any]) -> Item:
    """The proxy lists names, and some servers paths from its root: only the last part is taken."""
    last = PurePosixPath(name).name if name not in ("..", ".") else name
    return Item(_join(folder, last), bool(file.get("is_dir")), _size(file))


def _listed(root: str, file: Mapping[str, Any]) -> Item:
    path = str(file.get("path", ""))
    return Item(path.removeprefix(f"{root}/") if root else path, bool(file.get("is_dir")), _size(file))


def _size(file: Mapping[str, Any]) -> int | None:
    told = file.get("file_size")
    return int(told) if told is not None and str(told).isdecimal() else None


def _signed(client: Client, told: Mapping[str, Any], target: Path) -> int:
    url = told.get("signed_uri") or told.get("url")
    if not isinstance(url, str):
        raise SourceError(
            f"{client.server} gives no address to read the file from", hint="see your right to read this model"
        )
    headers = {str(h["name"]): str(h["value"]) for h in told.get("headers") or [] if "name" in h and "value" in h}
    return client.transport.download_signed(url, headers, target)


def _failed(error: ObjectError) -> SourceError:
    return SourceError(str(error), hint=error.hint)
