"""The calls of MLflow's REST API that finding and fetching models takes, of every release from 1.30 on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from muster.errors import NotFound, SourceError
from muster.predictors.tracking.address import Kind, ModelVersion
from muster.predictors.tracking.transport import Transport

__all__ = ["Client"]

_API = "/api/2.0/mlflow"
_UNITY = f"{_API}/unity-catalog"
_PAGE = 1_000
_PAGE_UNITY = 100
_MOST_PAGES = 10_000


class Client:
    """A tracking server. What it answers is given as it is."""

    def __init__(self, transport: Transport, kind: Kind, profile: str = "") -> None:
        self.transport = transport
        self.kind = kind
        self.profile = profile

    @property
    def server(self) -> str:
        """Its address, without credentials."""
        return self.transport.login.url

    def is_unity(self, name: str) -> bool:
        """Whether a model is one of Unity Catalog, where names have three parts."""
        return self.kind == "databricks-uc" or (self.kind == "databricks" and name.count(".") == 2)

    def registry(self, name: str) -> str:
        return _UNITY if self.is_unity(name) else _API

    def version(self, wanted: ModelVersion) -> dict[str, Any]:
        """The version that a name with a number, an alias or a stage means."""
        api, name = self.registry(wanted.name), wanted.name
        if wanted.number is not None:
            query: dict[str, str | int] = {"name": name, "version": str(wanted.number)}
            return self._get(f"{api}/model-versions/get", query, "model_version")
        if wanted.alias:
            return self._get(f"{api}/registered-models/alias", {"name": name, "alias": wanted.alias}, "model_version")
        found = self._latest(api, name, "" if wanted.stage == "latest" else wanted.stage)
        if not found:
            told = "no version" if wanted.stage == "latest" else f"no version in the stage `{wanted.stage}`"
            raise NotFound(
                f"{self.server}: the model `{name}` has {told}", hint="name a version by its number or alias"
            )
        return max(found, key=lambda v: int(v["version"]))

    def _latest(self, api: str, name: str, stage: str) -> Sequence[dict[str, Any]]:
        if api == _UNITY:
            self._get(f"{api}/registered-models/get", {"name": name}, "registered_model")
            return [] if stage else list(self.versions(name))
        body = {"name": name, **({"stages": [stage]} if stage else {})}
        found = self.transport.post(f"{api}/registered-models/get-latest-versions", body)
        return _several(found, "model_versions")

    def model(self, name: str) -> dict[str, Any]:
        return self._get(f"{self.registry(name)}/registered-models/get", {"name": name}, "registered_model")

    def models(self) -> Iterator[dict[str, Any]]:
        api = _UNITY if self.kind == "databricks-uc" else _API
        return self._pages(f"{api}/registered-models/search", {}, "registered_models")

    def versions(self, name: str) -> Iterator[dict[str, Any]]:
        quote = '"' if "'" in name else "'"
        query = {"filter": f"name={quote}{name}{quote}"}
        return self._pages(f"{self.registry(name)}/model-versions/search", query, "model_versions")

    def download_uri(self, name: str, number: str) -> str:
        query = {"name": name, "version": number}
        found = self.transport.get(f"{self.registry(name)}/model-versions/get-download-uri", query).get("artifact_uri")
        if not isinstance(found, str) or not found:
            raise NotFound(
                f"{self.server} does not say where the files of `{name}` {number} are", hint="see that version there"
            )
        return found

    def run(self, run: str) -> dict[str, Any]:
        return self._get(f"{_API}/runs/get", {"run_id": run}, "run")

    def logged_model(self, model: str) -> dict[str, Any]:
        return self._get(f"{_API}/logged-models/{model}", {}, "model")

    def run_artifacts(self, run: str, path: str) -> Iterator[dict[str, Any]]:
        return self._pages(f"{_API}/artifacts/list", {"run_id": run, "path": path}, "files", sized=False)

    def logged_artifacts(self, model: str, path: str) -> Iterator[dict[str, Any]]:
        query = {"artifact_directory_path": path} if path else {}
        return self._pages(f"{_API}/logged-models/{model}/artifacts/directories", query, "files", sized=False)

    def _get(self, path: str, query: Mapping[str, str | int], key: str) -> dict[str, Any]:
        found = self.transport.get(path, query).get(key)
        if not isinstance(found, dict):
            raise SourceError(f"{self.server}{path} answers without `{key}`", hint="see that it is a tracking server")
        return found

    def _pages(
        self, path: str, query: Mapping[str, str | int], key: str, *, sized: bool = True
    ) -> Iterator[dict[str, Any]]:
        """All items of a list that comes in pages. A server that gives a page again is not followed for ever."""
        token, most = "", {"max_results": _PAGE_UNITY if _UNITY in path else _PAGE} if sized else {}
        for _ in range(_MOST_PAGES):
            found = self.transport.get(path, {**query, **most, **({"page_token": token} if token else {})})
            yield from _several(found, key)
            before, token = token, str(found.get("next_page_token") or "")
            if not token:
                return
            if token == before:
                break
        raise SourceError(f"{self.server}{path} gives pages without end", hint="see the server's log")


def _several(found: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    return [item for item in found.get(key) or [] if isinstance(item, dict)]
