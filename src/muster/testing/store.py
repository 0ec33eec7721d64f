"""The suites that every RecordStore and every BlobStore passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from muster.errors import Conflict, Corrupt, InvalidInput, MusterError, NotFound, StoreError
from muster.records import KINDS, Counter, Environment, Event, Model, Record, Run, Version, new_id, now
from muster.signature import Json
from muster.store import GENESIS, Condition, Query, RecordStore, Sort
from muster.testing.blobs import BlobStoreSuite
from muster.testing.queries import QuerySuite
from muster.testing.records import a_model, a_version, an_alias, insert, one_of_each

__all__ = ["BlobStoreSuite", "RecordStoreSuite"]


def _deep() -> Json:
    value: Json = None
    for _ in range(100_000):
        value = [value]
    return value


_DEEP = _deep()


class RecordStoreSuite(QuerySuite):
    """Subclass it with the fixtures `store`, a new, empty store, and `other`, one of any kind."""

    @pytest.fixture
    def other(self) -> RecordStore:
        raise TypeError("give a fixture `other`")

    def test_every_kind_comes_back_as_it_went_in(self, store: RecordStore) -> None:
        records = one_of_each()
        insert(store, *records)
        for record in records:
            assert store.get(type(record), *record.identity) == record
            assert store.find(type(record)).items == [record]
            assert store.count(type(record)) == 1

    def test_aliases_are_not_stored_with_a_version(self, store: RecordStore) -> None:
        insert(store, replace(a_version("churn", 1), aliases=("champion",)))
        found = store.get(Version, "churn", 1)
        assert found is not None
        assert found.aliases == ()

    def test_what_is_not_there_is_none(self, store: RecordStore) -> None:
        assert store.get(Model, "churn") is None
        assert store.find(Model).items == []
        assert store.find(Model).next is None
        assert store.count(Model) == 0

    @pytest.mark.parametrize("name", ["", "\ud800", "a\0b", "x" * 100_000, "'; drop table model; --"])
    def test_a_strange_key_is_not_there(self, store: RecordStore, name: str) -> None:
        insert(store, a_model("churn"))
        assert store.get(Model, name) is None
        assert store.get(Version, name, 1 << 80) is None

    def test_a_key_of_another_kind_is_refused(self, store: RecordStore) -> None:
        for key in ((), ("churn",), ("churn", "3"), ("churn", 3, 4), ("churn", True)):
            with pytest.raises(InvalidInput, match="no key in `version`"):
                store.get(Version, *key)

    def test_what_is_no_record_is_refused(self, store: RecordStore) -> None:
        with pytest.raises(InvalidInput, match="Environment"):
            store.get(Environment, "k")
        with pytest.raises(InvalidInput, match="Environment"):
            insert(store, Environment(python="3.11", key="k"))

    def test_a_taken_key_is_a_conflict(self, store: RecordStore) -> None:
        insert(store, a_version("churn", 1))
        with pytest.raises(Conflict, match="version `churn:1`"):
            insert(store, a_version("churn", 1))

    def test_a_taken_id_is_a_conflict(self, store: RecordStore) -> None:
        first, second = a_model("a"), a_model("b")
        insert(store, first)
        with pytest.raises(Conflict, match=first.id):
            insert(store, replace(second, id=first.id))
        insert(store, second)
        with pytest.raises(Conflict, match=first.id), store.transaction("ada") as tx:
            tx.replace(replace(second, id=first.id))
        assert store.get(Model, "b") == second

    def test_an_id_that_was_given_up_can_be_taken(self, store: RecordStore) -> None:
        first, second = a_model("a"), a_model("b")
        insert(store, first)
        with store.transaction("ada") as tx:
            tx.replace(replace(first, id=new_id()))
            tx.insert(replace(second, id=first.id))
            tx.delete(first)
            tx.insert(replace(first, id=new_id()))
        assert store.count(Model) == 2

    def test_what_is_missing_cannot_be_changed(self, store: RecordStore) -> None:
        with pytest.raises(NotFound, match="alias `churn@champion`"), store.transaction("ada") as tx:
            tx.replace(an_alias("churn", "champion", 1))
        with pytest.raises(NotFound, match="counter `n`"), store.transaction("ada") as tx:
            tx.delete(Counter(name="n", last=1))
        assert store.verify() == (0, None)

    def test_a_transaction_goes_on_after_a_refusal(self, store: RecordStore) -> None:
        insert(store, a_model("a"))
        with store.transaction("ada") as tx:
            tx.insert(a_model("b"))
            with pytest.raises(Conflict):
                tx.insert(a_model("a"))
            with pytest.raises(NotFound):
                tx.delete(a_model("c"))
            tx.insert(a_model("d"))
        assert [m.name for m in store.find(Model).items] == ["a", "b", "d"]
        assert [e.subject for e in store.find(Event).items] == ["model/a", "model/b", "model/d"]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Conflict])
    def test_an_error_undoes_all(self, store: RecordStore, error: type[BaseException]) -> None:
        kept = a_model("kept", tags={"a": "1"})
        insert(store, kept, Counter(name="n", last=1))
        with pytest.raises((ValueError, KeyboardInterrupt, Conflict)), store.transaction("ada") as tx:
            tx.insert(a_model("new", tags={"a": "1"}))
            tx.replace(replace(kept, tags={}))
            tx.replace(Counter(name="n", last=2))
            tx.delete(kept)
            raise error("no")
        assert store.find(Model, Query((Condition("tag.a", "=", "1"),))).items == [kept]
        assert store.get(Counter, "n") == Counter(name="n", last=1)
        assert store.verify() == (1, None)
        insert(store, a_model("new"))

    def test_a_transaction_sees_what_it_wrote_and_others_do_not(self, store: RecordStore) -> None:
        insert(store, a_model("a"))
        with store.transaction("ada") as tx:
            tx.insert(a_model("b", tags={"t": "1"}))
            tx.delete(a_model("a"))
            assert [m.name for m in tx.find(Model).items] == ["b"]
            assert tx.find(Model, Query((Condition("tag.t", "=", "1"),))).items == [tx.get(Model, "b")]
            assert tx.count(Model) == 1
            tx.delete(a_model("b"))
            assert tx.find(Model).items == []
            tx.insert(a_model("b"))
            assert [m.name for m in store.find(Model).items] == ["a"]
            assert store.get(Model, "b") is None
        assert [m.name for m in store.find(Model).items] == ["b"]

    def test_each_change_makes_an_event(self, store: RecordStore) -> None:
        before = now()
        with store.transaction("ada", "first") as tx:
            tx.insert(an_alias("churn", "champion", 1))
            tx.replace(an_alias("churn", "champion", 2))
        with store.transaction("bob", "second") as tx:
            tx.delete(an_alias("churn", "champion", 2))
        first, second, third = store.find(Event).items
        assert [(e.seq, e.actor, e.reason, e.action) for e in (first, second, third)] == [
            (1, "ada", "first", "alias.created"),
            (2, "ada", "first", "alias.changed"),
            (3, "bob", "second", "alias.removed"),
        ]
        assert {e.subject for e in (first, second, third)} == {"alias/churn@champion"}
        assert first.before is third.after is None
        assert first.after == second.before
        assert second.after == third.before
        assert (first.after or {})["number"] == 1
        assert (third.before or {})["number"] == 2
        assert (first.previous, second.previous, third.previous) == (GENESIS, first.hash, second.hash)
        assert before <= first.at == second.at <= third.at <= now()
        assert store.verify() == (3, None)

    def test_subjects_name_what_changed(self, store: RecordStore) -> None:
        records = one_of_each()
        insert(store, *records)
        run = next(r.id for r in records if isinstance(r, Run))
        told = [e.subject for e in store.find(Event).items]
        mine = [
            "model/churn",
            "version/churn:3",
            "alias/churn@champion",
            f"run/{run}",
            "dataset/flights",
            "metric/profit:2",
        ]
        assert told == mine
        assert store.verify() == (6, None)

    def test_an_equal_record_makes_no_event(self, store: RecordStore) -> None:
        model = a_model("churn", tags={"a": "1", "b": "2"})
        insert(store, model)
        with store.transaction("ada") as tx:
            tx.replace(model)
            tx.replace(replace(model, tags={"b": "2", "a": "1"}))
        assert store.count(Event) == 1
        with store.transaction("ada") as tx:
            tx.replace(replace(model, classes=(True, False)))
            tx.replace(replace(model, classes=(1, 0)))
        assert store.count(Event) == 3

    def test_progress_makes_no_event(self, store: RecordStore) -> None:
        with store.transaction("ada") as tx:
            tx.insert(Counter(name="n", last=1))
            tx.replace(Counter(name="n", last=2))
            tx.delete(Counter(name="n", last=2))
        assert store.find(Event).items == []

    def test_events_are_written_by_the_store_alone(self, store: RecordStore) -> None:
        insert(store, a_model("churn"))
        event = store.find(Event).items[0]
        with store.transaction("ada") as tx:
            for act in (tx.insert, tx.replace, tx.delete):
                with pytest.raises(InvalidInput, match="events"):
                    act(event)
        assert store.verify() == (1, None)

    def test_numbers_of_any_size_are_in_the_chain(self, store: RecordStore) -> None:
        values: dict[str, Json] = {
            "big": (1 << 53) + 1,
            "negative": -(1 << 70),
            "one": 1.0,
            "small": 5e-324,
            "large": 1.5e300,
            "😀": "\ue000",
        }
        insert(store, replace(a_version("churn", 1), load=values))
        assert store.verify() == (1, None)

    def test_a_dump_fills_another_store(self, store: RecordStore, other: RecordStore) -> None:
        insert(store, *one_of_each(), a_model("other", tags={"a": "1", "b": "ü"}))
        with store.transaction("bob") as tx:
            tx.delete(a_model("other"))
        with store.dump() as found:
            records = list(found)
        assert [kind for kind, _ in records] == sorted((kind for kind, _ in records), key=list(KINDS).index)
        last = other.fill(records)
        assert last == store.find(Event, Query(sort=(Sort("seq", descending=True),))).items[0]
        assert other.verify() == store.verify() == (8, None)
        for kind in KINDS.values():
            assert other.find(kind).items == store.find(kind).items
        with other.dump() as again:
            assert list(again) == records

    def test_a_new_store_is_filled(self, store: RecordStore, other: RecordStore) -> None:
        models = [a_model(f"m{n:04}", tags={"n": str(n), "all": "x"}) for n in range(1_200)]
        insert(other, *one_of_each(), *models)
        with other.dump() as records:
            last = store.fill(records)
        assert last is not None
        assert store.verify() == (last.seq, None) == (1_206, None)
        for kind in KINDS.values():
            assert store.count(kind) == other.count(kind)
        assert store.find(Model, Query((Condition("tag.n", "=", "7"),))).items == [models[7]]
        assert store.count(Model, (Condition("tag.all", "=", "x"),)) == 1_200
        insert(store, a_model("next"))
        assert store.verify() == (1_207, None)

    def test_a_filled_store_is_not_filled_again(self, store: RecordStore) -> None:
        insert(store, Counter(name="n", last=1))
        with store.dump() as found:
            records = list(found)
        with pytest.raises(Conflict, match="has records already"):
            store.fill(records)
        with pytest.raises(Conflict, match="has records already"):
            store.fill([])
        assert store.get(Counter, "n") == Counter(name="n", last=1)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda r: [*r, ("nosuch", "{}")], "nosuch"),
            (lambda r: [*r[:1], *r], "one key"),
            (lambda r: [(k, t[:-5]) for k, t in r], "not what was written"),
            (lambda r: [(k, t.replace("ada", "eve") if k == "event" else t) for k, t in r], "breaks at event 1"),
            (lambda r: [(k, t) for k, t in r if '"seq":2,' not in t], "breaks at event 2"),
        ],
        ids=["another kind", "twice", "cut", "a changed event", "a removed event"],
    )
    def test_what_is_not_whole_fills_nothing(
        self,
        store: RecordStore,
        other: RecordStore,
        change: Callable[[list[tuple[str, str]]], list[tuple[str, str]]],
        told: str,
    ) -> None:
        insert(other, a_model("a", tags={"x": "1"}), a_model("b"), a_model("c"))
        with other.dump() as records:
            changed = change(list(records))
        with pytest.raises(Corrupt, match=told):
            store.fill(changed)
        assert store.count(Model) == store.count(Event) == 0
        insert(store, a_model("a"))
        assert store.verify() == (1, None)

    def test_a_nested_transaction_is_refused(self, store: RecordStore) -> None:
        with store.transaction("ada") as tx:
            with pytest.raises(StoreError, match="open in this thread already"), store.transaction("ada"):
                pass
            tx.insert(a_model("a"))
        assert [m.name for m in store.find(Model).items] == ["a"]

    def test_a_transaction_that_ended_is_refused(self, store: RecordStore) -> None:
        with store.transaction("ada") as tx:
            tx.insert(a_model("a"))
        for act in (
            lambda: tx.insert(a_model("b")),
            lambda: tx.get(Model, "a"),
            lambda: tx.find(Model),
            lambda: tx.count(Model),
        ):
            with pytest.raises(StoreError, match="has ended"):
                act()

    def test_a_transaction_belongs_to_its_thread(self, store: RecordStore) -> None:
        caught: list[MusterError] = []

        def elsewhere() -> None:
            try:
                tx.insert(a_model("b"))
            except MusterError as error:
                caught.append(error)

        with store.transaction("ada") as tx:
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
        assert isinstance(caught[0], StoreError)
        assert "another thread" in caught[0].message
        assert [m.name for m in store.find(Model).items] == []

    @pytest.mark.parametrize(
        "record",
        [
            a_model("a\0b"),
            a_model("a\ud800"),
            a_model("a", description="\udfff"),
            a_model("a", tags={"k": "\0"}),
            a_model("a", tags={"\ud800": "v"}),
            a_model("a", tags={"k": 5}),
            a_model("a", target=5),
            a_model("a", project=None),
            replace(a_version("a", 1), threshold=float("nan")),
            replace(a_version("a", 1), load={"x": [float("inf")]}),
            a_version("a", 1 << 63),
            a_version("a", 1, load={"x": _DEEP}),
        ],
        ids=[
            "NUL in a key",
            "half a pair in a key",
            "half a pair in the document",
            "NUL in a tag",
            "half a pair in the key of a tag",
            "a tag that is no text",
            "a number for text",
            "nothing where something must be",
            "no number",
            "an infinite number",
            "too large a number",
            "too deep",
        ],
    )
    def test_what_cannot_be_stored_is_refused(self, store: RecordStore, record: Record) -> None:
        with pytest.raises(InvalidInput, match="cannot be stored"):
            insert(store, a_model("before"), record)
        assert store.count(Model) == store.count(Event) == 0

    @pytest.mark.parametrize(("actor", "reason"), [("", ""), ("a\0", ""), ("ada", "\ud800")])
    def test_an_actor_and_a_reason_are_text(self, store: RecordStore, actor: str, reason: str) -> None:
        with pytest.raises(InvalidInput, match="actor"), store.transaction(actor, reason):
            pass

    def test_threads_take_turns(self, store: RecordStore) -> None:
        insert(store, Counter(name="n", last=0))
        faults: list[BaseException] = []

        def count_up() -> None:
            try:
                for _ in range(10):
                    with store.transaction("ada") as tx:
                        counter = tx.get(Counter, "n")
                        assert counter is not None
                        tx.replace(replace(counter, last=counter.last + 1))
                        tx.insert(a_model(f"m{counter.last}"))
                    assert store.get(Model, f"m{counter.last}") is not None
            except BaseException as error:  # noqa: BLE001  # told by the thread that tests
                faults.append(error)

        threads = [threading.Thread(target=count_up) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert store.get(Counter, "n") == Counter(name="n", last=40)
        assert store.verify() == (40, None)

    def test_upgrading_what_is_new_changes_nothing(self, store: RecordStore) -> None:
        assert store.upgrade()[1] == store.upgrade()[1]
        assert store.verify() == (0, None)

    def test_a_closed_store_says_so(self, store: RecordStore) -> None:
        store.close()
        acts: Sequence[Callable[[], object]] = (
            lambda: store.get(Model, "a"),
            lambda: store.find(Model),
            lambda: store.count(Model),
            store.verify,
            lambda: store.transaction("ada").__enter__(),
        )
        for act in acts:
            with pytest.raises(StoreError, match="closed"):
                act()
        store.close()
