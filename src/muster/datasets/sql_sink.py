"""Outputs as tables of a database: chunks are staged in a folder of the hub, then loaded in one transaction.

The same transaction notes the run, with its manifest, in the table `muster_outputs` of that database, which tells ever after
that it was committed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from muster.dataset import KeptRejects, Written
from muster.datasets.disk import digest_of
from muster.datasets.files import first_line
from muster.datasets.listing import MANIFEST_FORMAT, REJECTS
from muster.datasets.obstacles import Obstacle, refuse
from muster.datasets.options import joined
from muster.datasets.sql_source import Source, claims, source
from muster.datasets.sql_types import sql_schema, sql_table
from muster.datasets.sql_writer import OUTPUTS, Writer, writer_of
from muster.datasets.staging import Staging
from muster.errors import Conflict, DatasetError, InvalidInput, MusterError
from muster.records import Connection

__all__ = ["SqlSink", "SqlSinks"]

_OPTIONS = ("table", "mode")


class SqlSinks:
    """SinkKind of `sqlite:`, `duckdb:` and `postgresql:` URLs with `table`; with a connection, of what it names.

    `mode=append` adds to a table that is there.
    """

    name = "sql"

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection = connection

    def claims(self, uri: str) -> bool:
        return claims(uri)

    def create(
        self,
        uri: str,
        run: str,
        schema: pa.Schema,
        *,
        overwrite: bool = False,
        inputs: Sequence[str] = (),
        scratch: Path | None = None,
    ) -> SqlSink:
        found = source(uri, {}, _OPTIONS, self._connection)
        mode = found.mode or ("overwrite" if overwrite else "error")
        if mode not in ("append", "overwrite", "error"):
            raise InvalidInput(f"`mode={mode}` is no way to write a table", hint="choose `append`, or leave it out")
        if mode == "append" and overwrite:
            raise InvalidInput("`mode=append` and overwriting exclude each other", hint="choose one of them")
        if found.parts[-1].casefold() == OUTPUTS:
            raise InvalidInput(f"`{OUTPUTS}` is where Muster notes what it wrote", hint="choose another table")
        if scratch is None:
            raise InvalidInput(f"an output in {found.base} needs a folder to stage in", hint="give `scratch`")
        writer_of(found)
        return SqlSink(found, run, schema, mode, tuple(inputs), scratch)


@dataclass(frozen=True, slots=True)
class SqlSink:
    """A Sink. The database tells whether it was committed."""

    table: Source
    run: str
    schema: pa.Schema
    mode: str
    inputs: tuple[str, ...]
    scratch: Path

    @property
    def output(self) -> str:
        return joined(self.table.uri, {"mode": "append"} if self.mode == "append" else {})

    @property
    def staging(self) -> Path:
        return self.scratch / self.run

    @property
    def rejects(self) -> str:
        return str(self._rejects)

    def rejects_sha256(self) -> str | None:
        return digest_of(self._rejects) if self._rejects.is_file() else None

    @property
    def _rejects(self) -> Path:
        return self.scratch / f"{self.run}{REJECTS}"

    @property
    def _staging(self) -> Staging:
        return Staging(self.staging)

    def check(self) -> None:
        refuse(list(self._obstacles()))

    def _obstacles(self) -> Iterator[Obstacle]:
        stored, problems = sql_schema(self.schema)
        for problem in problems:
            yield DatasetError, problem, "keep other columns"
        for uri in self.inputs:
            if claims(uri) and self._is(uri):
                told = f"the output {self.table.shown} of {self.table.base} is the input"
                yield DatasetError, told, "choose another table"
        with writer_of(self.table).looking(self.table) as writer:
            if writer is None:
                return
            for told in writer.refusals(stored):
                yield DatasetError, told, "choose another output, or other names"
            there = writer.columns()
            if there is None:
                return
            if self.mode == "error":
                hint = "choose another table, add to it with `&mode=append`, or replace it with `--overwrite` (overwrite=True)"
                yield Conflict, f"{self.table.shown} of {self.table.base} exists already", hint
            elif self.mode == "append" and len(stored) and (wrong := _misfits(stored, there)):
                told = f"{self.table.shown} of {self.table.base} cannot be added to: {'; '.join(wrong)}"
                yield DatasetError, told, "give the output the columns of the table"

    def _is(self, uri: str) -> bool:
        try:
            other = source(uri, {}, ("table", "query", "key", "order"))
        except MusterError:
            return False
        same = (other.engine, _database(other)) == (self.table.engine, _database(self.table))
        return same and other.table is not None and other.parts[-1].casefold() == self.table.parts[-1].casefold()

    def begin(self) -> None:
        if not self._recorded():
            self.check()
            self._staging.begin()

    def write(self, part: int, index: int, table: pa.Table, rejects: Sequence[Mapping[str, object]] = ()) -> Written:
        stored, _ = sql_schema(self.schema)
        try:
            fitted = sql_table(table, stored)
        except pa.ArrowInvalid as error:
            raise DatasetError(
                f"the database cannot hold a value of the output: {first_line(error)}",
                hint="leave the column out; times have microseconds there",
                details={"resume": False},
            ) from None
        return self._staging.write(part, index, fitted, rejects)

    def commit(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], starts: Mapping[int, int]
    ) -> None:
        if not self._recorded():
            stored, _ = sql_schema(self.schema)
            document = {"format": MANIFEST_FORMAT, "run": self.run, **manifest}
            with writer_of(self.table).writing(self.table) as writer:
                self._load(writer, stored, list(self._staging.chunks(chunks)))
                writer.note(self.run, self.table.table or "", json.dumps(document, ensure_ascii=False))
        if self.staging.exists():
            self._rejects.unlink(missing_ok=True)  # kept by a try before this one, of which nothing was scored
            self._staging.collect_rejects(chunks, starts, self._rejects)
            self._staging.discard()

    def _load(self, writer: Writer, schema: pa.Schema, chunks: Sequence[Path]) -> None:
        there = writer.columns() is not None
        if there and self.mode == "error":
            raise Conflict(
                f"{self.table.shown} of {self.table.base} has come to exist while the run was at work", hint="rename it"
            )
        if there and self.mode == "overwrite":
            writer.drop()
            there = False
        writer.load(pa.RecordBatchReader.from_batches(schema, _batches(chunks)), fresh=not there)

    def keep_rejects(self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]) -> KeptRejects:
        kept = self._staging.collect_rejects(chunks, starts, self._rejects)
        assert kept is not None, "a run without a scored row has rejects"
        return kept

    def committed(self) -> bool:
        return self._recorded() and not self.staging.exists()

    def _recorded(self) -> bool:
        with writer_of(self.table).looking(self.table) as writer:
            return writer is not None and writer.noted(self.run)

    def discard(self) -> None:
        self._staging.discard()


def _database(source: Source) -> str:
    """Its address, whoever asks."""
    return re.sub(r"//[^/@]*@", "//", source.address, count=1)


def _batches(chunks: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for chunk in chunks:
        with pq.ParquetFile(chunk) as file:
            yield from file.iter_batches(65_536)


def _misfits(mine: pa.Schema, there: Mapping[str, str]) -> list[str]:
    """By their names; whether the values fit the types there, the database tells."""
    wrong = [f"it has no column `{f.name}`" for f in mine if f.name not in there]
    return wrong + [
        f"the output has no column `{name}`, which takes no null"
        for name, need in there.items()
        if need == "needed" and name not in mine.names
    ]
