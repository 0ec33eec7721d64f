"""The suites of stores over every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muster.store import BlobStore, RecordStore
from muster.stores import BLOB_STORES, RECORD_STORES, open_blobs, open_records
from muster.testing.store import BlobStoreSuite, RecordStoreSuite
from tests.clouds.fixtures import new_bucket

RECORDS: dict[str, Callable[[Path, pytest.FixtureRequest], RecordStore]] = {
    "memory": lambda folder, request: open_records("memory://"),
    "postgresql": lambda folder, request: open_records(request.getfixturevalue("postgres_hub")),
    "sqlite": lambda folder, request: open_records(folder / "muster.db"),
}

BLOBS: dict[str, Callable[[Path, pytest.FixtureRequest], BlobStore]] = {
    "file": lambda folder, request: open_blobs(folder / "blobs"),
    "memory": lambda folder, request: open_blobs("memory://"),
    "s3": lambda folder, request: open_blobs(f"{new_bucket('s3', request)}/hub/blobs"),
    "az": lambda folder, request: open_blobs(f"{new_bucket('az', request)}/hub/blobs"),
    "gs": lambda folder, request: open_blobs(f"{new_bucket('gs', request)}/hub/blobs"),
}
_DEEP = {"az", "gs"}
"""Whose servers the plain suite does without."""


@pytest.mark.parametrize("make", RECORDS.values(), ids=RECORDS)
class TestRecordStores(RecordStoreSuite):
    @pytest.fixture
    def store(
        self, make: Callable[[Path, pytest.FixtureRequest], RecordStore], tmp_path: Path, request: pytest.FixtureRequest
    ) -> Iterator[RecordStore]:
        store = make(tmp_path, request)
        yield store
        store.close()

    @pytest.fixture
    def other(self) -> RecordStore:
        return open_records("memory://")


@pytest.mark.parametrize(
    "make",
    [pytest.param(make, id=name, marks=pytest.mark.deep if name in _DEEP else ()) for name, make in BLOBS.items()],
)
class TestBlobStores(BlobStoreSuite):
    @pytest.fixture
    def blobs(
        self, make: Callable[[Path, pytest.FixtureRequest], BlobStore], tmp_path: Path, request: pytest.FixtureRequest
    ) -> BlobStore:
        return make(tmp_path, request)


def test_every_store_has_a_factory() -> None:
    assert set(RECORDS) == set(RECORD_STORES)
    assert {BLOB_STORES[scheme] for scheme in BLOBS} == set(BLOB_STORES.values())
