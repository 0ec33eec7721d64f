"""Where an output grows that is committed elsewhere: Parquet chunks and rejects in a folder, until a table takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from muster.dataset import KeptRejects, Written
from muster.datasets.assemble import reasons_of, reject_lines, rejects_of
from muster.datasets.disk import create, remove, sync_folder, writing
from muster.datasets.encode import Encoding
from muster.errors import DatasetError

__all__ = ["Staging"]

_PARQUET = Encoding("parquet")


@dataclass(frozen=True, slots=True)
class Staging:
    """A folder of chunks. Everything in it may be written again."""

    folder: Path

    def begin(self) -> None:
        with writing(self.folder):
            for name in ("chunks", "rejects"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder)
            sync_folder(self.folder.parent)

    def write(self, part: int, index: int, table: pa.Table, rejects: Sequence[Mapping[str, object]]) -> Written:
        lines = self._rejects(part, index)
        if rejects:
            with create(lines) as stream:
                stream.write(reject_lines(rejects))
        else:
            lines.unlink(missing_ok=True)
        content = _PARQUET.encode(table)
        path = self.chunk(part, index)
        with create(path) as stream:
            stream.write(content)
        return Written(f"chunks/{path.name}", table.num_rows, hashlib.sha256(content).hexdigest())

    def chunk(self, part: int, index: int) -> Path:
        return self.folder / "chunks" / f"{part:06}-{index:06}.parquet"

    def _rejects(self, part: int, index: int) -> Path:
        return self.folder / "rejects" / f"{part:06}-{index:06}.jsonl"

    def chunks(self, places: Sequence[tuple[int, int]]) -> Iterator[Path]:
        """The chunks in order, all of which must be there."""
        found = [self.chunk(part, index) for part, index in places]
        lost = [path.name for path in found if not path.exists()]
        if lost:
            raise DatasetError(
                f"chunks of the run are gone from {self.folder}: {', '.join(lost[:5])}", details={"resume": False}
            )
        yield from found

    def collect_rejects(
        self, places: Sequence[tuple[int, int]], starts: Mapping[int, int], target: Path
    ) -> KeptRejects | None:
        """Put the rejects of all chunks in one file, if there are any."""
        found = [(self._rejects(part, index), starts[part]) for part, index in places]
        if not any(path.exists() for path, _ in found):
            return None
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = rejects_of(found, target)
        assert digest is not None, "one of them was there"
        return KeptRejects(str(target), digest, reasons_of(target))

    def discard(self) -> None:
        remove(self.folder)
