from __future__ import annotations

from datetime import timedelta

import pytest

from muster.errors import Conflict, ModelNotFound, VersionNotFound
from muster.records import Event, now
from muster.registry.deletions import Deletions
from muster.registry.registry import Registry
from muster.store import RecordStore
from tests.registry.conftest import Add


@pytest.fixture
def deletions(store: RecordStore, registry: Registry) -> Deletions:
    return Deletions(store, "ann", registry)


def _refs(registry: Registry, *, deleted: bool = False) -> list[str]:
    return [v.ref for v in registry.versions("churn", deleted=deleted)]


def test_a_deleted_version_is_hidden_and_comes_back(
    store: RecordStore, registry: Registry, deletions: Deletions, add: Add
) -> None:
    first, second = add(), add(tags={"team": "ops"})
    deletions.delete_version("churn:2", "wrong data")
    assert (_refs(registry), _refs(registry, deleted=True)) == (["churn:1"], ["churn:2"])
    assert [v.ref for v in registry.versions(filters=["tag.team=ops"])] == []
    assert registry.version("churn").number == registry.version("churn@latest").number == 1
    for reference in ("churn:2", second.id):
        with pytest.raises(VersionNotFound, match="`churn:2` was deleted on 20") as told:
            registry.version(reference)
        assert told.value.hint == "bring it back with `muster version restore churn:2`"
    with pytest.raises(VersionNotFound, match="latest is 1"):
        registry.version("churn:3")
    with pytest.raises(VersionNotFound):
        registry.set_alias("churn:2", "champion")
    with pytest.raises(Conflict, match="deleted already"):
        deletions.delete_version("churn:2")
    assert deletions.restore_version(second.id) == second
    assert _refs(registry) == ["churn:2", "churn:1"]
    with pytest.raises(Conflict, match="is not deleted"):
        deletions.restore_version("churn:2")
    told_events = [(e.action, e.reason) for e in store.find(Event).items if e.subject == "version/churn:2"]
    assert told_events == [("version.created", "test"), ("version.changed", "wrong data"), ("version.changed", "")]
    assert registry.version("churn:1") == first


def test_an_alias_blocks_deletion_and_the_mend_is_told(registry: Registry, deletions: Deletions, add: Add) -> None:
    add(), add()
    registry.set_alias("churn:1", "champion")
    with pytest.raises(Conflict, match="`champion` points at it") as caught:
        deletions.delete_version("churn:1")
    assert "muster alias remove churn@champion" in caught.value.hint
    with pytest.raises(Conflict, match="has the alias champion"):
        deletions.delete_model("churn")
    registry.remove_alias("churn", "champion")
    deletions.delete_version("churn:1")
    assert _refs(registry) == ["churn:2"]


def test_a_model_comes_back_with_what_was_deleted_with_it(registry: Registry, deletions: Deletions, add: Add) -> None:
    add(), add(), add()
    deletions.delete_version("churn:2")
    assert deletions.delete_model("churn") == 2
    assert list(registry.models()) == []
    assert list(registry.versions()) == []
    assert [m.name for m in registry.models(deleted=True)] == ["churn"]
    for reference in ("churn", "churn:1", "churn@latest"):
        with pytest.raises(ModelNotFound, match="the model `churn` was deleted"):
            registry.version(reference)
    with pytest.raises(Conflict, match="cannot be restored alone") as told:
        deletions.restore_version("churn:2")
    assert "`muster model restore churn`" in told.value.hint
    assert deletions.restore_model("churn") == 2
    assert (_refs(registry), _refs(registry, deleted=True)) == (["churn:3", "churn:1"], ["churn:2"])
    with pytest.raises(Conflict, match="is not deleted"):
        deletions.restore_model("churn")


def test_for_good_is_at_once_and_numbers_go_on(registry: Registry, deletions: Deletions, add: Add) -> None:
    add(), add()
    deletions.delete_version("churn:1", for_good=True)
    assert _refs(registry, deleted=True) == []
    deletions.delete_model("churn")
    assert deletions.delete_model("churn", for_good=True) == 1
    assert list(registry.models(deleted=True)) == []
    with pytest.raises(ModelNotFound, match="no model is named"):
        deletions.restore_model("churn")
    assert add().ref == "churn:3"


def test_only_what_was_deleted_long_ago_is_removed(registry: Registry, deletions: Deletions, add: Add) -> None:
    add(), add()
    early = now()
    deletions.delete_version("churn:1")
    late = now() + timedelta(seconds=1)
    assert list(deletions.expired(early)) == []
    found = list(deletions.expired(late))
    assert [v.id for v in found] == [v.id for v in registry.versions(deleted=True)]
    assert not deletions.remove(found[0], early)
    deletions.restore_version("churn:1")
    assert not deletions.remove(found[0], late), "it was restored meanwhile"
    deletions.delete_model("churn")
    model = next(registry.models(deleted=True).__iter__())
    assert not deletions.remove(model, late), "it has versions"
    assert [deletions.remove(v, late) for v in deletions.expired(late)] == [True, True, True]
    assert not deletions.remove(model, late)
