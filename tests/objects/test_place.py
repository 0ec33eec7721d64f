"""What URLs of object storage name."""

from __future__ import annotations

import pytest

from muster.errors import InvalidInput
from muster.objects.place import Place, is_object_url


@pytest.mark.parametrize(
    ("url", "bucket", "key"),
    [
        ("s3://b-1", "s3://b-1", ""),
        ("s3://b-1/", "s3://b-1", ""),
        ("S3://b.x/a/b.csv", "s3://b.x", "a/b.csv"),
        ("gs://b_1/a/", "gs://b_1", "a/"),
        ("az://container/month=2/ü x.csv", "az://container", "month=2/ü x.csv"),
    ],
)
def test_a_url_names_a_bucket_and_a_key(url: str, bucket: str, key: str) -> None:
    assert is_object_url(url)
    assert Place.parse(url) == Place(bucket, key)
    assert Place.parse(str(Place.parse(url))) == Place(bucket, key)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///a",
        "s3://b/../c",
        "s3://b/a//c",
        "s3://b/./c",
        "s3://-b/c",
        "s3://b/a\nc",
        "s3:b/a",
        "http://b/a",
    ],
)
def test_what_names_nothing_there_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        Place.parse(url)


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput, match="holds credentials") as caught:
        Place.parse("s3://AKIA:very-secret@bucket/key")
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("other", [None, 3, "x.csv", "/s3://b", "s3", "file:///x", "memory://x", "delta:s3://b/x"])
def test_what_is_elsewhere_is_not_claimed(other: object) -> None:
    assert not is_object_url(other)


def test_places_around_one() -> None:
    place = Place.parse("s3://bucket/a/b")
    assert place.below("c").key == "a/b/c"
    assert place.beside("c").key == "a/c"
    assert Place.parse("s3://bucket/a/b/").beside("c").key == "a/c"
    assert Place.parse("s3://bucket").below("c").key == "c"
    assert Place.parse("s3://bucket/b").beside("c").key == "c"
    assert place.name == Place.parse("s3://bucket/a/b/").name == "b"
    assert place.relative("a/b/c/d") == "c/d"
