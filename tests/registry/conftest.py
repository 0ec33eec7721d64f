"""A store of each kind, and versions to put in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from muster.records import Connection, Counter, Model, Reading, Version, new_id, now
from muster.registry.registry import Registry
from muster.signature import Column, Output, Signature
from muster.store import RecordStore
from muster.stores import open_records

Add = Callable[..., Version]


def no_connection(name: str) -> Connection:
    raise AssertionError(f"nothing here is named by a connection, and `{name}` is none")


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordStore]:
    opened = open_records("memory://" if request.param == "memory" else tmp_path / "muster.db")
    yield opened
    opened.close()


@pytest.fixture
def registry(store: RecordStore) -> Registry:
    return Registry(store, "ann")


@pytest.fixture
def add(store: RecordStore) -> Add:
    """Put the next version of a model into the store."""

    def added(model: str = "churn", task: str = "binary", tags: dict[str, str] | None = None) -> Version:
        output = (
            Output("binary", pa.string(), ("no", "yes"), True)
            if task == "binary"
            else Output("regression", pa.float64())
        )
        with store.transaction("ann", "test") as tx:
            if tx.get(Model, model) is None:
                fresh = Model(
                    id=new_id(),
                    name=model,
                    task=output.task,
                    classes=output.classes,
                    tags=tags or {},
                    created_at=now(),
                    created_by="ann",
                    updated_at=now(),
                )
                tx.insert(fresh)
            if tx.get(Counter, f"version/{model}") is None:
                tx.insert(Counter(name=f"version/{model}", last=0))
            counter = tx.get(Counter, f"version/{model}")
            assert counter is not None
            tx.replace(Counter(name=counter.name, last=counter.last + 1))
            version = Version(
                id=new_id(),
                model=model,
                number=counter.last + 1,
                origin="python",
                source="test",
                task=output.task,
                signature=Signature((Column("x", pa.float64()),)),
                output=output,
                reading=Reading(),
                digest=f"{counter.last + 1:064}",
                tags=tags or {},
                created_at=now(),
                created_by="ann",
            )
            tx.insert(version)
        return version

    return added
