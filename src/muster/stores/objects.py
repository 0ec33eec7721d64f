"""Blobs as objects of a bucket: `<prefix>/ab/cdef…` for the digest `abcdef…`, as in a folder, so that one can be copied to the other."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from muster.errors import StoreError
from muster.objects.bucket import PIECE, Bucket, Entry, bucket_of
from muster.objects.faults import BucketNotFound, ObjectError, ObjectExists, ObjectNotFound
from muster.objects.place import Place
from muster.objects.stream import ObjectStream, pieces
from muster.stores.digests import check_digest, damaged, is_digest, missing, occupied, unreadable

__all__ = ["ObjectBlobs"]


class ObjectBlobs:
    """A place in object storage. A picklable value; nothing is asked of the service before the first use."""

    def __init__(self, url: str) -> None:
        self._place = Place.parse(url)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._place}>"

    def put(self, source: Path | bytes) -> str:
        if not isinstance(source, Path):
            return self._put_bytes(source)
        try:
            with source.open("rb") as stream:
                if source.stat().st_size <= PIECE:
                    return self._put_bytes(stream.read())
                return self._put_large(stream, source)
        except ObjectError:
            raise
        except OSError as error:
            raise unreadable(source, error) from error

    def open(self, digest: str) -> BinaryIO:
        return io.BufferedReader(ObjectStream(self._entry(digest)), PIECE)

    def read(self, digest: str) -> bytes:
        key = self._key(digest)
        with _explained(digest):
            content = self._bucket.read(key)
        if (found := hashlib.sha256(content).hexdigest()) != digest:
            raise damaged(digest, found)
        return content

    def fetch(self, digest: str, target: Path) -> None:
        entry = self._entry(digest)
        try:
            file = target.open("xb")
        except FileExistsError:
            raise occupied(target) from None
        except OSError as error:
            raise _unwritable(target, error) from error
        try:
            total = hashlib.sha256()
            with file, _explained(digest):
                for piece in pieces(entry):
                    total.update(piece)
                    _write(file, piece, target)
            if (found := total.hexdigest()) != digest:
                raise damaged(digest, found)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def has(self, digest: str) -> bool:
        return self._size(digest) is not None

    def size(self, digest: str) -> int:
        return self._entry(digest).size

    def modified(self, digest: str) -> datetime:
        return self._entry(digest).modified

    def delete(self, digest: str) -> None:
        key = self._key(digest)
        with _explained(digest):
            self._bucket.delete([key])

    def __iter__(self) -> Iterator[str]:
        with _explained(""):
            for entry in self._bucket.list(self._place.folder):
                digest = self._place.relative(entry.place.key).replace("/", "", 1)
                if is_digest(digest) and self._key(digest) == entry.place.key:
                    yield digest

    def _put_bytes(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if self._size(digest) == len(content):
            return digest
        with _explained(digest):
            try:
                self._bucket.put(self._key(digest), content, new=True)
            except ObjectExists:  # another process put it just now; or it has a wrong size, and is mended
                if self._size(digest) != len(content):
                    self._bucket.put(self._key(digest), content)
        return digest

    def _put_large(self, stream: io.BufferedReader, source: Path) -> str:
        """In parts, as its content is read a second time: nothing appears if it is not what the digest was made of."""
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if self._size(digest) == stream.tell():
            return digest
        stream.seek(0)

        def parts() -> Iterator[bytes]:
            total = hashlib.sha256()
            while piece := stream.read(PIECE):
                total.update(piece)
                yield piece
            if total.hexdigest() != digest:
                raise unreadable(source, OSError(0, "it is being written to"))

        with _explained(digest):
            self._bucket.put(self._key(digest), parts())
        return digest

    @property
    def _bucket(self) -> Bucket:
        return bucket_of(self._place)

    def _key(self, digest: str) -> str:
        check_digest(digest)
        return f"{self._place.folder}{digest[:2]}/{digest[2:]}"

    def _entry(self, digest: str) -> Entry:
        key = self._key(digest)
        with _explained(digest):
            try:
                return self._bucket.head(key)
            except ObjectNotFound:
                self._bucket.read(key, 0, 1)  # tells what a bare 404 cannot: whether there is a bucket at all
                raise

    def _size(self, digest: str) -> int | None:
        key = self._key(digest)
        with _explained(digest):
            try:
                return self._bucket.head(key).size
            except ObjectNotFound:
                return None


@contextmanager
def _explained(digest: str) -> Iterator[None]:
    try:
        yield
    except BucketNotFound as error:
        raise StoreError(str(error), hint=error.hint) from None
    except ObjectNotFound:
        raise missing(digest) from None
    except ObjectError as error:
        raise StoreError(str(error), hint=error.hint) from None


def _write(file: BinaryIO, piece: bytes, target: Path) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{target} cannot be written: {error.strerror}", hint="see that its disk has room and that you may write it"
    )
