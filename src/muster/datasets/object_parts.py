"""An output in object storage as a folder of parts, which one put of a small object commits.

`part-<part>-<chunk>-<run>.parquet` under the output, and at last `_muster.json`, which names the parts that count: readers that
know Muster see nothing before, and with `overwrite` the old parts until that one object is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from muster.dataset import Written
from muster.datasets.listing import MANIFEST, MANIFEST_FORMAT
from muster.datasets.object_obstacles import refuse_obstacles
from muster.datasets.object_staging import DIGEST, RUN, ObjectSink
from muster.datasets.objects import explained, part_name, run_of
from muster.errors import DatasetError
from muster.objects.faults import ObjectChanged, ObjectExists, ObjectNotFound
from muster.objects.place import Place

if TYPE_CHECKING:
    from muster.objects.bucket import Entry

__all__ = ["PartsSink"]

_REQUESTS = 16


@dataclass(frozen=True, slots=True)
class PartsSink(ObjectSink):
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

    def rejects_sha256(self) -> str | None:
        with explained():
            known = self._manifest()[0].get("rejects_sha256")
        return known if isinstance(known, str) else None

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
            current, entry = self._manifest()
            if current.get("run") != self.run:
                found = {e.place.key: e for e in self._bucket.list(self.place.folder)}
                replaced = self._replaced(found, _parts_of(current))
                if replaced and not self.overwrite:
                    raise self._appeared()
                with self._rejects_file(chunks, starts) as rejects:
                    if rejects is not None:
                        self._put_file(self._rejects.key, rejects[0], {RUN: self.run})
                known = {"rejects_sha256": rejects[1]} if rejects is not None else {}
                self._place(entry, {**manifest, "files": self._files(chunks, found), **known, "replaced": replaced})
            self._bucket.delete([self._kept.key])
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
            {"path": place.name, "size": found[place.key].size, "sha256": note.get(DIGEST)}
            for place, note in zip(places, notes, strict=True)
        ]

    def _replaced(self, found: Mapping[str, Entry], listed: frozenset[str]) -> list[dict[str, str]]:
        """What was there before, by path and tag; what other runs have not committed, or stage, is theirs."""
        return [
            {"path": name, "tag": entry.tag}
            for key, entry in found.items()
            if (name := self.place.relative(key)) != MANIFEST
            and not name.startswith("_muster-")
            and name != self.place.relative(self._rejects.key)
            and (run_of(name) is None or name in listed)
        ]

    def _place(self, before: Entry | None, manifest: Mapping[str, object]) -> None:
        """The one step that everyone sees before or after."""
        document = {"format": MANIFEST_FORMAT, "run": self.run, **manifest}
        content = json.dumps(document, indent=1, ensure_ascii=False).encode(errors="backslashreplace")
        if before is not None and not self.overwrite:
            raise self._appeared()
        try:
            self._bucket.put(self.place.below(MANIFEST).key, content, new=before is None, instead=before)
        except (ObjectExists, ObjectChanged):
            raise self._appeared() from None

    def _manifest(self) -> tuple[dict[str, Any], Entry | None]:
        """The manifest that is there, and the object that it is."""
        key = self.place.below(MANIFEST).key
        try:
            entry = self._bucket.head(key)
            document = json.loads(self._bucket.read(key, tag=entry.tag))
        except ObjectNotFound:
            return {}, None
        except ValueError:
            return {}, entry
        return document if isinstance(document, dict) else {}, entry

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


def _parts_of(manifest: Mapping[str, Any]) -> frozenset[str]:
    files = manifest.get("files")
    return frozenset(str(f["path"]) for f in files) if isinstance(files, list) else frozenset()
