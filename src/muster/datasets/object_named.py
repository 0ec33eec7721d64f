"""Connections of the kind `objects`: a bucket, or what is below a prefix of one, with credentials of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from muster.config import expanded
from muster.connecting import Options, Setting, checked
from muster.datasets.location import is_magic
from muster.endpoint import Step, StepName
from muster.errors import InvalidInput
from muster.objects.faults import BucketNotFound, LoginRefused, ObjectError, Unreachable
from muster.objects.place import SCHEMES, Place, is_object_url
from muster.records import Connection
from muster.signature import Json

__all__ = ["Buckets", "named_place"]

_URL = Setting("url", "the bucket, s3://bucket/prefix, gs://… or az://…", required=True)
_SHARED = (
    Setting("endpoint_url", "where the service is, for a server of your own"),
    Setting("allow_http", "whether it may be reached without encryption", choices=("true", "false")),
)
_SETTINGS: Mapping[str, tuple[Setting, ...]] = {
    "s3": (
        Setting("key_id", "the id of the access key, with `secret`"),
        Setting("secret", "the secret access key", secret=True),
        Setting("session_token", "the token of keys that end", secret=True),
        Setting("region", "the bucket's region"),
    ),
    "gs": (
        Setting("credentials_file", "a file with a service account's key, or with a login"),
        Setting("token", "an access token, in place of a file", secret=True),
    ),
    "az": (
        Setting("account", "the storage account"),
        Setting("key", "the account's key", secret=True),
        Setting("sas", "a shared access signature, in place of a key", secret=True),
    ),
}
_PAIRS = (
    ("key_id", "secret"),
    ("secret", "key_id"),
    ("session_token", "secret"),
    ("key", "account"),
    ("sas", "account"),
)
"""The first is nothing without the second."""
_EITHER = (("credentials_file", "token"), ("key", "sas"))
_ELSEWHERE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "s3": (("AWS_ENDPOINT_URL", "AWS_ENDPOINT"),),
    "gs": (("GOOGLE_BASE_URL",),),
    "az": (("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"), ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")),
}
"""What says in the environment which service it is."""


class Buckets:
    """The NamedKind `objects`."""

    def checked(self, given: Mapping[str, Json]) -> dict[str, Json]:
        known = {n: "true" if v is True else "false" if v is False else v for n, v in given.items() if v is not None}
        problems: list[str] = []
        schemes: tuple[str, ...] = tuple(SCHEMES)
        if isinstance(url := known.get("url"), str):
            scheme = url.partition("://")[0].lower()
            schemes = (scheme,) if scheme in SCHEMES else schemes
            try:
                known["url"] = _prefix(url)
            except InvalidInput as error:
                problems.append(f"`url`: {error.message}")
        if isinstance(file := known.get("credentials_file"), (str, os.PathLike)):
            known["credentials_file"] = str(expanded(str(file)).absolute())
        problems += [f"`{one}` needs `{other}`" for one, other in _PAIRS if one in known and other not in known]
        problems += [
            f"`{one}` and `{other}` exclude each other" for one, other in _EITHER if {one, other} <= set(known)
        ]
        endpoint = known.get("endpoint_url")
        if endpoint is not None and (told := _wrong_address(str(endpoint))):
            problems.append(told)
        return checked(
            "objects", (_URL, *(s for one in schemes for s in _SETTINGS[one]), *_SHARED), known, problems=problems
        )

    def place(self, uri: str, connection: Connection) -> tuple[str, str]:
        path, mark, options = uri.partition("?")
        place, told = named_place(path, connection), connection.settings
        own = [str(told[n]) for n in ("endpoint_url", "account") if told.get(n)]
        vendors = bool({"key_id", "token", "credentials_file"} & set(told))
        service = _named(own) if own or vendors else _surrounding(_scheme(place))
        return place.url + mark + options, f"{_scheme(place)} {service}"

    def service(self, uri: str) -> str:
        if not is_object_url(uri):
            return ""
        scheme = uri.partition("://")[0].lower()
        return f"{scheme} {_surrounding(scheme)}"

    def steps(self, connection: Connection) -> Iterator[Step]:
        from muster.objects.bucket import bucket_of

        place = named_place(f"objects:{connection.name}/", connection)
        passed = {"name": _host(place, connection), "login": "the credentials are accepted"}
        try:
            names = bucket_of(place).names(place.folder)
        except InvalidInput as error:
            yield Step("settings", passed=False, told=error.message, hint=error.hint)
        except ObjectError as error:
            failed = _step(error, connection)
            before: list[StepName] = (
                [] if failed in ("name", "connection") else ["name"] if failed == "login" else ["name", "login"]
            )
            yield from (Step(name, passed=True, told=passed[name]) for name in before)
            yield Step(failed, passed=False, told=str(error), hint=error.hint)
        else:
            yield Step("name", passed=True, told=passed["name"])
            yield Step("login", passed=True, told=passed["login"])
            yield Step(
                "bucket",
                passed=True,
                told=f"{place.url} has {len(names):,} names" if names else f"{place.url} is empty",
            )


@dataclass(frozen=True, slots=True)
class _Lent:
    """An Access. Settings hold secrets as where they are."""

    connection: str
    root: str
    settings: tuple[tuple[str, Json], ...] = field(repr=False)

    @property
    def hint(self) -> str:
        return f"see `muster connection show {self.connection}`, and what its secrets hold"

    def shown(self, place: str) -> str:
        if place == self.root:
            return f"objects:{self.connection}"
        below = place.removeprefix(f"{self.root}/")
        return place if below == place else f"objects:{self.connection}/{below}"

    def given(self) -> Mapping[str, str]:
        options = Options(dict(self.settings))
        secrets = {s.name for one in _SETTINGS.values() for s in one if s.secret}
        return {n: (options.secret(n) or "") if n in secrets else options[n] for n in options if n != "url"}


def named_place(path: str, connection: Connection) -> Place:
    """The place that `objects:NAME/path` names, below the prefix of its connection."""
    root = Place.parse(str(connection.settings["url"]))
    _, slash, rest = path.partition("/")
    access = _Lent(connection.name, root.url, tuple(connection.settings.items()))
    inside = Place.parse(f"{root.bucket}/{root.folder}{rest}") if slash else root
    return replace(inside, access=access)


def _prefix(url: str) -> str:
    """The URL without a slash at its end."""
    place = Place.parse(url)
    if "?" in place.key or any(map(is_magic, place.key.split("/"))):
        raise InvalidInput("a connection names a bucket or a folder in it, and no glob or options")
    return place.url.rstrip("/")


def _wrong_address(endpoint: str) -> str:
    """What is wrong with an address, which is not shown where it may hold a password."""
    parts = urlsplit(endpoint)
    if "@" in parts.netloc or parts.query:
        return "`endpoint_url` holds credentials, which have settings of their own"
    return (
        "" if parts.scheme in ("http", "https") and parts.netloc else "`endpoint_url` is no address: write https://host"
    )


def _scheme(place: Place) -> str:
    return place.bucket.partition(":")[0]


def _surrounding(scheme: str) -> str:
    return _named([next((v for n in names if (v := os.environ.get(n))), "") for names in _ELSEWHERE[scheme]])


def _named(parts: Sequence[str]) -> str:
    return " ".join(part.rstrip("/").lower() for part in parts if part)


def _host(place: Place, connection: Connection) -> str:
    return urlsplit(str(connection.settings.get("endpoint_url") or "")).hostname or SCHEMES[_scheme(place)]


def _step(error: ObjectError, connection: Connection) -> StepName:
    if isinstance(error, Unreachable):
        return "connection" if _known(connection) else "name"
    if isinstance(error, LoginRefused):
        return "login"
    return "bucket" if isinstance(error, BucketNotFound) else "permission"


def _known(connection: Connection) -> bool:
    host = urlsplit(str(connection.settings.get("endpoint_url") or "")).hostname
    if host is None:
        return True
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
