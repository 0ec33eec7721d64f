"""The suite finds few records with a tag; here the store takes any number for many, which is another statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.records import Model
from muster.store import Condition, Query, RecordStore
from muster.stores import statements
from muster.stores.query import plan
from muster.stores.shape import shape
from muster.stores.sql import SqlRecords
from muster.testing.queries import QuerySuite
from muster.testing.records import a_model, insert


class TestManyTagged(QuerySuite):
    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordStore]:
        monkeypatch.setattr(statements, "FEW", -1)
        store = SqlRecords(tmp_path / "muster.db")
        yield store
        store.close()


def test_few_and_many_are_told_apart(tmp_path: Path) -> None:
    store = SqlRecords(tmp_path / "muster.db")
    many = statements.FEW + 10
    insert(store, *(a_model(f"m{n:04}", n, tags={"t": "few" if n % 100 == 0 else "many"}) for n in range(many)))
    for value, count in (("few", 6), ("many", many - 6), ("none", 0)):
        where = (Condition("tag.t", "=", value),)
        found = store.find(Model, Query(where, limit=1_000)).items
        assert [m.name for m in found] == sorted(m.name for m in found)
        assert len(found) == store.count(Model, where) == count
    store.close()


def test_the_statements_for_few_and_many_differ() -> None:
    wanted = plan(shape(Model), Query((Condition("tag.t", "=", "x"),)))
    few, _ = statements.page(wanted, wanted.terms)
    many, _ = statements.page(wanted, ())
    assert " IN (SELECT" in str(few)
    assert "EXISTS (SELECT" in str(many)
