"""What names a model on a tracking server, and the server itself.

`runs:/RUN/path`, `models:/name/3`, `models:/name@alias`, `models:/name/latest`, `models:/name/Staging`, `models:/m-0123…`,
`mlflow-artifacts:/path`, and `models://PROFILE@databricks/name/3`, are MLflow's own words. With the server in it, the same is
`mlflow+https://host/prefix/models/name/3`, also `…/runs/RUN/path` and `…/artifacts/path`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from muster.errors import InvalidInput, InvalidReference

__all__ = [
    "Address",
    "Artifacts",
    "Kind",
    "LoggedModel",
    "ModelVersion",
    "Place",
    "Run",
    "Target",
    "claims",
    "parse",
    "place",
]

Kind: TypeAlias = Literal["mlflow", "databricks", "databricks-uc"]

_FORM = re.compile(r"(?:runs|models|mlflow-artifacts):/|mlflow\+https?://")
_LOGGED = re.compile(r"m-[0-9a-f]{32}")
_PORTS = {"http": 80, "https": 443}
_HINT = (
    "write runs:/RUN/path, models:/name/3, models:/name@alias, models:/name/latest, models:/m-…, or with the server"
    " mlflow+https://host/models/name/3"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is. `url` has no credentials; at Databricks it may be left to the profile. `user` and `password` are never shown."""

    kind: Kind
    url: str = ""
    profile: str = ""
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Place({self.kind!r}, {self.url!r}, {self.profile!r})"


@dataclass(frozen=True, slots=True)
class Run:
    run: str
    path: str


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One of `number`, `alias` and `stage` is set; `latest` is the stage of none."""

    name: str
    number: int | None = None
    alias: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    id: str


@dataclass(frozen=True, slots=True)
class Artifacts:
    path: str


Target: TypeAlias = Run | ModelVersion | LoggedModel | Artifacts


@dataclass(frozen=True, slots=True)
class Address:
    """A target, and its server where the text names it."""

    target: Target
    place: Place | None = None


def claims(source: object) -> bool:
    return isinstance(source, str) and _FORM.match(source) is not None


def parse(source: str) -> Address:
    """The address that a text is; InvalidReference if it has the form of none."""
    split = urlsplit(source)
    if split.scheme.startswith("mlflow+"):
        return _with_server(source, split)
    where = _databricks(split) if split.netloc and split.scheme != "mlflow-artifacts" else None
    if split.scheme == "mlflow-artifacts" and split.netloc:
        raise InvalidReference(
            f"`{source}` names another artifact server", hint=f"write mlflow+https://{split.hostname}/artifacts/path"
        )
    kind = {"mlflow-artifacts": "artifacts"}.get(split.scheme, split.scheme)
    return Address(_target(kind, _text(split), source), where)


def _text(split: SplitResult) -> str:
    """A path as it was written: `#` and `?` are no more than characters of a name."""
    return (
        split.path.removeprefix("/")
        + (f"?{split.query}" if split.query else "")
        + (f"#{split.fragment}" if split.fragment else "")
    )


def _with_server(source: str, split: SplitResult) -> Address:
    parts = split.path.split("/")
    at = next((n for n, part in enumerate(parts) if part in ("models", "runs", "artifacts")), None)
    if at is None:
        raise InvalidReference(f"`{_shown(split)}` names no model on its server", hint=_HINT)
    server = urlunsplit((split.scheme.removeprefix("mlflow+"), split.netloc, "/".join(parts[:at]), "", ""))
    if split.username or split.password:
        raise InvalidInput(
            f"`{_shown(split)}` has a password in it, and would be stored with the version",
            hint="leave it out and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
        )
    return Address(_target(parts[at], unquote("/".join(parts[at + 1 :])), source), place(server))


def _shown(split: SplitResult) -> str:
    return urlunsplit((split.scheme, split.netloc.rpartition("@")[2], split.path, "", ""))


def _target(kind: str, path: str, source: str) -> Target:
    wrong = InvalidReference(f"`{source}` names no model on a tracking server", hint=_HINT)
    path = path.strip("/")
    if not path or any(part in ("", ".", "..") for part in path.split("/")):
        raise wrong
    if kind == "artifacts":
        return Artifacts(path)
    if kind == "runs":
        run, _, inner = path.partition("/")
        return Run(run, inner)
    if _LOGGED.fullmatch(path):
        return LoggedModel(path)
    name, slash, version = path.partition("/")
    if slash and name and version and "/" not in version:
        if version.isdecimal():
            return ModelVersion(name, number=int(version))
        return ModelVersion(name, stage=version)
    name, mark, alias = path.rpartition("@")
    if not slash and mark and name and alias:
        return ModelVersion(name, stage="latest") if alias == "latest" else ModelVersion(name, alias=alias)
    raise wrong


def _databricks(split: SplitResult) -> Place:
    if split.hostname not in ("databricks", "databricks-uc"):
        raise InvalidReference(
            f"`{split.scheme}://{split.hostname}` names no server",
            hint=f"two slashes only stand before databricks; {_HINT}",
        )
    return place(f"{split.hostname}://{split.username or ''}")


def place(uri: str) -> Place:
    """The server that a tracking URI names: http(s), `databricks`, `databricks://PROFILE`, `databricks-uc`."""
    split = urlsplit(uri if "://" in uri else f"{uri}://" if uri.startswith("databricks") else uri)
    match split.scheme:
        case "databricks":
            return Place("databricks", profile=split.netloc)
        case "databricks-uc":
            return Place("databricks-uc", profile=split.netloc)
        case "http" | "https" if split.hostname:
            return Place("mlflow", _url(split), "", unquote(split.username or ""), unquote(split.password or ""))
        case "mlflow+http" | "mlflow+https":
            return place(uri.removeprefix("mlflow+"))
    raise InvalidInput(
        f"`{_shown(split) if split.netloc else uri}` is no tracking server",
        hint="give its address as https://host; for a folder or database of MLflow's, start"
        " `mlflow server --backend-store-uri …` on it and give the server's address",
    )


def _url(split: SplitResult) -> str:
    """The address in one form, so that the same server is known again."""
    host = (split.hostname or "").lower()
    try:
        port = split.port
    except ValueError:
        raise InvalidInput(f"`{_shown(split)}` has no port that can be", hint="write https://host:5000") from None
    host = f"[{host}]" if ":" in host else host
    shown = host if port in (None, _PORTS[split.scheme]) else f"{host}:{port}"
    return urlunsplit((split.scheme, shown, quote(unquote(split.path)).rstrip("/"), "", ""))
