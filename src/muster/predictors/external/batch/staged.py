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

__all__ = ["Piece", "Staged", "digest_of_body", "removed", "told"]

_MARK = "mark"
_LATEST = 1 << 20
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)-(\d+)-([0-9a-f]{16})")


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
        """The piece of a file's name, whatever stands behind it; None of another file."""
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
    """The folder of one run. Picklable; raises SourceDenied and SourceUnavailable where its bucket cannot be used."""

    place: Place

    def requests(self, number: int) -> Place:
        """Where a round's requests are, and nothing else: the whole folder is given to the job."""
        return self.place.below(f"in/{number:02}/")

    def outputs(self, number: int) -> Place:
        return self.place.below(f"out/{number:02}/")

    def answers(self, number: int) -> Place:
        """Where what a job has written stands by piece, if the job itself does not do so."""
        return self.place.below(f"answers/{number:02}/")

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

    def request(self, number: int, piece: Piece, suffix: str) -> Place:
        return self.requests(number).below(piece.name + suffix)

    def mark(self) -> str:
        """What tells this folder from an earlier one of the same run, which was cleared: jobs of both have names of their own."""
        with told(), suppress(ObjectExists):
            self.bucket.put(self._note(_MARK), json.dumps({"mark": secrets.token_hex(3)}).encode(), new=True)
        found = self.noted(_MARK)
        assert found is not None
        return str(found["mark"])

    def known_mark(self) -> str | None:
        """The same, if anything was begun in the folder."""
        found = self.noted(_MARK)
        return None if found is None else str(found["mark"])

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

    def clear(self) -> None:
        """Remove all of it; the notes first, later ones before earlier ones: what was cut off begins again, and misses nothing."""
        with told():
            keys = [entry.place.key for entry in self.bucket.list(self.place.folder)]
            notes = [key for key in keys if "/" not in self.place.relative(key)]
            for key in sorted(notes, key=lambda key: _written(self.place.relative(key)), reverse=True):
                self.bucket.delete([key])
            self.bucket.delete(keys)

    @property
    def bucket(self) -> Bucket:
        from muster.objects.bucket import bucket_of

        return bucket_of(self.place)

    def _note(self, name: str) -> str:
        return self.place.below(f"{name}.json").key


def _written(name: str) -> tuple[int, int]:
    """By when a note was written, in the order of rounds."""
    kind, _, number = name.removesuffix(".json").partition("-")
    if kind == _MARK:
        return -1, 0
    return (int(number), ("sent", "ended").index(kind)) if number.isdecimal() else (_LATEST, 0)


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
