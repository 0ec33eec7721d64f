from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from muster.errors import (
    AliasNotFound,
    InvalidInput,
    InvalidReference,
    ModelNotFound,
    NotApplicable,
    VersionNotFound,
)
from muster.records import Event, Version
from muster.registry.deletions import Deletions
from muster.registry.registry import Registry, point
from muster.store import Query, RecordStore

Add = Callable[..., Version]


def _actions(store: RecordStore) -> list[tuple[str, str]]:
    return [(e.action, e.subject) for e in store.find(Event, Query(limit=1_000)).items]


def test_a_reference_means_a_number_an_alias_the_newest_or_an_id(registry: Registry, add: Add) -> None:
    first, second = add(), add()
    registry.set_alias("churn:1", "champion")
    assert registry.version("churn:2").id == second.id
    assert registry.version("churn@champion").id == first.id
    assert registry.version("churn@latest").id == second.id
    assert registry.version("churn").id == first.id
    assert registry.version(second.id).ref == "churn:2"
    assert registry.version("churn:1").aliases == ("champion",)
    assert registry.version(first.id).aliases == ("champion",)


def test_a_model_alone_is_its_only_version_and_else_refused_with_the_list(registry: Registry, add: Add) -> None:
    add()
    assert registry.version("churn").number == 1
    add()
    with pytest.raises(InvalidReference, match="churn:2, churn:1") as caught:
        registry.version("churn")
    assert caught.value.details["versions"] == ["churn:2", "churn:1"]
    assert "muster alias set churn:2 champion" in caught.value.hint


def test_unknown_references_name_the_near_ones(registry: Registry, add: Add) -> None:
    add()
    registry.set_alias("churn:1", "champion")
    with pytest.raises(ModelNotFound, match="did you mean `churn`"):
        registry.version("chrun:1")
    with pytest.raises(VersionNotFound, match=r"no version 7 \(latest is 1\)"):
        registry.version("churn:7")
    with pytest.raises(AliasNotFound, match=r"it has champion\); did you mean `champion`"):
        registry.version("churn@champoin")
    with pytest.raises(VersionNotFound, match="no version has the id"):
        registry.version("0" * 26)
    with pytest.raises(InvalidReference, match="is a version, not a model"):
        registry.model("churn:1")


def test_an_alias_is_set_moved_and_removed_each_with_its_event(
    registry: Registry, add: Add, store: RecordStore
) -> None:
    add(), add()
    before = len(_actions(store))
    registry.set_alias("churn:1", "champion", "first")
    registry.set_alias("churn:2", "champion", "better")
    registry.set_alias("churn:2", "champion", "again, which changes nothing")
    assert registry.aliases("churn") == {"champion": 2}
    registry.remove_alias("churn", "champion", "gone")
    assert registry.aliases("churn") == {}
    actions = [a for a, _ in _actions(store)[before:]]
    assert actions == ["alias.created", "alias.changed", "alias.removed"]
    reasons = [e.reason for e in store.find(Event, Query(limit=1_000)).items][before:]
    assert reasons == ["first", "better", "gone"]
    with pytest.raises(AliasNotFound):
        registry.remove_alias("churn", "champion")


def test_tags_are_set_changed_and_removed_on_models_and_versions(registry: Registry, add: Add) -> None:
    add()
    registry.tag("churn", {"team": "ops"})
    registry.tag("churn:1", {"team": "ml", "seen": "yes"})
    registry.tag("churn:1", {"seen": None})
    assert dict(registry.model("churn").tags) == {"team": "ops"}
    assert dict(registry.version("churn:1").tags) == {"team": "ml"}
    assert [m.name for m in registry.models(["tag.team=ops"])] == ["churn"]
    assert list(registry.models(["tag.team=ml"])) == []
    assert [v.ref for v in registry.versions(None, ["tag.team=ml"])] == ["churn:1"]
    with pytest.raises(InvalidInput):
        registry.tag("churn", {"": "x", "a=b": "y"})


