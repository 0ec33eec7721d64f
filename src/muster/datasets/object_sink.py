"""Outputs in object storage. Chunks go up as they come, since nothing can be renamed there; one put of a small object commits them.

A folder of parts: `part-<part>-<chunk>-<run>.parquet` under the output, and at last `_muster.json`, which names the parts that
count; readers that know Muster see nothing before, and with `overwrite` the old parts until that one object is replaced. One
object: its chunks lie beside it in `<output>.muster-<run>/`, and it is put whole. What else a run needs lies in `_muster-<run>/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from muster.dataset import KeptRejects, Written
from muster.datasets.assemble import assemble, reasons_of, reject_lines, rejects_of, without_dictionaries
from muster.datasets.encode import Encoding
from muster.datasets.listing import MANIFEST, MANIFEST_FORMAT, REJECTS
from muster.datasets.object_obstacles import refuse_obstacles
from muster.datasets.objects import ObjectLocation, explained, locate_object, part_name, run_of
from muster.datasets.sink import encoding_for, is_folder
from muster.errors import Conflict, DatasetError, InvalidInput
from muster.objects.faults import ObjectChanged, ObjectExists, ObjectNotFound
from muster.objects.place import Place, is_object_url
from muster.scratch import scratch

if TYPE_CHECKING:
    from muster.objects.bucket import Bucket, Entry

__all__ = ["ObjectSinks", "PartsSink", "WholeSink"]

_AT_ONCE = 64 << 20
"""Up to this size an object is put on condition that there is none; larger ones go up in parts, after a look."""
_REQUESTS = 16
_RUN, _DIGEST = "musterrun", "mustersha256"


class ObjectSinks:
    """SinkKind of URLs of object storage, with the options of files."""

    name = "objects"

    def claims(self, uri: str) -> bool:
        return is_object_url(uri)

    def create(
        self,
        uri: str,
        run: str,
        schema: pa.Schema,
        *,
        overwrite: bool = False,
        inputs: Sequence[str] = (),
        scratch: Path | None = None,
    ) -> PartsSink | WholeSink:
        location = locate_object(uri)
        if location.pattern or not location.place.key:
            raise InvalidInput(f"`{uri}` is no output", hint="give an object, or a folder, in a bucket")
        path = Path(location.place.name)
        folder = is_folder(path, written=location.place.key.endswith("/"))
        kind = PartsSink if folder else WholeSink
        encoding = encoding_for(path, location.options, folder=folder)
        return kind(location, run, schema, encoding, overwrite, tuple(inputs), scratch)


@dataclass(frozen=True, slots=True)
class _Sink:
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
            self._bucket.put(key, content, notes={_DIGEST: digest})
        return digest

    def _chunk_rejects(self, part: int, index: int) -> Place:
        return self._staged.below(f"rejects/{part:06}-{index:06}.jsonl")

    @contextmanager
    def _rejects_file(self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]) -> Iterator[Path | None]:
        """The rejects of all chunks in one file, or None if there are none."""
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
            yield target if rejects_of(found, target) else None

    def keep_rejects(self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]) -> KeptRejects:
        place = self.place.beside(f"{self.place.name}.{self.run}{REJECTS}")
        with explained(), self._rejects_file(chunks, starts) as file:
            assert file is not None, "whoever keeps rejects has some"
            self._put_file(place.key, file)
            return KeptRejects(str(place), reasons_of(file))

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


@dataclass(frozen=True, slots=True)
class PartsSink(_Sink):
    """A folder of parts."""

    @property
    def _staged(self) -> Place:
        return self.place.below(f"_muster-{self.run}/")

    @property
    def _rejects(self) -> Place:
        return self.place.below(f"_rejects-{self.run}.jsonl")

    @property
    def rejects(self) -> str:
        return str(self._rejects)

    def check(self) -> None:
        refuse_obstacles(self.place, self._rejects, self.run, folder=True, overwrite=self.overwrite, inputs=self.inputs)

    def begin(self) -> None:
        if not self.committed():
            self.check()
            with explained():
                self._bucket.put(self._staged.below("begun.json").key, json.dumps({"run": self.run}).encode())

    def write(self, part: int, index: int, table: pa.Table, rejects: Sequence[Mapping[str, object]] = ()) -> Written:
        table = table if table.schema.equals(self.schema) else table.select(self.schema.names).cast(self.schema)
        content = bytes(self.encoding.encode(table))
        key = self._part(part, index).key
        return Written(key, table.num_rows, self._put_chunk(key, part, index, content, rejects))

    def _part(self, part: int, index: int) -> Place:
        return self.place.below(part_name(part, index, self.run, self.encoding.suffix))

    def commit(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], starts: Mapping[int, int]
    ) -> None:
        with explained():
            current, tag = self._manifest()
            if current.get("run") != self.run:
                found = {e.place.key: e for e in self._bucket.list(self.place.folder)}
                replaced = self._replaced(found)
                if replaced and not self.overwrite:
                    raise self._appeared()
                with self._rejects_file(chunks, starts) as rejects:
                    if rejects is not None:
                        self._put_file(self._rejects.key, rejects)
                self._place(tag, {**manifest, "files": self._files(chunks, found), "replaced": replaced})
            self._tidy()

    def _files(self, chunks: Sequence[tuple[int, int]], found: Mapping[str, Entry]) -> list[dict[str, object]]:
        places = [self._part(part, index) for part, index in chunks]
        lost = [place.name for place in places if place.key not in found]
        if lost:
            raise DatasetError(
                f"chunks of the run are gone from {self.place}: {', '.join(lost[:5])}", details={"resume": False}
            )
        with ThreadPoolExecutor(_REQUESTS) as pool:
            notes = list(pool.map(lambda place: self._bucket.notes(place.key), places))
        return [
            {"path": place.name, "size": found[place.key].size, "sha256": note.get(_DIGEST)}
            for place, note in zip(places, notes, strict=True)
        ]

    def _replaced(self, found: Mapping[str, Entry]) -> list[dict[str, str]]:
        """What was there before, by path and tag; what other runs have not committed, or stage, is theirs."""
        listed = self._listed_before()
        return [
            {"path": name, "tag": entry.tag}
            for key, entry in found.items()
            if (name := self.place.relative(key)) != MANIFEST
            and not name.startswith("_muster-")
            and name != self.place.relative(self._rejects.key)
            and (run_of(name) is None or name in listed)
        ]

    def _listed_before(self) -> frozenset[str]:
        files = self._manifest()[0].get("files")
        return frozenset(str(f["path"]) for f in files) if isinstance(files, list) else frozenset()

    def _place(self, tag: str | None, manifest: Mapping[str, object]) -> None:
        """The one step that everyone sees before or after."""
        document = {"format": MANIFEST_FORMAT, "run": self.run, **manifest}
        content = json.dumps(document, indent=1, ensure_ascii=False).encode(errors="backslashreplace")
        if tag is not None and not self.overwrite:
            raise self._appeared()
        try:
            self._bucket.put(self.place.below(MANIFEST).key, content, new=tag is None, instead=tag)
        except (ObjectExists, ObjectChanged):
            raise self._appeared() from None

    def _manifest(self) -> tuple[dict[str, Any], str | None]:
        """The manifest that is there, and its tag."""
        key = self.place.below(MANIFEST).key
        try:
            entry = self._bucket.head(key)
            document = json.loads(self._bucket.read(key, tag=entry.tag))
        except ObjectNotFound:
            return {}, None
        except ValueError:
            return {}, entry.tag
        return document if isinstance(document, dict) else {}, entry.tag

    def committed(self) -> bool:
        with explained():
            return self._manifest()[0].get("run") == self.run

    def _tidy(self) -> None:
        """Remove what is staged, and what the output has replaced, unless it is something else by now."""
        replaced = {(r["path"], r["tag"]) for r in self._manifest()[0].get("replaced", ())}
        found = list(self._bucket.list(self.place.folder)) if replaced else []
        self._remove(e for e in found if (self.place.relative(e.place.key), e.tag) in replaced)
        self._remove(self._bucket.list(self._staged.key))

    def discard(self) -> None:
        with explained():
            if self.committed():
                self._tidy()
                return
            found = list(self._bucket.list(self.place.folder))
            own = [e for e in found if run_of(self.place.relative(e.place.key)) == self.run or e.place == self._rejects]
            self._remove([*own, *(e for e in found if e.place.key.startswith(self._staged.key))])


@dataclass(frozen=True, slots=True)
class WholeSink(_Sink):
    """One object. Who made it is noted with it."""

    @property
    def _staged(self) -> Place:
        return self.place.beside(f"{self.place.name}.muster-{self.run}/")

    @property
    def _rejects(self) -> Place:
        return self.place.beside(self.place.name + REJECTS)

    @property
    def rejects(self) -> str:
        return str(self._rejects)

    def check(self) -> None:
        refuse_obstacles(
            self.place, self._rejects, self.run, folder=False, overwrite=self.overwrite, inputs=self.inputs
        )

    def begin(self) -> None:
        with explained():
            if not self._placed():
                self.check()
                self._bucket.put(self._staged.below("begun.json").key, json.dumps({"run": self.run}).encode())

    def write(self, part: int, index: int, table: pa.Table, rejects: Sequence[Mapping[str, object]] = ()) -> Written:
        table = table if table.schema.equals(self.schema) else table.select(self.schema.names).cast(self.schema)
        table = without_dictionaries(table) if self.encoding.format == "arrow" else table
        content = bytes(self.encoding.encode(table, header=False))
        key = self._chunk(part, index).key
        return Written(key, table.num_rows, self._put_chunk(key, part, index, content, rejects))

    def _chunk(self, part: int, index: int) -> Place:
        return self._staged.below(f"chunks/{part:06}-{index:06}{self.encoding.suffix}")

    def commit(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], starts: Mapping[int, int]
    ) -> None:
        with explained():
            if not self._placed():
                self._make(chunks)
            with self._rejects_file(chunks, starts) as rejects:
                if rejects is not None:
                    self._put_file(self._rejects.key, rejects, {_RUN: self.run})
                elif self.overwrite and not self._own_rejects():
                    self._bucket.delete([self._rejects.key])
            self._remove(self._bucket.list(self._staged.key))

    def _own_rejects(self) -> bool:
        """Whether they are in place already, from the first time that this was done."""
        try:
            return self._bucket.notes(self._rejects.key).get(_RUN) == self.run
        except ObjectNotFound:
            return False

    def _make(self, chunks: Sequence[tuple[int, int]]) -> None:
        with scratch(self.scratch) as folder:
            found = [self._fetched(self._chunk(part, index), folder) for part, index in chunks]
            whole = folder / "whole"
            digest, size = assemble(found, whole, self.encoding, self.schema)
            notes = {_RUN: self.run, _DIGEST: digest}
            if self.overwrite:
                self._put_file(self.place.key, whole, notes)
            elif size <= _AT_ONCE:
                self._put_new(whole.read_bytes(), notes)
            elif self._exists():
                raise self._appeared()
            else:
                self._put_file(self.place.key, whole, notes)

    def _put_new(self, content: bytes, notes: Mapping[str, str]) -> None:
        try:
            self._bucket.put(self.place.key, content, new=True, notes=notes)
        except ObjectExists:
            raise self._appeared() from None

    def _fetched(self, chunk: Place, folder: Path) -> Path:
        from muster.objects.stream import pieces

        target = folder / chunk.name
        try:
            entry = self._bucket.head(chunk.key)
        except ObjectNotFound:
            raise DatasetError(f"chunk {chunk} of the run is gone", details={"resume": False}) from None
        with target.open("wb") as stream:
            for piece in pieces(entry):
                stream.write(piece)
        return target

    def _exists(self) -> bool:
        try:
            self._bucket.head(self.place.key)
        except ObjectNotFound:
            return False
        return True

    def _placed(self) -> bool:
        try:
            return self._bucket.notes(self.place.key).get(_RUN) == self.run
        except ObjectNotFound:
            return False

    def committed(self) -> bool:
        with explained():
            return self._placed() and not any(True for _ in self._bucket.list(self._staged.below("rejects/").key))

    def discard(self) -> None:
        with explained():
            self._remove(self._bucket.list(self._staged.key))
