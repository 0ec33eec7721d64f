"""The objects of batch jobs: what is below a prefix, and what of a key is kept below another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from muster.objects.place import Place

if TYPE_CHECKING:
    from muster.objects.bucket import Bucket

__all__ = ["after", "fetched", "starting_with", "stored"]


def starting_with(place: Place) -> Iterator[Place]:
    """Objects whose keys begin with that of the place, in order: also in the middle of a name, as stores have it."""
    folder = place.key.rpartition("/")[0]
    found = (entry.place for entry in _bucket(place).list(f"{folder}/" if folder else ""))
    yield from sorted((one for one in found if one.key.startswith(place.key)), key=lambda one: one.key.encode())


def after(prefix: str, key: str) -> str:
    """A key as a path from its prefix, or from where the prefix has its last slash if that ends in the middle of a name."""
    folder = prefix.rstrip("/") + "/"
    return key.removeprefix(folder if prefix and key.startswith(folder) else prefix[: prefix.rfind("/") + 1])


def fetched(place: Place) -> bytes:
    return _bucket(place).read(place.key)


def stored(place: Place, content: bytes) -> None:
    _bucket(place).put(place.key, content)


def _bucket(place: Place) -> Bucket:
    """Its library loads when there is a job."""
    from muster.objects.bucket import bucket_of

    return bucket_of(place)