def test_models_are_searched_sorted_and_paged(registry: Registry, add: Add) -> None:
    for name in ("fraud-eu", "fraud-us", "churn"):
        add(name)
    add("spend", task="regression")
    assert [m.name for m in registry.models(["name~FRAUD"])] == ["fraud-eu", "fraud-us"]
    assert [m.name for m in registry.models(["task=regression"])] == ["spend"]
    assert [m.name for m in registry.models(sort=["-name"])] == ["spend", "fraud-us", "fraud-eu", "churn"]
    assert [m.name for m in registry.models(limit=2)] == ["churn", "fraud-eu"]
    page = registry.models().page(3)
    assert [m.name for m in registry.models().page(3, page.next).items] == ["spend"]
    assert registry.models().to_frame()["name"].tolist() == ["churn", "fraud-eu", "fraud-us", "spend"]
    assert repr(registry.models()) == "<'churn', 'fraud-eu', 'fraud-us', 'spend'>"


def test_versions_of_a_model_come_newest_first_with_their_aliases(registry: Registry, add: Add) -> None:
    add(), add()
    registry.set_alias("churn:1", "champion")
    assert [(v.ref, v.aliases) for v in registry.versions("churn")] == [("churn:2", ()), ("churn:1", ("champion",))]
    with pytest.raises(ModelNotFound):
        registry.versions("other")


def test_a_threshold_is_a_probability_of_a_binary_model(registry: Registry, add: Add) -> None:
    add()
    add("spend", task="regression")
    assert registry.set_threshold("churn:1", 0.3, "alerts").threshold == 0.3
    assert registry.version("churn:1").threshold == 0.3
    assert registry.set_threshold("churn:1", None).threshold is None
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidInput):
            registry.set_threshold("churn:1", wrong)
    with pytest.raises(NotApplicable):
        registry.set_threshold("spend:1", 0.5)


def test_descriptions_change_and_the_model_knows_when(registry: Registry, add: Add) -> None:
    add()
    before = registry.model("churn").updated_at
    registry.describe("churn", "Who leaves?")
    after = registry.model("churn")
    assert after.description == "Who leaves?"
    assert after.updated_at > before
    registry.describe("churn:1", "The first.")
    assert registry.version("churn:1").description == "The first."


def test_a_model_goes_by_its_id_too(store: RecordStore, registry: Registry, add: Add) -> None:
    add(), add()
    registry.set_alias("churn:1", "champion")
    identity = registry.model("churn").id
    assert registry.model(identity).name == "churn"
    assert registry.aliases(identity) == {"champion": 1}
    assert [v.number for v in registry.versions(identity)] == [2, 1]
    assert registry.versions(identity).to_frame()["aliases"].tolist() == [[], ["champion"]]
    assert registry.describe(identity, "who leaves").description == "who leaves"
    registry.remove_alias(identity, "champion")
    assert Deletions(store, "ann", registry).delete_model(identity) == 2


def test_an_alias_is_seen_however_many_there_are(registry: Registry, add: Add, store: RecordStore) -> None:
    version = add()
    with store.transaction("ann", "many") as tx:
        for n in range(1_100):
            point(tx, version, f"a{n:04}", "ann")
    assert len(registry.aliases("churn")) == 1_100
    assert registry.version("churn@a1099").number == 1
    assert len(next(iter(registry.versions("churn"))).aliases) == 1_100


class _Counted:
    """A store that counts what it is asked for."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        self.asked += name in ("get", "find", "count")
        return getattr(self._store, name)


def test_the_aliases_of_a_page_are_asked_for_once(registry: Registry, add: Add, store: RecordStore) -> None:
    names = [f"m{n}" for n in range(5)]
    for name in names:
        add(name)
        registry.set_alias(f"{name}:1", "champion")
    counted = _Counted(store)
    asking = Registry(cast(RecordStore, counted), "ann")
    assert [v.aliases for v in asking.versions().page().items] == [("champion",)] * 5
    assert counted.asked == 2
    assert asking.aliases_of([*names, "none"]) == {**{n: {"champion": 1} for n in names}, "none": {}}
    assert counted.asked == 3


def test_keys_of_tags_are_such_as_filters_can_name(registry: Registry, add: Add, store: RecordStore) -> None:
    add(tags={"a<b": "from before"})
    with pytest.raises(InvalidInput, match="keys of tags"):
        registry.tag("churn", {"a<b": "x"})
    assert registry.tag("churn", {"a<b": None, "muster.io/team": "ops"}).tags == {"muster.io/team": "ops"}
    assert [m.name for m in registry.models(["tag.muster.io/team=ops"])] == ["churn"]
