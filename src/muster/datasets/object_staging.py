"""What an output in object storage needs while it grows, whichever form it takes: its rejects, and what is known of each chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from muster.dataset import KeptRejects
from muster.datasets.assemble import reasons_of, reject_lines, rejects_of
from muster.datasets.encode import Encoding
from muster.datasets.listing import REJECTS
from muster.datasets.objects import ObjectLocation, explained
from muster.errors import Conflict
from muster.objects.place import Place
from muster.scratch import scratch

if TYPE_CHECKING:
    from muster.objects.bucket import Bucket, Entry

__all__ = ["DIGEST", "RUN", "ObjectSink"]

RUN, DIGEST = "musterrun", "mustersha256"
"""What is noted with an object: who made it, and the digest of what it holds."""


@dataclass(frozen=True, slots=True)
class ObjectSink:
    """What both have in common."""

    location: ObjectLocation
    run: str
    schema: pa.Schema
    encoding: Encoding
    overwrite: bool = False
    inputs: tuple[str, ...] = ()
    scratch: Path | None = None

    @property
    def place(self) -> Place:
        return self.location.place

    @property
    def output(self) -> str:
        return self.location.uri

    @property
    def _staged(self) -> Place:
        raise TypeError("each kind of output says where")

    @property
    def staging(self) -> str:
        return str(self._staged)

    @property
    def _bucket(self) -> Bucket:
        from muster.objects.bucket import bucket_of

        return bucket_of(self.place)

    def _put_chunk(
        self, key: str, part: int, index: int, content: bytes, rejects: Sequence[Mapping[str, object]]
    ) -> str:
        digest = hashlib.sha256(content).hexdigest()
        with explained():
            place = self._chunk_rejects(part, index)
            if rejects:
                self._bucket.put(place.key, reject_lines(rejects))
            else:
                self._bucket.delete([place.key])
            self._bucket.put(key, content, notes={DIGEST: digest})
        return digest

    def _chunk_rejects(self, part: int, index: int) -> Place:
        return self._staged.below(f"rejects/{part:06}-{index:06}.jsonl")

    @contextmanager
    def _rejects_file(
        self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]
    ) -> Iterator[tuple[Path, str] | None]:
        """The rejects of all chunks in one file, with its digest, or None if there are none."""
        with scratch(self.scratch) as folder:
            known = {entry.place.key for entry in self._bucket.list(self._staged.below("rejects/").key)}
            found: list[tuple[Path, int]] = []
            for part, index in chunks:
                place = self._chunk_rejects(part, index)
                if place.key in known:
                    path = folder / place.name
                    path.write_bytes(self._bucket.read(place.key))
                    found.append((path, starts[part]))
            target = folder / "rejects.jsonl"
            digest = rejects_of(found, target)
            yield (target, digest) if digest is not None else None

    def keep_rejects(self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]) -> KeptRejects:
        with explained(), self._rejects_file(chunks, starts) as found:
            assert found is not None, "whoever keeps rejects has some"
            file, digest = found
            self._put_file(self._kept.key, file, {RUN: self.run})
            return KeptRejects(str(self._kept), digest, reasons_of(file))

    @property
    def _kept(self) -> Place:
        return self.place.beside(f"{self.place.name}.{self.run}{REJECTS}")

    def _put_file(self, key: str, file: Path, notes: Mapping[str, str] | None = None) -> None:
        from muster.objects.bucket import PIECE

        with file.open("rb") as stream:
            if file.stat().st_size <= PIECE:
                self._bucket.put(key, stream.read(), notes=notes)
            else:
                self._bucket.put(key, iter(lambda: stream.read(PIECE), b""), notes=notes)

    def _remove(self, entries: Iterable[Entry]) -> None:
        self._bucket.delete([entry.place.key for entry in entries])

    def _appeared(self) -> Conflict:
        return Conflict(f"{self.place} has come to exist while the run was at work", hint="move it away")
