"""What a URL of a database names: an engine, a database, and a table or a query; and what is refused before anyone connects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from muster.config import expanded
from muster.datasets.options import joined, split_options
from muster.errors import InvalidInput, near, shortened
from muster.records import Connection
from muster.secrets import read_secret

__all__ = ["ABSENT", "ENGINES", "Login", "Source", "base_of", "claims", "quoted", "source"]

ENGINES: Mapping[str, str] = {
    "sqlite": "muster.datasets.sql_sqlite:Sqlite",
    "duckdb": "muster.datasets.sql_duckdb:DuckDb",
    "postgresql": "muster.datasets.sql_adbc:Postgres",
    "postgres": "muster.datasets.sql_adbc:Postgres",
    "adbc": "muster.datasets.sql_adbc:AnyDriver",
}
"""A database is one file and one line here."""

ABSENT = "check the path: behind three slashes it is relative, with a fourth it begins at the root"
"""What to do about a file that is not there."""

_OWN = ("table", "query", "key", "order", "mode")
_SECRET = re.compile(r"passw|pwd|secret|token|credential|private_?key|api_?key", re.IGNORECASE)
_USER = re.compile(r"[^/:@?&=\s]+:[^/@\s]+@")
_NO_SECRETS = (
    "a URL is stored with the run and shown: make a connection, `muster connection add NAME sql url=… password=env:VARIABLE`, "
    "and write sql:NAME?table=t; or leave it to PGPASSWORD or ~/.pgpass"
)
_LEADING = re.compile(r"(select|with|values|table|from)\b", re.IGNORECASE)
_INSIDE = re.compile(r"[()]\s*(insert|update|delete|merge|truncate|drop|alter|create|copy)\b", re.IGNORECASE)
_SPENT = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$[A-Za-z_]*\$).*?\1|--[^\n]*|/\*.*?\*/", re.DOTALL
)  # what a statement's words are not found in


@dataclass(frozen=True, slots=True)
class Login:
    """The connection that names a database, and its secret, as where it is; `option` is what the driver calls that."""

    connection: str
    secret: str | None = field(default=None, repr=False)
    option: str = "password"


@dataclass(frozen=True, slots=True)
class Source:
    """A table or a query of a database. `address` is the file, the URL or the driver's; `settings` are the driver's own."""

    engine: str
    address: str
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    table: str | None = None
    query: str | None = None
    key: str | None = None
    order: tuple[str, ...] = ()
    mode: str | None = None
    login: Login | None = None

    @property
    def uri(self) -> str:
        given = {"table": self.table, "query": self.query, "key": self.key, "order": ",".join(self.order) or None}
        settings = dict(self.settings) if self.login is None else {}
        return joined(self.base, {**settings, **{k: v for k, v in given.items() if v is not None}})

    @property
    def base(self) -> str:
        """The database, as a person would name it."""
        if self.login is not None:
            return f"sql:{self.login.connection}"
        match self.engine:
            case "sqlite" | "duckdb":
                return f"{self.engine}:///{self.address}"
            case "adbc":
                return f"adbc:{self.address}"
        return self.address

    def secrets(self) -> dict[str, str]:
        """The secret of its connection as it is now, as an option of the driver; InvalidInput if it is not where it should be."""
        if self.login is None or self.login.secret is None:
            return {}
        return {self.login.option: read_secret(self.login.option, self.login.secret)}

    @property
    def relation(self) -> str:
        """What stands behind FROM. A comment at the end of a query ends with its line."""
        if self.query is not None:
            return f"({self.query}\n) AS muster_query"
        assert self.table is not None
        return ".".join(map(quoted, self.parts))

    @property
    def parts(self) -> tuple[str, ...]:
        """The schema, where one is named, and the table."""
        assert self.table is not None
        return tuple(self.table.split("."))

    @property
    def shown(self) -> str:
        return f"table `{self.table}`" if self.table is not None else "the query"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def claims(uri: str) -> bool:
    return uri.partition(":")[0].lower() in {*ENGINES, "sql"} and ":" in uri


def source(uri: str, options: Mapping[str, str], known: Iterable[str], connection: Connection | None = None) -> Source:
    """Read a URL. `known` are the options that make sense where it stands; all that is wrong is told at once.

    With a connection the URL is `sql:NAME?…`, and the database is the connection's.
    """
    text, found = split_options(uri)
    chosen = {**found, **{k.lower(): v for k, v in options.items()}}
    _refuse_secrets(text, chosen)
    settings = {k: v for k, v in chosen.items() if k not in _OWN}
    own = {k: v for k, v in chosen.items() if k in _OWN}
    problems = [f"there is no option `{k}` here{near(k, known)}" for k in own if k not in known]
    if connection is not None:
        problems += [f"there is no option `{k}` here{near(k, known)}" for k in settings]
        shown = f"sql:{connection.name}"
        base = base_of(str(connection.settings["url"]))
    else:
        base, shown = _base(text, settings), f"{text.partition(':')[0]}://…"
    problems += _strange(base)
    problems += _wrong(own, known)
    if problems:
        raise InvalidInput(
            "; ".join(problems), hint=f"{shown}?table=name, with {', '.join(k for k in known if k != 'table')}"
        )
    query = own.get("query")
    return Source(
        base.engine,
        base.address,
        base.settings,
        own.get("table"),
        query.strip().rstrip(";").rstrip() if query is not None else None,
        own.get("key"),
        tuple(part.strip() for part in own.get("order", "").split(",") if part.strip()),
        own.get("mode"),
        None if connection is None else _login(connection),
    )


def base_of(url: str) -> Source:
    """The database of a connection, without a table; InvalidInput says what is wrong with its URL."""
    text, found = split_options(url)
    _refuse_secrets(text, found)
    base = _base(text, found)
    if problems := [f"`{k}` is told with each table, and not here" for k in found if k in _OWN] or _strange(base):
        raise InvalidInput("; ".join(problems))
    return base


def _base(text: str, settings: Mapping[str, str]) -> Source:
    engine, _, rest = text.partition(":")
    engine = {"postgres": "postgresql"}.get(engine.lower(), engine.lower())
    if engine not in ENGINES:
        raise InvalidInput(
            f"`{shortened(engine)}:` is no database that Muster reads by its URL",
            hint="write postgresql://host/db, sqlite:///file.db, duckdb:///file.duckdb or adbc:DRIVER; `sql:` begins the name of a"
            " connection, which a hub keeps",
        )
    return Source(engine, _address(engine, rest), tuple(settings.items()))


def _strange(base: Source) -> list[str]:
    if base.engine not in ("sqlite", "duckdb"):
        return []
    return [f"{base.engine} has no option `{k}`{near(k, _OWN)}" for k, _ in base.settings]


def _login(connection: Connection) -> Login:
    told = connection.settings
    secret = told.get("password") or told.get("secret")
    option = str(told.get("secret_option") or "password")
    return Login(connection.name, None if secret is None else str(secret), option)


def _wrong(own: Mapping[str, str], known: Iterable[str]) -> list[str]:
    problems = []
    if ("table" in own) == ("query" in own):
        both = "both `table` and `query` are given" if "table" in own else "no table is named"
        problems.append(both if "query" in known else "no table is named")
    if "table" in own and not all(part.strip() for part in own["table"].split(".")):
        problems.append(f"`table={own['table']}` names no table")
    if "key" in own and "order" in own:
        problems.append("both `key` and `order` are given, and a key is an order")
    if "query" in own and (told := _writes(own["query"])):
        problems.append(told)
    return problems


def _writes(query: str) -> str | None:
    """Why a query is none that only reads, as far as its text tells; the database refuses whatever else writes."""
    words = _SPENT.sub(" ", query).strip().rstrip(";").strip()
    if not words:
        return "the query is empty"
    if ";" in words:
        return "the query is more than one statement"
    if not _LEADING.match(words.lstrip("( \n\t")):
        return f"the query begins with `{words.split()[0]}`: only queries that read are run (SELECT, WITH, VALUES)"
    if found := _INSIDE.search(words):
        return f"the query writes: it holds `{found.group(1).upper()}`"
    return None


def _refuse_secrets(text: str, options: Mapping[str, str]) -> None:
    inner = [text, *(v for k, v in options.items() if k == "uri")]
    held = any(_password(url) for url in inner)
    names = ", ".join(f"`{k}`" for k in options if _SECRET.search(k))
    if held or names:
        raise InvalidInput(f"the URL holds a password{f' ({names})' if names else ''}", hint=_NO_SECRETS)


def _password(url: str) -> bool:
    if _USER.search(url):
        return True
    try:
        parts = urlsplit(url)
    except ValueError:
        return "@" in url
    return bool(parts.password) or any(_SECRET.search(k) for k, _ in parse_qsl(parts.query))


def _address(engine: str, rest: str) -> str:
    if engine in ("sqlite", "duckdb"):
        path = rest.removeprefix("//").removeprefix("/") if rest.startswith("//") else rest
        if not path or path == ":memory:":
            raise InvalidInput(
                f"`{engine}:{rest}` names no file",
                hint=f"write {engine}:///data.db?table=t, with a fourth slash for a path from the root",
            )
        return str(expanded(path).absolute())
    if engine == "adbc":
        if not rest.isidentifier():
            raise InvalidInput(
                f"`{rest}` is no driver", hint="name a driver's package: adbc:adbc_driver_snowflake?uri=…&table=t"
            )
        return rest
    return f"postgresql:{rest.replace(':@', '@', 1)}"
