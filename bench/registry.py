"""The registry through the Python API at three sizes, against sqlite3 doing the least: one indexed read, one synced write."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness import arguments, exponent, finish, machine, show

import muster
from muster.hub import Hub
from muster.records import Alias, Counter, Model, Version, new_id, now
from muster.signature import Column, Output, Signature
from muster.stores import open_records

VERSIONS = 5


def main() -> None:
    options = arguments(__doc__ or "", [100, 1_000, 10_000])
    result: dict[str, object] = {"machine": machine("muster-ml", "sqlalchemy")}
    medians: dict[str, list[float]] = {}
    for models in options.sizes:
        rows = _round(models)
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


def _round(models: int) -> list[dict[str, object]]:
    folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
    try:
        _fill(folder / "hub", models)
        rows = _limits(folder, models)
        with muster.open(folder / "hub") as hub:
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
            ]
        return rows
    finally:
        shutil.rmtree(folder)


def _fill(folder: Path, models: int) -> None:
    store = open_records(folder / "muster.db")
    signature = Signature(tuple(Column(f"x{i}", _double()) for i in range(20)))
    output = Output("binary", _string(), ("no", "yes"), True)
    for start in range(0, models, 500):
        with store.transaction("bench", "fill") as tx:
            for number in range(start, min(start + 500, models)):
                _model(tx, number, signature, output)
    store.close()


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
