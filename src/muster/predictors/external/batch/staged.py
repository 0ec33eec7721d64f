"""What stands in the folder of a run: requests by round, what jobs made of them, and how each round ended."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muster.errors import RunFailed, SourceDenied, SourceError, SourceUnavailable
from muster.objects.faults import LoginRefused, ObjectError, ObjectExists, ObjectNotFound, Unreachable
from muster.objects.place import Place
from muster.signature import Json

if TYPE_CHECKING:
    from muster.objects.bucket import Bucket

__all__ = ["Piece", "Staged", "clear", "digest_of_body", "removed", "told"]

_MARK = "mark"
_NAME = re.compile(r"(?:[0-9a-f]{8}-)?(\d+)-(\d+)-(\d+)-(\d+)-(\d+)-([0-9a-f]{16})")


@dataclass(frozen=True, order=True, slots=True)
class Piece:
    """Consecutive rows of a chunk that make one request: `rows` from `first` on, `of` so many that the chunk sends at all.

    The digest is that of the request, so that an answer is never taken for that to other rows.
    """

    part: int
    index: int
    first: int
    rows: int
    of: int
    digest: str

    @property
    def name(self) -> str:
        return f"{self.part:06}-{self.index:06}-{self.first:08}-{self.rows:08}-{self.of:08}-{self.digest}"

    @property
    def chunk(self) -> tuple[int, int]:
        return self.part, self.index

    @classmethod
    def named(cls, name: str) -> Piece | None:
        """The piece of a file's name, whatever stands behind it, and its turn before it; None of another file."""
        found = _NAME.match(name)
        if found is None:
            return None
        part, index, first, rows, of = map(int, found.groups()[:5])
        return cls(part, index, first, rows, of, found[6])


def digest_of_body(body: bytes) -> str:
    """By which a request is known in names."""
    return hashlib.sha256(body).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Staged:
    """The folder of one run. Picklable; raises SourceDenied and SourceUnavailable where its bucket cannot be used.

    All is below a folder of its own that is named by a `mark`, so that what was left there when it was cleared is never taken for
    what was put since, nor an earlier job for a later one.
    """

    place: Place
    mark: str

    @classmethod
    def begun(cls, place: Place) -> Staged:
        """With the mark that stands there, or a new one."""
        with told(), suppress(ObjectExists):
            _bucket(place).put(place.below(_MARK).key, secrets.token_hex(3).encode(), new=True)
        found = cls.known(place)
        assert found is not None
        return found

    @classmethod
    def known(cls, place: Place) -> Staged | None:
        """With the mark that stands there, if anything was begun."""
        with told():
            try:
                return cls(place, _bucket(place).read(place.below(_MARK).key).decode())
            except ObjectNotFound:
                return None

    def requests(self, number: int) -> Place:
        """Where a round's requests are, and nothing else: the whole folder is given to the job."""
        return self._below(f"in/{number:02}/")

    def outputs(self, number: int) -> Place:
        return self._below(f"out/{number:02}/")

    def answers(self, number: int) -> Place:
        """Where what a job has written stands by piece, if the job itself does not do so."""
        return self._below(f"answers/{number:02}/")

    def pieces(self, number: int, count: int | None = None) -> Sequence[Piece]:
        """What was put for a round, in order. RunFailed if that are not so many as there were."""
        found = sorted(self.named(self.requests(number)))
        if count is not None and len(found) != count:
            raise removed(self.place)
        return found

    def named(self, folder: Place) -> Mapping[Piece, str]:
        """The objects below a folder that are called after a piece, each with its key."""
        with told():
            found = ((Piece.named(e.place.name), e.place.key) for e in self.bucket.list(folder.folder))
            return {piece: key for piece, key in found if piece is not None}

    def largest(self, number: int) -> int:
        """The bytes of the largest request of a round."""
        with told():
            return max((e.size for e in self.bucket.list(self.requests(number).folder)), default=0)

    def first(self, number: int) -> Place:
        """One of a round's requests."""
        with told():
            return next(iter(self.bucket.list(self.requests(number).folder))).place

    def write(self, place: Place, content: bytes) -> None:
        with told():
            self.bucket.put(place.key, content)

    def note(self, name: str, document: Mapping[str, Json]) -> None:
        with told():
            self.bucket.put(self._note(name), json.dumps(document).encode())

    def noted(self, name: str) -> Mapping[str, Json] | None:
        with told():
            try:
                found: Mapping[str, Json] = json.loads(self.bucket.read(self._note(name)))
            except ObjectNotFound:
                return None
        return found

    def read(self, key: str) -> bytes:
        with told():
            return self.bucket.read(key)

    @property
    def bucket(self) -> Bucket:
        return _bucket(self.place)

    def _below(self, name: str) -> Place:
        return self.place.below(f"{self.mark}/{name}")

    def _note(self, name: str) -> str:
        return self._below(f"{name}.json").key


def clear(place: Place) -> None:
    """Remove all that is in a run's folder, the mark first: whoever begins again has nothing of it."""
    with told():
        bucket = _bucket(place)
        bucket.delete([place.below(_MARK).key])
        bucket.delete([entry.place.key for entry in bucket.list(place.folder)])


def _bucket(place: Place) -> Bucket:
    from muster.objects.bucket import bucket_of

    return bucket_of(place)


def removed(folder: Place) -> RunFailed:
    return RunFailed(
        f"what the batch jobs were given, or gave, is no longer there: somebody, or a rule of the bucket, has removed it from {folder}",
        hint="score it again, with a folder whose objects stay for as long as a scoring takes",
    )


@contextmanager
def told() -> Iterator[None]:
    """Faults of object storage as those of a source: what was sent and paid is kept, and the run can go on."""
    try:
        yield
    except ObjectError as error:
        kind = (
            SourceUnavailable
            if isinstance(error, Unreachable)
            else SourceDenied
            if isinstance(error, LoginRefused)
            else SourceError
        )
        raise kind(str(error), hint=error.hint, details={"resume": True}) from None
