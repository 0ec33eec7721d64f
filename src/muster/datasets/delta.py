"""Delta tables: read at one version, which is chosen when the table is opened and stays for every part and every resume."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import pyarrow as pa

from muster.datasets.delta_log import Snapshot, place_of, snapshot
from muster.datasets.delta_part import DeltaPart, row_groups
from muster.datasets.options import joined, refuse_unknown, split_options
from muster.datasets.table import group_spans
from muster.errors import InvalidInput, near

__all__ = ["SCHEME", "DeltaDataset", "DeltaTables"]

SCHEME = "delta:"


class DeltaTables:
    """DatasetKind of `delta:path` and `delta:s3://…`. Options: `version`, or `timestamp` (UTC where it names no zone)."""

    name = "delta"

    def claims(self, uri: str) -> bool:
        return uri[: len(SCHEME)].lower() == SCHEME

    def open(self, uri: str, options: Mapping[str, str]) -> DeltaDataset:
        text, found = split_options(uri[len(SCHEME) :])
        chosen = {**found, **options}
        refuse_unknown("a Delta table", chosen, ("version", "timestamp"))
        return DeltaDataset(snapshot(place_of(text), chosen.get("version"), chosen.get("timestamp")))


@lru_cache(maxsize=32)
def _groups(table: Snapshot) -> tuple[tuple[int, ...], ...]:
    return row_groups(table)


class DeltaDataset:
    """A Dataset of one version of a table. A picklable value."""

    def __init__(self, table: Snapshot) -> None:
        self._table = table

    @property
    def uri(self) -> str:
        """With the version, so that whoever opens it again sees the same rows."""
        return joined(f"{SCHEME}{self._table.place}", {"version": str(self._table.version)})

    @property
    def schema(self) -> pa.Schema:
        return self._table.schema

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._table.schema.names)

    def types(self, columns: Sequence[str]) -> pa.Schema:
        missing = [f"`{n}`{near(n, self.names)}" for n in columns if n not in self.names]
        if missing:
            raise InvalidInput(
                f"the data has no column {', '.join(missing)}", hint="its columns are " + ", ".join(self.names[:20])
            )
        return pa.schema([self.schema.field(n) for n in columns])

    def declare(self, types: Mapping[str, pa.DataType]) -> DeltaDataset:
        return self

    def parts(self, rows: int) -> Sequence[DeltaPart]:
        parts: list[DeltaPart] = []
        for file, groups in zip(self._table.files, _groups(self._table), strict=True):
            offset = 0
            for span in group_spans(groups, rows):
                first = sum(groups[: span.start])
                count = int(file.keeps(first, first + sum(groups[i] for i in span)).sum())
                parts.append(DeltaPart(len(parts), self._table, file, span, offset, count))
                offset += count
        return parts or [DeltaPart(0, self._table, None, range(0), 0, 0)]

    def rows(self) -> int:
        groups = _groups(self._table)
        return sum(int(f.keeps(0, sum(g)).sum()) for f, g in zip(self._table.files, groups, strict=True))

    def size(self) -> int:
        return sum(f.size for f in self._table.files)

    def stamp(self) -> str:
        return self.fingerprint()

    def fingerprint(self) -> str:
        """Of the table's id and its version: what a version holds never changes."""
        return hashlib.sha256(f"delta\0{self._table.id}\0{self._table.version}\n".encode()).hexdigest()
