"""Outputs as Delta tables: chunks are staged beside the table, and become one commit of its log.

The commit carries a transaction id made of the run, so that it happens once however often it is tried, and `_muster`, the
manifest, in its info.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from muster.dataset import KeptRejects, Written
from muster.datasets.delta import SCHEME
from muster.datasets.delta_log import deltalake, latest, place_of, telling
from muster.datasets.delta_obstacles import obstacles
from muster.datasets.delta_types import delta_schema
from muster.datasets.disk import create, digest_of, writing
from muster.datasets.files import first_line
from muster.datasets.listing import MANIFEST_FORMAT, REJECTS
from muster.datasets.obstacles import refuse
from muster.datasets.options import joined, refuse_unknown, split_options
from muster.datasets.parquet_join import join
from muster.datasets.staging import Staging
from muster.errors import Conflict, DatasetError, InvalidInput
from muster.objects.bucket import PIECE, bucket_of
from muster.objects.place import SCHEMES, Place

__all__ = ["DeltaSink", "DeltaSinks"]

_FILE_BYTES = 128 << 20
"""Chunks are joined to files of about this size."""


class DeltaSinks:
    """SinkKind of `delta:path`; `?mode=append` adds to a table that is there."""

    name = "delta"

    def claims(self, uri: str) -> bool:
        return uri[: len(SCHEME)].lower() == SCHEME

    def create(
        self,
        uri: str,
        run: str,
        schema: pa.Schema,
        *,
        overwrite: bool = False,
        inputs: Sequence[str] = (),
        scratch: Path | None = None,
    ) -> DeltaSink:
        text, options = split_options(uri[len(SCHEME) :])
        refuse_unknown("an output in Delta", options, ("mode",))
        mode = options.get("mode", "overwrite" if overwrite else "error")
        if mode not in ("append", "overwrite", "error"):
            raise InvalidInput(f"`mode={mode}` is no way to write a table", hint="choose `append`, or leave it out")
        if mode == "append" and overwrite:
            raise InvalidInput("`mode=append` and overwriting exclude each other", hint="choose one of them")
        place = place_of(text)
        if "://" in place:
            if place.partition("://")[0].lower() not in SCHEMES:
                raise InvalidInput(f"no Delta table is written to {place}", hint="write s3://, gs://, az:// or a path")
            if scratch is None:
                raise InvalidInput(f"{place} needs a folder to stage in", hint="give `scratch`")
        return DeltaSink(place, run, schema, mode, tuple(inputs), scratch)


@dataclass(frozen=True, slots=True)
class DeltaSink:
    """A Sink. The log of the table tells whether it was committed; all else may be done again."""

    place: str
    run: str
    schema: pa.Schema
    mode: str = "error"
    inputs: tuple[str, ...] = ()
    scratch: Path | None = None

    @property
    def remote(self) -> bool:
        return "://" in self.place

    @property
    def output(self) -> str:
        options = {"mode": "append"} if self.mode == "append" else {}
        return joined(f"{SCHEME}{self.place}", options)

    @property
    def staging(self) -> Path:
        if self.remote:
            assert self.scratch is not None
            return self.scratch / self.run
        target = Path(self.place)
        return target.with_name(f"{target.name}.muster-{self.run}")

    @property
    def rejects(self) -> str:
        return str(self._rejects)

    def rejects_sha256(self) -> str | None:
        return digest_of(self._rejects) if self._rejects.is_file() else None

    @property
    def _rejects(self) -> Path:
        """Named by the run where earlier ones stay, as those of a table that is added to do."""
        if self.remote:
            return self.staging.with_name(f"{self.run}{REJECTS}")
        target = Path(self.place)
        return target.with_name(f"{target.name}{f'.{self.run}' if self.mode == 'append' else ''}{REJECTS}")

    @property
    def _staging(self) -> Staging:
        return Staging(self.staging)

    @property
    def _app(self) -> str:
        return f"muster-{self.run}"

    def check(self) -> None:
        deltalake()
        refuse(
            list(obstacles(self.place, self._rejects, delta_schema(self.schema), self.mode, self.inputs)),
        )

    def begin(self) -> None:
        if not self._recorded():
            self.check()
            self._staging.begin()

    def write(self, part: int, index: int, table: pa.Table, rejects: Sequence[Mapping[str, object]] = ()) -> Written:
        stored, _ = delta_schema(self.schema)
        try:
            fitted = table.select(stored.names).cast(stored)
        except pa.ArrowInvalid as error:
            raise DatasetError(
                f"a Delta table cannot hold a value of the output: {first_line(error)}",
                hint="leave the column out, or choose another format; times in Delta have microseconds",
                details={"resume": False},
            ) from None
        return self._staging.write(part, index, fitted, rejects)

    def commit(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], starts: Mapping[int, int]
    ) -> None:
        if not self._recorded():
            stored, _ = delta_schema(self.schema)
            added = [self._add(name, paths) for name, paths in self._planned(chunks)]
            with telling(self.place):
                self._commit(added, stored, {"format": MANIFEST_FORMAT, "run": self.run, **manifest})
        if self.staging.exists():
            for kept in (self._rejects, self._kept):
                kept.unlink(missing_ok=True)
            self._staging.collect_rejects(chunks, starts, self._rejects)
            self._staging.discard()

    def _planned(self, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[str, list[Path]]]:
        """The files of the table, whose names keep the order of the rows, and the chunks that each is made of."""
        held: list[Path] = []
        groups: list[list[Path]] = []
        for path in self._staging.chunks(chunks):
            held.append(path)
            if sum(p.stat().st_size for p in held) >= _FILE_BYTES:
                groups.append(held)
                held = []
        groups += [held] if held else []
        for number, paths in enumerate(groups):
            yield f"part-{self.run}-{number:06}.parquet", paths

    def _add(self, name: str, chunks: Sequence[Path]) -> Any:
        from deltalake.transaction import AddAction

        if self.remote:
            size = self._upload(name, chunks)
        else:
            path = Path(self.place) / name
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with create(path) as stream:
                    join(chunks, stream.write)
                size = path.stat().st_size
        rows = sum(pq.read_metadata(chunk).num_rows for chunk in chunks)
        return AddAction(
            name, size, {}, int(time.time() * 1000), True, json.dumps({"numRecords": rows})
        )  # positional there

    def _upload(self, name: str, chunks: Sequence[Path]) -> int:
        joined_up = self.staging / name
        with create(joined_up) as stream:
            join(chunks, stream.write)
        where = Place.parse(f"{self.place}/{name}")
        bucket_of(where).put(where.key, _blocks(joined_up))
        size = joined_up.stat().st_size
        joined_up.unlink()
        return size

    def _commit(self, added: Sequence[Any], schema: pa.Schema, manifest: Mapping[str, object]) -> None:
        from deltalake import Schema
        from deltalake.transaction import CommitProperties, Transaction, create_table_with_add_actions

        told = CommitProperties(
            custom_metadata={"_muster": dict(manifest)}, app_transactions=[Transaction(self._app, 1)]
        )
        kind = Schema.from_arrow(schema)
        table = latest(self.place)
        if table is None:
            if not self.remote:
                Path(self.place).mkdir(parents=True, exist_ok=True)
            create_table_with_add_actions(self.place, kind, list(added), mode="error", commit_properties=told)
        elif self.mode == "error":
            raise Conflict(f"{self.place} has come to exist while the run was at work", hint="move it away")
        else:
            table.create_write_transaction(list(added), self.mode, kind, commit_properties=told)

    def keep_rejects(self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]) -> KeptRejects:
        kept = self._staging.collect_rejects(chunks, starts, self._kept)
        assert kept is not None, "a run without a scored row has rejects"
        return kept

    @property
    def _kept(self) -> Path:
        target = Path(self.place)
        return self._rejects if self.remote else target.with_name(f"{target.name}.{self.run}{REJECTS}")

    def committed(self) -> bool:
        return self._recorded() and not self.staging.exists()

    def _recorded(self) -> bool:
        """Whether the log has this run's transaction: for ever, also once the rows were replaced by others."""
        table = latest(self.place)
        if table is None:
            return False
        with telling(self.place):
            return table.transaction_version(self._app) is not None

    def discard(self) -> None:
        self._staging.discard()
        if self._recorded():
            return
        if self.remote:
            where = Place.parse(f"{self.place}/")
            found = [e.place.key for e in bucket_of(where).list(where.folder)]
            bucket_of(where).delete([key for key in found if where.relative(key).startswith(f"part-{self.run}-")])
        elif (target := Path(self.place)).is_dir():
            for path in target.glob(f"part-{self.run}-*.parquet"):
                path.unlink(missing_ok=True)
            if not any(target.iterdir()):
                target.rmdir()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(PIECE):
            yield block
