"""One bucket at each of the clouds: names, tags, conditions, pages, and who may not."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from muster.objects.bucket import PIECE, Bucket, Entry, bucket_of
from muster.objects.faults import ObjectChanged, ObjectError, ObjectExists, ObjectNotFound
from muster.objects.place import Place
from tests.clouds.fixtures import new_bucket

NAMES = [
    "a b", "ü/ß x.csv", "100%", "a%20b", "%2F", "a+b", "a#b?c", "day=1&x=2", "~t", "[a]*{b}", "it's", 'a "b"', "<a>&b", "a:b|c^d`", "😀",
    "e\u0301",
]  # fmt: skip


def opened(url: str) -> Bucket:
    return bucket_of(Place.parse(url))


@pytest.mark.parametrize("name", NAMES)
def test_an_object_of_any_name_is_found_by_it(bucket: str, name: str) -> None:
    store, key = opened(bucket), f"in/{name}"
    store.put(key, b"content", notes={"musterrun": "r"})
    assert [e.place.key for e in store.list("in/")] == [key]
    assert store.names("in/") == [name.partition("/")[0] + ("/" if "/" in name else "")]
    assert store.head(key).size == 7
    assert store.read(key, 1, 3) == b"ont"
    assert store.notes(key)["musterrun"] == "r"
    store.delete([key])
    assert not list(store.list(""))


def test_an_object_has_one_tag_however_it_is_found(bucket: str) -> None:
    store = opened(bucket)
    store.put("x", b"1")
    (listed,) = store.list("")
    assert listed.tag == store.head("x").tag
    assert store.read("x", tag=listed.tag) == b"1"
    store.put("x", b"2")
    assert store.head("x").tag != listed.tag
    with pytest.raises(ObjectChanged):
        store.read("x", tag=listed.tag)


def test_a_put_under_a_condition_is_done_once(bucket: str) -> None:
    store = opened(bucket)
    store.put("x", b"1", new=True)
    with pytest.raises(ObjectExists):
        store.put("x", b"2", new=True)
    first = store.head("x")
    store.put("x", b"2", instead=first)
    with pytest.raises(ObjectChanged):
        store.put("x", b"3", instead=first)
    assert store.read("x") == b"2"


@pytest.mark.deep
def test_of_many_that_put_at_once_one_does(bucket: str) -> None:
    if bucket.startswith("s3:"):
        pytest.skip("moto looks and puts in two steps, so that two may win")
    store = opened(bucket)

    def won(number: int, before: Entry | None) -> bool:
        try:
            store.put("x", str(number).encode(), new=before is None, instead=before)
        except (ObjectExists, ObjectChanged):
            return False
        return True

    for first in (True, False):
        before = None if first else store.head("x")
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(won, range(8), [before] * 8))
        assert done.count(True) == 1
        assert store.read("x") == str(done.index(True)).encode()


def test_notes_of_an_object_without_bytes(bucket: str) -> None:
    store = opened(bucket)
    store.put("x", b"", notes={"musterrun": "r"})
    assert store.notes("x")["musterrun"] == "r"
    with pytest.raises(ObjectNotFound):
        store.notes("y")


def test_what_goes_up_in_parts_appears_whole_with_its_notes_or_not_at_all(bucket: str) -> None:
    store, parts = opened(bucket), [os.urandom(PIECE), os.urandom(PIECE), os.urandom(12_345)]

    def cut_off() -> Iterator[bytes]:
        yield from parts[:2]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        store.put("x", cut_off())
    assert not list(store.list(""))
    store.put("x", iter(parts), notes={"musterrun": "r"})
    assert store.notes("x")["musterrun"] == "r"
    assert store.read("x") == b"".join(parts)


def test_one_that_is_gone_already_is_removed_without_an_error(bucket: str) -> None:
    store = opened(bucket)
    for key in ("a", "c"):
        store.put(key, b"1")
    store.delete(["a", "b", "c"])
    store.delete(["a"])
    assert not list(store.list(""))


@pytest.mark.deep
def test_a_listing_has_all_pages(bucket: str) -> None:
    store, size = opened(bucket), 5_100 if bucket.startswith("az:") else 1_100
    keys = [f"in/{n:05}" for n in range(size)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: store.put(key, b"1"), keys))
    assert [e.place.key for e in store.list("in/")] == keys


@pytest.mark.deep
def test_many_are_removed_at_once(bucket: str) -> None:
    store, keys = opened(bucket), [f"in/{n:05}" for n in range(1_100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: store.put(key, b"1"), keys[:600] + keys[-50:]))
    store.delete(keys)
    assert not list(store.list(""))


WRONG = "another-secret-that-is-told-nowhere"
DENIED = [
    ("az", {"AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(WRONG.encode()).decode()}),
    ("az", {"AZURE_STORAGE_ACCOUNT_KEY": "", "AZURE_STORAGE_SAS_TOKEN": f"sv=2021-12-02&ss=b&srt=sco&sp=rl&se=2099-01-01&sig={WRONG}"}),
    ("gs", {"GOOGLE_BEARER_TOKEN": WRONG}),
]  # fmt: skip


@pytest.mark.deep
@pytest.mark.parametrize(("cloud", "given"), DENIED, ids=["az by a key", "az by a signature", "gs by a token"])
def test_who_may_not_is_told_without_a_secret(
    cloud: str, given: dict[str, str], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place.parse(f"{new_bucket(cloud, request)}/x")
    bucket_of(place).put("x", b"1")
    for name, value in given.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    for act in (
        lambda: bucket_of(place).head("x"),
        lambda: bucket_of(place).read("x"),
        lambda: bucket_of(place).put("y", b""),
        lambda: list(bucket_of(place).list("")),
        lambda: bucket_of(place).names(""),
        lambda: bucket_of(place).delete(["x"]),
    ):
        with pytest.raises(ObjectError) as caught:
            act()
        shown = f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.__cause__}"
        assert "denied" in shown or "does not accept the credentials" in shown, shown
        assert not any(secret in shown for secret in (WRONG, *filter(None, given.values())))
