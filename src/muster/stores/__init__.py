"""Where records and bytes are kept: a scheme and its class, imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from muster.errors import InvalidInput, near
from muster.store import BlobStore, RecordStore

__all__ = ["BLOB_STORES", "RECORD_STORES", "open_blobs", "open_records"]

RECORD_STORES: Mapping[str, str] = {
    "memory": "muster.stores.memory:MemoryRecords",
    "postgresql": "muster.stores.sql:SqlRecords",
    "sqlite": "muster.stores.sql:SqlRecords",
}

BLOB_STORES: Mapping[str, str] = {
    "az": "muster.stores.objects:ObjectBlobs",
    "file": "muster.stores.files:FileBlobs",
    "gs": "muster.stores.objects:ObjectBlobs",
    "memory": "muster.stores.memory:MemoryBlobs",
    "s3": "muster.stores.objects:ObjectBlobs",
}


def open_records(target: Path | str, *, make: bool = True) -> RecordStore:
    """The store in a SQLite file, made when new; or at `sqlite:///PATH`, `postgresql://…`, or `memory://`, a new one each time.

    Unless it may `make` one, NotFound where there is none.
    """
    return _opened(RECORD_STORES, target, "sqlite", **({} if make else {"make": False}))


def open_blobs(target: Path | str) -> BlobStore:
    """The store in a folder, which is made when new; or at `file:///PATH`, `s3://BUCKET/PATH`, `gs://…`, `az://…`, or `memory://`."""
    return _opened(BLOB_STORES, target, "file")


def _opened(known: Mapping[str, str], target: Path | str, usual: str, **options: object) -> Any:
    scheme, found, place = str(target).partition("://") if isinstance(target, str) else ("", "", "")
    name = scheme.lower() if found else usual
    name = "postgresql" if name == "postgres" else name
    if name not in known:
        raise InvalidInput(
            f"no store opens `{scheme}://…`{near(name, known)}",
            hint=f"there are {', '.join(f'{n}://' for n in sorted(known))}",
        )
    module, _, attribute = known[name].partition(":")
    opened = getattr(import_module(module), attribute)
    if name == "memory":
        return opened()
    if not found:
        return opened(Path(target), **options)
    if name not in ("sqlite", "file"):
        return opened(target, **options)
    return opened(Path(place.removeprefix("/") if name == "sqlite" else place), **options)
