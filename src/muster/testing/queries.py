"""How records are found: the part of the suite that every RecordStore passes which is about queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from muster.errors import InvalidInput
from muster.records import Alias, Event, Model, Version
from muster.store import Condition, Op, Query, RecordStore, Sort
from muster.testing.records import a_model, a_version, insert

__all__ = ["QuerySuite"]


def _names(store: RecordStore, *where: Condition, sort: Sequence[Sort] = ()) -> list[str]:
    return [m.name for m in store.find(Model, Query(where, tuple(sort))).items]


class QuerySuite:
    """Subclass it with a fixture `store`: a new, empty store."""

    @pytest.fixture
    def store(self) -> RecordStore:
        raise TypeError("give a fixture `store`")

    @pytest.fixture
    def shelf(self, store: RecordStore) -> RecordStore:
        """A store with models to search."""
        insert(
            store,
            a_model("churn", 5, target="Late", tags={"team": "ops", "Ärger": "Größe"}),
            a_model("fraud", 4, task="multiclass", project="Risk", tags={"team": "risk"}),
            a_model("price", 3, task="regression", target="späte 100%_\\ ÄNDERUNG", tags={"team": "ops", "price": "9"}),
            a_model("churn-2", 2, target="late"),
            a_model("churn.old", 1, task="regression", project="risk", tags={"team": ""}),
        )
        return store

    @pytest.mark.parametrize(
        ("field", "op", "value", "names"),
        [
            ("name", "=", "churn", ["churn"]),
            ("name", "!=", "churn", ["churn-2", "churn.old", "fraud", "price"]),
            ("name", "<", "churn.old", ["churn", "churn-2"]),
            ("name", ">=", "fraud", ["fraud", "price"]),
            ("name", "~", "URN", ["churn", "churn-2", "churn.old"]),
            ("name", "~", "", ["churn", "churn-2", "churn.old", "fraud", "price"]),
            ("task", "=", "regression", ["churn.old", "price"]),
            ("task", "~", "REG", ["churn.old", "price"]),
            ("project", "~", "risk", ["churn.old", "fraud"]),
            ("project", "=", "risk", ["churn.old"]),
            ("target", "=", None, ["churn.old", "fraud"]),
            ("target", "!=", None, ["churn", "churn-2", "price"]),
            ("target", "!=", "late", ["churn", "churn.old", "fraud", "price"]),
            ("target", "<", "z", ["churn", "churn-2", "price"]),
            ("target", "~", "100%_\\", ["price"]),
            ("target", "~", "1%0", []),
            ("target", "~", "_", ["price"]),
            ("target", "~", "änd", ["price"]),
            ("target", "~", "SPÄTE", ["price"]),
            ("created_at", "<=", "2026-11-21T08:30:00.123458Z", ["churn-2", "churn.old"]),
            ("created_at", ">", "2026-11-21T09:30:00.123458+01:00", ["churn", "fraud", "price"]),
            ("created_at", ">", "2026-11-22", []),
            ("tag.team", "=", "ops", ["churn", "price"]),
            ("tag.team", "!=", "ops", ["churn-2", "churn.old", "fraud"]),
            ("tag.team", "=", None, ["churn-2"]),
            ("tag.team", "!=", None, ["churn", "churn.old", "fraud", "price"]),
            ("tag.team", "=", "", ["churn.old"]),
            ("tag.team", "~", "O", ["churn", "price"]),
            ("tag.team", ">", "ops", ["fraud"]),
            ("tag.Ärger", "~", "GRÖSSE", ["churn"]),
            ("tag.price", "=", 9, ["price"]),
            ("tag.", "=", "x", []),
            ("name", "in", ("price", "churn", "churn-", "price"), ["churn", "price"]),
            ("target", "in", ("late", "%"), ["churn-2"]),
            ("name", "in", (), []),
            ("tag.team", "in", ("ops", ""), ["churn", "churn.old", "price"]),
        ],
    )
    def test_conditions(
        self, shelf: RecordStore, field: str, op: Op, value: str | tuple[str, ...] | None, names: list[str]
    ) -> None:
        where = Condition(field, op, value)
        assert _names(shelf, where) == names
        assert shelf.count(Model, (where,)) == len(names)

    def test_all_conditions_hold(self, shelf: RecordStore) -> None:
        where = (Condition("tag.team", "=", "ops"), Condition("task", "=", "binary"), Condition("name", "~", "c"))
        assert _names(shelf, *where) == ["churn"]
        assert _names(shelf, *where, Condition("tag.team", "!=", "ops")) == []

    def test_tags_follow_their_record(self, shelf: RecordStore) -> None:
        churn = shelf.get(Model, "churn")
        assert churn is not None
        with shelf.transaction("ada") as tx:
            tx.replace(replace(churn, tags={"team": "risk"}))
            tx.delete(a_model("price"))
        assert _names(shelf, Condition("tag.team", "=", "ops")) == []
        assert _names(shelf, Condition("tag.team", "=", "risk")) == ["churn", "fraud"]
        insert(shelf, a_model("price"))
        assert _names(shelf, Condition("tag.team", "=", None)) == ["churn-2", "price"]

    @pytest.mark.parametrize(
        ("sort", "names"),
        [
            ((), ["churn", "churn-2", "churn.old", "fraud", "price"]),
            ((Sort("name", descending=True),), ["price", "fraud", "churn.old", "churn-2", "churn"]),
            ((Sort("created_at"),), ["churn.old", "churn-2", "price", "fraud", "churn"]),
            ((Sort("task"),), ["churn", "churn-2", "fraud", "churn.old", "price"]),
            ((Sort("task", descending=True),), ["churn.old", "price", "fraud", "churn", "churn-2"]),
            ((Sort("target"),), ["churn", "churn-2", "price", "churn.old", "fraud"]),
            ((Sort("target", descending=True),), ["price", "churn-2", "churn", "churn.old", "fraud"]),
            ((Sort("task"), Sort("created_at", descending=True)), ["churn", "churn-2", "fraud", "price", "churn.old"]),
        ],
    )
    def test_order_and_pages(self, shelf: RecordStore, sort: tuple[Sort, ...], names: list[str]) -> None:
        assert _names(shelf, sort=sort) == names
        for limit in (1, 2, 3, 5):
            walked: list[str] = []
            cursor: str | None = None
            while True:
                page = shelf.find(Model, Query((), sort, limit, cursor))
                walked += [m.name for m in page.items]
                cursor = page.next
                if cursor is None:
                    break
                assert len(page.items) == limit
            assert walked == names

    def test_text_is_in_order_of_its_bytes(self, store: RecordStore) -> None:
        names = ["Z", "a", "a-b", "a.b", "a0", "a_b", "ab", "z", "ä", "\ue000", "ﬁ", "😀"]
        insert(store, *(a_model(n) for n in reversed(names)))
        assert _names(store) == sorted(names, key=str.encode) == names

    def test_a_walk_is_not_upset_by_changes(self, store: RecordStore) -> None:
        insert(store, *(a_model(f"m{n}") for n in range(0, 10, 2)))
        first = store.find(Model, Query(limit=2))
        insert(store, a_model("m1"), a_model("m5"))
        with store.transaction("ada") as tx:
            tx.delete(first.items[1])
        rest = store.find(Model, Query(cursor=first.next))
        assert [m.name for m in (*first.items, *rest.items)] == ["m0", "m2", "m4", "m5", "m6", "m8"]

    def test_a_cursor_belongs_to_its_query(self, shelf: RecordStore) -> None:
        query = Query((Condition("name", "~", "u"),), (Sort("task"),), 1)
        cursor = shelf.find(Model, query).next
        assert cursor is not None
        assert shelf.find(Model, replace(query, cursor=cursor, limit=50)).items
        for other in (
            replace(query, where=(Condition("name", "~", "c"),)),
            replace(query, where=()),
            replace(query, sort=()),
            replace(query, sort=(Sort("task", descending=True),)),
        ):
            with pytest.raises(InvalidInput, match="cursor"):
                shelf.find(Model, replace(other, cursor=cursor))
        with pytest.raises(InvalidInput, match="cursor"):
            shelf.find(Version, Query(cursor=cursor))

    @pytest.mark.parametrize(
        "cursor", ["", "x", "AAAA", "bnVsbA", "W10", "WzFd", "ñ", "[" * 100_000, "e30", "x" * 100_000]
    )
    def test_what_is_no_cursor_is_refused(self, store: RecordStore, cursor: str) -> None:
        with pytest.raises(InvalidInput, match="no cursor"):
            store.find(Model, Query(cursor=cursor))

    def test_all_that_is_wrong_with_a_query_is_told(self, store: RecordStore) -> None:
        where = (
            Condition("nam", "=", "x"),
            Condition("tagteam", "=", "x"),
            Condition("created_at", "=", "yesterday"),
            Condition("created_at", "~", "2026"),
            Condition("name", "<", None),
            Condition("name", "=", "\ud800"),
            Condition("name", "==", "x"),  # type: ignore[arg-type]  # what a caller may get wrong
            Condition("name", "~", "x" * 2_000),
        )
        with pytest.raises(InvalidInput) as caught:
            store.find(Model, Query(where, (Sort("age"), Sort("tag.team")), limit=0))
        for told in (
            "`nam`",
            "did you mean `name`",
            "`tagteam`",
            "yesterday",
            "`~`",
            "needs a value",
            "ud800",
            "`==`",
            "1,000",
        ):
            assert told in caught.value.message
        for told in ("`age`", "`tag.team`", "1 to 10,000"):
            assert told in caught.value.message
        with pytest.raises(InvalidInput, match=r"`tag\.team`"):
            store.count(Alias, (Condition("tag.team", "=", "x"),))
        for value in ("three", 1.5, float("nan"), float("inf"), 1 << 63, "9" * 5_000):
            with pytest.raises(InvalidInput, match="whole number"):
                store.find(Version, Query((Condition("number", ">", value),)))

    def test_numbers_are_compared_as_numbers(self, store: RecordStore) -> None:
        insert(store, *(a_version("churn", n) for n in (1, 2, 10, 11)), a_version("fraud", 3))
        for value in (2, "2", 2.0):
            found = store.find(Version, Query((Condition("model", "=", "churn"), Condition("number", ">", value))))
            assert [v.number for v in found.items] == [10, 11]
        newest = store.find(Version, Query((), (Sort("number", descending=True),), 2))
        assert [v.ref for v in newest.items] == ["churn:11", "churn:10"]

    def test_events_are_found(self, shelf: RecordStore) -> None:
        newest = shelf.find(Event, Query((Condition("actor", "=", "ada"),), (Sort("seq", descending=True),), 2))
        assert [e.seq for e in newest.items] == [5, 4]
        assert shelf.count(Event, (Condition("action", "=", "model.created"), Condition("subject", "~", "churn"))) == 3
