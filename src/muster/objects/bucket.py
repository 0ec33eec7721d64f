"""One bucket: what is in it, by key. Safe from several threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from muster.objects.access import CREDENTIALS, lent, lent_stamp
from muster.objects.azure import azure_settings
from muster.objects.faults import BucketNotFound, ObjectNotFound, Unreachable, faults, unusable
from muster.objects.google import google_settings, google_stamp
from muster.objects.place import Access, Place
from muster.objects.profiles import profile_settings, profile_stamp

__all__ = ["PIECE", "Bucket", "Entry", "bucket_of"]

PIECE = 8 << 20
"""What goes over the wire at once: larger objects are put in parts and read in ranges of this size."""

_SETTINGS = ("AWS_", "GOOGLE_", "GCE_METADATA_", "CLOUDSDK_CONFIG", "AZURE_", "AZURITE_", "IDENTITY_", "HOME")
_LENT: Mapping[str, Callable[[], Mapping[str, Any]]] = {
    "s3": profile_settings,
    "gs": google_settings,
    "az": azure_settings,
}
"""Credentials that the vendor's own tools find and the library does not."""
_STAMPS: Mapping[str, Callable[[], tuple[int, ...]]] = {"s3": profile_stamp, "gs": google_stamp, "az": tuple}
_PLAIN = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP", "ALLOW_HTTP")
_RETRY: Any = {
    "max_retries": 5,
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
    "retry_timeout": timedelta(seconds=60),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An object. `tag` is another one whenever its content is; `version` is known only of one that was asked for by its key."""

    place: Place
    size: int
    tag: str
    modified: datetime
    version: str | None = None


def bucket_of(place: Place) -> Bucket:
    """The bucket of a place, with the credentials that its connection, or else the environment, names now."""
    environment = tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith(_SETTINGS)))
    stamp = _STAMPS[place.bucket.partition(":")[0]]()
    if place.access is None:
        return _bucket(place.bucket, environment, stamp)
    given = place.access.given()
    return _connected(place.bucket, environment, (*stamp, *lent_stamp(given)), place.access, tuple(given.items()))


def _client(*, plain: bool) -> Any:
    """Options given here hide those of the environment, so what may be set there is taken over."""
    plain = plain or any(os.environ.get(name, "").lower() in ("1", "true", "yes") for name in _PLAIN)
    return {"timeout": "120s", "connect_timeout": "5s", "allow_http": plain}


@lru_cache(maxsize=32)
def _bucket(url: str, _environment: tuple[tuple[str, str], ...], _stamp: tuple[int, ...]) -> Bucket:
    return Bucket(url, _LENT[url.partition(":")[0]]())


@lru_cache(maxsize=32)
def _connected(
    url: str,
    _environment: tuple[tuple[str, str], ...],
    _stamp: tuple[int, ...],
    access: Access,
    given: tuple[tuple[str, str], ...],
) -> Bucket:
    scheme, known = url.partition(":")[0], dict(given)
    settings = lent(scheme, known)
    # Whoever has credentials of its own is not helped out by the vendor's tools.
    found = settings if CREDENTIALS & set(known) else {**_LENT[scheme](), **settings}
    return Bucket(url, found, access, plain=known.get("allow_http") == "true")


class Bucket:
    """Opened by `bucket_of`, or with `credentials` of its own by the words of obstore; keys are those of places in it."""

    def __init__(
        self,
        url: str,
        credentials: Mapping[str, Any] | None = None,
        access: Access | None = None,
        *,
        plain: bool = False,
    ) -> None:
        self._url = url
        self._access = access
        given: Any = dict(credentials or {})
        try:
            self._store = from_url(url, retry_config=_RETRY, client_options=_client(plain=plain), **given)
        except (BaseError, ValueError):
            raise unusable(self._place("")) from None

    def head(self, key: str) -> Entry:
        """ObjectNotFound if there is none."""
        with faults(self._place(key)):
            return self._entry(obstore.head(self._store, key))

    def read(self, key: str, start: int = 0, size: int | None = None, tag: str | None = None) -> bytes:
        """Bytes of an object; ObjectChanged if it is not the one with this tag."""
        if size == 0:
            return b""
        options: Any = {"if_match": tag} if tag else {}
        if size is not None:
            options["range"] = (start, start + size)
        with faults(self._place(key)):
            return bytes(obstore.get(self._store, key, options=options).bytes())

    def notes(self, key: str) -> Mapping[str, str]:
        """What was noted with the object when it was put. Names are in lower case, and letters alone."""
        with faults(self._place(key)):
            found = obstore.get(self._store, key, options={"head": True})
            return {str(k).lower(): str(v) for k, v in found.attributes.items()}

    def put(
        self,
        key: str,
        content: bytes | Iterable[bytes],
        *,
        new: bool = False,
        instead: Entry | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Put an object whole. `new`: ObjectExists if there is one; `instead`: ObjectChanged if it is not this one.

        Bytes in pieces go up as they come, and nothing appears if the iterator raises; they can be neither `new` nor `instead`.
        """
        mode: Any = "create" if new else _condition(instead) if instead else "overwrite"
        with faults(self._place(key)):
            obstore.put(
                self._store, key, content, mode=mode, attributes=dict(notes or {}), chunk_size=PIECE, max_concurrency=4
            )

    def list(self, prefix: str) -> Iterator[Entry]:
        """All objects below a folder, in the order of the service."""
        with faults(self._place(prefix)):
            for page in obstore.list(self._store, prefix or None):
                for found in page:
                    entry = self._entry(found)
                    if not entry.place.key.endswith("/"):  # what consoles put for an empty folder
                        yield entry

    def names(self, prefix: str) -> Sequence[str]:
        """The names right below a folder; those of folders end with a slash."""
        with faults(self._place(prefix)):
            found = obstore.list_with_delimiter(self._store, prefix or None)
        folders = [f"{str(p).rstrip('/')}/" for p in found["common_prefixes"]]
        return sorted(key.removeprefix(prefix) for key in [*folders, *(str(o["path"]) for o in found["objects"])])

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; one that is gone already is no error."""
        for start in range(0, len(keys), 1000):
            some = list(keys[start : start + 1000])
            try:
                with faults(self._place(some[0])):
                    obstore.delete(self._store, some)
            except BucketNotFound:
                raise
            except (ObjectNotFound, Unreachable):  # the library tries many at once only once
                self._delete_each(some)

    def _delete_each(self, keys: Sequence[str]) -> None:
        for key in keys:
            with suppress(ObjectNotFound), faults(self._place(key)):
                obstore.delete(self._store, key)

    def _place(self, key: str) -> Place:
        return Place(self._url, key, self._access)

    def _entry(self, meta: Any) -> Entry:
        modified = meta["last_modified"]
        tag = _quoted(str(meta["e_tag"] or modified.isoformat()))
        return Entry(self._place(str(meta["path"])), int(meta["size"]), tag, modified, meta.get("version"))


def _quoted(tag: str) -> str:
    """As HTTP writes it: Azure lists tags bare, and gives them in quotes to who asks for one object."""
    return tag if tag.endswith('"') else f'"{tag}"'


def _condition(entry: Entry) -> dict[str, str]:
    """Google puts in place of a generation, the others in place of a tag."""
    return {"e_tag": entry.tag} | ({"version": entry.version} if entry.version else {})
