"""An output in object storage as one object: its chunks lie beside it until it is put, whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from muster.dataset import Written
from muster.datasets.assemble import assemble, without_dictionaries
from muster.datasets.listing import REJECTS
from muster.datasets.object_obstacles import refuse_obstacles
from muster.datasets.object_staging import DIGEST, RUN, ObjectSink
from muster.datasets.objects import explained
from muster.errors import DatasetError
from muster.objects.faults import ObjectExists, ObjectNotFound
from muster.objects.place import Place
from muster.scratch import scratch

if TYPE_CHECKING:
    pass

__all__ = ["WholeSink"]

_AT_ONCE = 64 << 20
"""Up to this size an object is put on condition that there is none; larger ones go up in parts, after a look."""


@dataclass(frozen=True, slots=True)
class WholeSink(ObjectSink):
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

    def rejects_sha256(self) -> str | None:
        with explained():
            return self._own_rejects().get(DIGEST)

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
                    self._put_file(self._rejects.key, rejects[0], {RUN: self.run, DIGEST: rejects[1]})
                elif self.overwrite and not self._own_rejects():
                    self._bucket.delete([self._rejects.key])
            self._bucket.delete([self._kept.key])
            self._remove(self._bucket.list(self._staged.key))

    def _own_rejects(self) -> Mapping[str, str]:
        """What is noted with them, if they are in place already, from the first time that this was done."""
        try:
            notes = self._bucket.notes(self._rejects.key)
        except ObjectNotFound:
            return {}
        return notes if notes.get(RUN) == self.run else {}

    def _make(self, chunks: Sequence[tuple[int, int]]) -> None:
        with scratch(self.scratch) as folder:
            found = [self._fetched(self._chunk(part, index), folder) for part, index in chunks]
            whole = folder / "whole"
            digest, size = assemble(found, whole, self.encoding, self.schema)
            notes = {RUN: self.run, DIGEST: digest}
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
            return self._bucket.notes(self.place.key).get(RUN) == self.run
        except ObjectNotFound:
            return False

    def committed(self) -> bool:
        with explained():
            return self._placed() and not any(True for _ in self._bucket.list(self._staged.below("rejects/").key))

    def discard(self) -> None:
        with explained():
            self._remove(self._bucket.list(self._staged.key))
