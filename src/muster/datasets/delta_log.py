"""A Delta table at one version: what its log says, and the errors of getting there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from muster.config import expanded
from muster.datasets.files import first_line
from muster.errors import DatasetError, DatasetNotFound, InvalidInput, MissingExtra
from muster.objects.place import Place, is_object_url
from muster.records import DATA_KINDS
from muster.signature import Json

if TYPE_CHECKING:
    from deltalake import DeltaTable

__all__ = ["DataFile", "Snapshot", "deltalake", "latest", "place_of", "snapshot", "telling"]

_READ = frozenset(
    {"columnMapping", "deletionVectors", "timestampNtz", "typeWidening", "typeWidening-preview", "v2Checkpoint", "vacuumProtocolCheck"}
)  # fmt: skip
"""Reader features whose tables are read as they are meant."""

_UPGRADE = "upgrade deltalake, or write the table anew without them from the engine that made it"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of the table. `kept` has a bit for each of its first rows, 0 where a deletion vector took the row."""

    path: str
    size: int
    partition: tuple[tuple[str, object], ...] = ()
    kept: bytes | None = None
    known: int = 0
    """How many rows `kept` speaks of; those behind them are all kept."""

    def keeps(self, start: int, stop: int) -> Any:
        """Which of these rows of the file are still rows of the table."""
        mask = np.ones(stop - start, dtype=bool)
        if self.kept is not None and start < self.known:
            bits = np.unpackbits(np.frombuffer(self.kept, np.uint8), count=self.known).astype(bool)[start:stop]
            mask[: len(bits)] = bits
        return mask


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a table. `fields` is the schema as the log has it, with the names that columns have in the files."""

    place: str
    version: int
    id: str
    schema: pa.Schema
    fields: str
    files: tuple[DataFile, ...] = field(repr=False)

    def columns(self) -> Mapping[str, Mapping[str, Json]]:
        return {str(f["name"]): f for f in json.loads(self.fields)["fields"]}


def deltalake() -> Any:
    try:
        import deltalake as library
    except ImportError:
        raise MissingExtra.named("delta", "a Delta table") from None
    return library


def place_of(text: str) -> str:
    """Where the table is: a URL as it is, a path absolute."""
    if not text:
        raise InvalidInput("`delta:` names no table", hint="give the folder of one: `delta:path/to/table`")
    if text.partition(":")[0].lower() in DATA_KINDS:
        raise InvalidInput(
            "a Delta table has no name by a connection: its own library opens it, and takes credentials from the environment",
            hint="name its place: `delta:s3://bucket/table`",
        )
    if text[:5].lower() == "file:":
        return unquote(text[5:].removeprefix("//"))
    if is_object_url(text):
        return str(Place.parse(text)).rstrip("/")
    if "://" in text:
        return text.rstrip("/")
    return str(expanded(text).absolute()).rstrip("/")


@contextmanager
def telling(place: str) -> Iterator[None]:
    """Whatever goes wrong at the table is told with its place."""
    library = deltalake()
    try:
        yield
    except library.exceptions.TableNotFoundError:
        raise DatasetNotFound(
            f"there is no Delta table at {place}",
            hint="a table has a folder `_delta_log`; Parquet files without one are read by their path, without `delta:`",
        ) from None
    except (library.exceptions.DeltaError, OSError) as error:
        told = first_line(error)
        if "is not supported" in told and "eature" in told:
            raise DatasetError(
                f"the Delta table {place} cannot be read: {told}", hint=_UPGRADE, details={"resume": False}
            ) from None
        raise DatasetError(
            f"the Delta table {place} cannot be read: {told}", hint="check the table, its storage and your rights on it"
        ) from error


def latest(place: str) -> DeltaTable | None:
    """The table as it is now, or None where there is none."""
    library = deltalake()
    if "://" not in place and not (expanded(place) / "_delta_log").is_dir():
        return None
    try:
        with telling(place):
            table: DeltaTable = library.DeltaTable(place)
            return table
    except DatasetNotFound:
        return None


def snapshot(place: str, version: str | None, timestamp: str | None) -> Snapshot:
    """The table at a version, at a time, or as it is now."""
    if version is not None and timestamp is not None:
        raise InvalidInput("both `version` and `timestamp` are given", hint="give one of them")
    library = deltalake()
    if "://" not in place and not expanded(place).exists():
        raise DatasetNotFound(f"there is no Delta table at {place}", hint="check the path")
    with telling(place):
        table: DeltaTable = library.DeltaTable(place)
        if version is not None:
            _go_to_version(table, place, version)
        if timestamp is not None:
            _go_to_time(table, place, timestamp)
        _refuse_unread_features(table, place)
        text = table.schema().to_json()
        _refuse_inner_names(place, json.loads(text)["fields"])
        return Snapshot(
            place,
            table.version(),
            str(table.metadata().id),
            pa.schema(table.schema().to_arrow()),
            text,
            tuple(_files(table, place)),
        )


def _go_to_version(table: DeltaTable, place: str, version: str) -> None:
    newest = table.version()
    if not version.isdecimal():
        raise InvalidInput(f"`version={version}` is no version of a table", hint="versions are numbers from 0")
    if int(version) > newest:
        raise DatasetNotFound(
            f"the Delta table {place} has no version {version} (latest is {newest})",
            hint="leave `version` out for the latest",
        )
    try:
        table.load_as_version(int(version))
    except deltalake().exceptions.DeltaError as error:
        raise DatasetNotFound(
            f"version {version} of the Delta table {place} is gone from its log (latest is {newest}): {first_line(error)}",
            hint="logs are cleaned up after `delta.logRetentionDuration`: take a newer version",
        ) from None


def _go_to_time(table: DeltaTable, place: str, timestamp: str) -> None:
    """A time without a zone is in UTC."""
    try:
        wanted = datetime.fromisoformat(timestamp)
    except ValueError:
        raise InvalidInput(
            f"`timestamp={timestamp}` is no time", hint="write 2024-02-28 or 2024-02-28T23:59:58Z"
        ) from None
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    times = [int(entry["timestamp"]) for entry in table.history() if "timestamp" in entry]
    first = min(times, default=0)
    if wanted.timestamp() * 1000 < first:
        raise DatasetNotFound(
            f"the Delta table {place} has no version of {wanted.isoformat()}:"
            f" the first that its log knows is of {datetime.fromtimestamp(first / 1000, UTC).isoformat()}",
            hint="take a later time",
        )
    table.load_as_version(wanted)


def _refuse_unread_features(table: DeltaTable, place: str) -> None:
    protocol = table.protocol()
    unread = sorted(set(protocol.reader_features or ()) - _READ)
    if protocol.min_reader_version > 3 or unread:
        told = f"the features {', '.join(unread)}" if unread else f"reader version {protocol.min_reader_version}"
        raise DatasetError(
            f"the Delta table {place} needs {told}, which Muster does not read",
            hint=_UPGRADE,
            details={"resume": False},
        )


def _refuse_inner_names(place: str, fields: list[dict[str, Any]]) -> None:
    """Columns in lists and maps that have other names in the files are not read: their nulls could not be told."""
    wrong = [f["name"] for f in fields if _renamed_within(f["type"], inside=False)]
    if wrong:
        raise DatasetError(
            f"the Delta table {place} has lists or maps of structs with mapped names: {', '.join(map(str, wrong))}",
            hint="write the table anew without column mapping",
            details={"resume": False},
        )


def _renamed_within(kind: Any, *, inside: bool) -> bool:
    match kind:
        case {"type": "struct", "fields": fields}:
            mapped = [f["metadata"].get("delta.columnMapping.physicalName", f["name"]) != f["name"] for f in fields]
            return (inside and any(mapped)) or any(_renamed_within(f["type"], inside=inside) for f in fields)
        case {"type": "array", "elementType": element}:
            return _renamed_within(element, inside=True)
        case {"type": "map", "keyType": key, "valueType": value}:
            return _renamed_within(key, inside=True) or _renamed_within(value, inside=True)
    return False


def _files(table: DeltaTable, place: str) -> Iterator[DataFile]:
    """The files of the version, in bytewise order of path."""
    deleted = _deletions(table)
    rows = pa.table(table.get_add_actions(flatten=False))
    partitions = rows["partition"].to_pylist() if "partition" in rows.column_names else [None] * rows.num_rows
    found = []
    for path, size, partition in zip(rows["path"].to_pylist(), rows["size_bytes"].to_pylist(), partitions, strict=True):
        kept = deleted.pop(f"{table.table_uri.rstrip('/')}/{path}", None)
        bits = None if kept is None else np.packbits(np.asarray(kept, dtype=bool)).tobytes()
        known = 0 if kept is None else len(kept)
        found.append(DataFile(unquote(path), size, tuple((partition or {}).items()), bits, known))
    if deleted:
        raise DatasetError(
            f"the Delta table {place} has deleted rows in files that it does not have: {', '.join(sorted(deleted)[:3])}",
            hint="check the table with the engine that wrote it",
        )
    yield from sorted(found, key=lambda f: f.path.encode())


def _deletions(table: DeltaTable) -> dict[str, Any]:
    if "deletionVectors" not in (table.protocol().reader_features or ()):
        return {}
    found = pa.RecordBatchReader.from_stream(table.deletion_vectors()).read_all()
    vectors = found["selection_vector"].combine_chunks() if found.num_rows else []
    return {
        path: vector.values.to_numpy(zero_copy_only=False)
        for path, vector in zip(found["filepath"].to_pylist(), vectors, strict=True)
    }
