"""The suite that every BlobStore passes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from muster.errors import Conflict, InvalidInput, NotFound, StoreError
from muster.records import now
from muster.store import BlobStore

__all__ = ["BlobStoreSuite"]

_BIG = bytes(range(256)) * (3 << 12) + b"end"


class BlobStoreSuite:
    """Subclass it with a fixture `blobs`: a new, empty store."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        raise TypeError("give a fixture `blobs`")

    @pytest.mark.parametrize("content", [b"", b"a", _BIG], ids=["none", "small", "big"])
    def test_bytes_come_back(self, blobs: BlobStore, content: bytes, tmp_path: Path) -> None:
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(content)
        digest = blobs.put(content)
        assert digest == hashlib.sha256(content).hexdigest()
        assert blobs.put(source) == digest
        assert blobs.has(digest)
        assert blobs.size(digest) == len(content)
        assert blobs.read(digest) == content
        with blobs.open(digest) as stream:
            assert stream.read(1) == content[:1]
            assert stream.read() == content[1:]
        blobs.fetch(digest, target)
        assert target.read_bytes() == source.read_bytes() == content
        assert list(blobs) == [digest]

    def test_blobs_are_listed_in_order(self, blobs: BlobStore) -> None:
        digests = {blobs.put(f"{n}".encode()) for n in range(50)}
        assert list(blobs) == sorted(digests)

    def test_a_blob_that_is_not_there(self, blobs: BlobStore, tmp_path: Path) -> None:
        digest, target = "0" * 64, tmp_path / "target"
        acts: Sequence[Callable[[], object]] = (
            lambda: blobs.open(digest),
            lambda: blobs.read(digest),
            lambda: blobs.size(digest),
            lambda: blobs.modified(digest),
            lambda: blobs.fetch(digest, target),
        )
        for act in acts:
            with pytest.raises(NotFound, match=digest):
                act()
        assert not target.exists()
        assert not blobs.has(digest)
        blobs.delete(digest)

    def test_a_deleted_blob_is_gone_and_can_be_put_again(self, blobs: BlobStore) -> None:
        digest, other = blobs.put(b"a"), blobs.put(b"b")
        blobs.delete(digest)
        blobs.delete(digest)
        assert not blobs.has(digest)
        assert list(blobs) == [other]
        assert blobs.put(b"a") == digest
        assert blobs.read(digest) == b"a"

    def test_a_blob_knows_when_it_was_stored(self, blobs: BlobStore) -> None:
        first = blobs.put(b"a")
        stored = blobs.modified(first)
        assert abs(stored - now()) < timedelta(minutes=10), "by the clock of the store"
        assert blobs.put(b"a") == first
        assert blobs.modified(first) >= stored
        blobs.delete(first)
        with pytest.raises(NotFound, match=first):
            blobs.modified(first)

    @pytest.mark.parametrize(
        "digest", ["", "0" * 63, "0" * 65, "A" * 64, "../" * 21 + "0", "0" * 63 + "\n", "\N{FULLWIDTH DIGIT ZERO}" * 64]
    )
    def test_what_is_no_digest_is_refused(self, blobs: BlobStore, digest: str, tmp_path: Path) -> None:
        acts: Sequence[Callable[[], object]] = (
            lambda: blobs.open(digest),
            lambda: blobs.read(digest),
            lambda: blobs.size(digest),
            lambda: blobs.has(digest),
            lambda: blobs.delete(digest),
            lambda: blobs.fetch(digest, tmp_path / "target"),
        )
        for act in acts:
            with pytest.raises(InvalidInput, match="no digest"):
                act()

    def test_fetching_never_writes_over_a_file(self, blobs: BlobStore, tmp_path: Path) -> None:
        digest, target = blobs.put(b"a"), tmp_path / "target"
        target.write_bytes(b"mine")
        with pytest.raises(Conflict, match="target"):
            blobs.fetch(digest, target)
        assert target.read_bytes() == b"mine"

    def test_fetching_into_nowhere_names_the_place(self, blobs: BlobStore, tmp_path: Path) -> None:
        digest = blobs.put(b"a")
        with pytest.raises(StoreError, match="nowhere"):
            blobs.fetch(digest, tmp_path / "nowhere" / "target")

    def test_what_cannot_be_read_cannot_be_put(self, blobs: BlobStore, tmp_path: Path) -> None:
        for source in (tmp_path / "missing", tmp_path):
            with pytest.raises(InvalidInput, match=source.name):
                blobs.put(source)
        assert list(blobs) == []

    def test_many_put_the_same_at_once(self, blobs: BlobStore) -> None:
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(blobs.put(_BIG))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert list(blobs) == [found[0]]
        assert blobs.read(found[0]) == _BIG
