"""Connections of the kind `sql`: a database, with the secret that it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from muster.connecting import Setting, checked
from muster.datasets.options import joined, split_options
from muster.datasets.sql_engine import engine_of
from muster.datasets.sql_source import ABSENT, Source, base_of, source
from muster.endpoint import Step, StepName
from muster.errors import InvalidInput, MissingExtra, MusterError
from muster.records import Connection
from muster.signature import Json

__all__ = ["Databases"]

_SETTINGS = (
    Setting(
        "url",
        "the database: postgresql://user@host/db, sqlite:///file.db, duckdb:///file.duckdb, adbc:DRIVER?uri=…",
        required=True,
    ),
    Setting("password", "the password of a user of PostgreSQL", secret=True),
    Setting("secret", "the secret of an ADBC driver", secret=True),
    Setting("secret_option", "the driver's own option that takes its secret; `password` without"),
)
_TAKES: Mapping[str, tuple[str, ...]] = {"postgresql": ("password",), "adbc": ("secret", "secret_option")}
_OF_FILES = ("sqlite", "duckdb")
_ORDER: tuple[StepName, ...] = ("name", "connection", "login", "database")
_PROBE = "SELECT 1 AS one"
_PROBES: Mapping[str, str] = {"sqlite": "SELECT count(*) FROM sqlite_master"}
"""SQLite looks at a file no sooner than it must."""


class Databases:
    """The NamedKind `sql`."""

    def checked(self, given: Mapping[str, Json]) -> dict[str, Json]:
        known = {n: v for n, v in given.items() if v is not None}
        problems: list[str] = []
        if isinstance(url := known.get("url"), str):
            try:
                found = base_of(url)
            except InvalidInput as error:
                problems.append(f"`url`: {error.message}")
            else:
                known["url"] = joined(found.base, dict(found.settings))
                problems += _unfit(found, known)
        if "secret_option" in known and "secret" not in known:
            problems.append("`secret_option` needs `secret`")
        return checked("sql", _SETTINGS, known, problems=problems)

    def place(self, uri: str, connection: Connection) -> tuple[str, str]:
        _, options = split_options(uri)
        return joined(str(connection.settings["url"]), options), ""

    def service(self, uri: str) -> str:
        return ""

    def steps(self, connection: Connection) -> Iterator[Step]:
        try:
            found = source(joined(f"sql:{connection.name}", {"query": _PROBE}), {}, ("query",), connection)
            found.secrets()
        except InvalidInput as error:
            yield Step("settings", passed=False, told=error.message, hint=error.hint)
            return
        yield from _file_steps(found) if found.engine in _OF_FILES else _server_steps(found)


def _unfit(found: Source, given: Mapping[str, Json]) -> Iterator[str]:
    takes = _TAKES.get(found.engine, ())
    for name in ("password", "secret", "secret_option"):
        if name in given and name not in takes:
            told = f"a connection to {found.engine} takes " + (f"`{takes[0]}`" if takes else "no secret")
            yield f"`{name}` is not for {found.engine}: {told}"
    option = str(given.get("secret_option") or "password")
    if "secret" in given and option in dict(found.settings):
        yield f"the `url` has the option `{option}`, which the secret is to be"


def _file_steps(found: Source) -> Iterator[Step]:
    if not Path(found.address).is_file():
        hint = f"{ABSENT}; an output makes the file"
        yield Step("name", passed=False, told=f"there is no file {found.address}", hint=hint)
        return
    yield Step("name", passed=True, told=found.address)
    yield _tried(found)[0]


def _server_steps(found: Source) -> Iterator[Step]:
    last, at = _tried(found)
    told = {"name": _host(found), "connection": "it answers", "login": "the login is accepted"}
    order = [n for n in _ORDER if found.engine != "adbc" or n != "connection"]
    for name in order[: order.index(at) if at in order else 1]:
        yield Step(name, passed=True, told=told[name])
    yield last


def _tried(found: Source) -> tuple[Step, StepName]:
    """The step that decides, and its name."""
    try:
        with engine_of(found).reading(found) as connected:
            connected.scalars(_PROBES.get(found.engine, _PROBE))
    except MusterError as error:
        at = _step_of(error)
        return Step(at, passed=False, told=error.message, hint=error.hint), at
    return Step("database", passed=True, told="it answers a query"), "database"


def _step_of(error: MusterError) -> StepName:
    if (at := next((n for n in get_args(StepName) if n == error.details.get("step")), None)) is not None:
        found: StepName = at
        return found
    return "name" if isinstance(error, (MissingExtra, InvalidInput)) else "database"


def _host(found: Source) -> str:
    if found.engine == "adbc":
        return f"the driver {found.address} is here"
    place = urlsplit(found.address).netloc.rpartition("@")[2]
    return re.sub("%2f", "/", place, flags=re.IGNORECASE) or "this machine"
