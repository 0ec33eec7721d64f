"""Delta tables that deltalake cannot make: with deletion vectors, mapped column names, and features to come."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def with_deletions(place: Path, table: pa.Table, deleted: Sequence[int]) -> None:
    """Version 0 has all rows of the table, in one file; version 1 lacks those that were deleted."""
    write_deltalake(place, table)
    (add,) = [entry["add"] for entry in _log(place, 0) if "add" in entry]
    content = _roaring(deleted)
    vector = {
        "storageType": "i",
        "pathOrInlineDv": _z85(content + b"\0" * (-len(content) % 4)),
        "sizeInBytes": len(content),
        "cardinality": len(deleted),
    }
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors", "timestampNtz"],
        "writerFeatures": ["deletionVectors", "timestampNtz"],
    }
    remove = {
        "path": add["path"],
        "dataChange": True,
        "deletionTimestamp": 1,
        "partitionValues": {},
        "size": add["size"],
    }
    _write_log(place, 1, [{"protocol": protocol}, {"remove": remove}, {"add": {**add, "deletionVector": vector}}])


def mapped(place: Path) -> None:
    """The columns `my n`, `s` with the field `in ner` and `day`, which have other names in the files; and `later`, which one lacks."""
    (place / "_delta_log").mkdir(parents=True)
    pq.write_table(pa.table({"c1": [1, 2], "c2": [{"c3": 10}, None]}), place / "a.parquet")
    pq.write_table(pa.table({"c5": ["x"], "c2": [{"c3": 30}], "c1": pa.array([3], pa.int32())}), place / "b.parquet")
    inner = {"type": "struct", "fields": [_field("in ner", "long", "c3", 3)]}
    fields = [
        _field("my n", "long", "c1", 1),
        _field("s", inner, "c2", 2),
        _field("day", "date", "c4", 4),
        _field("later", "string", "c5", 5),
    ]
    configuration = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "5"}
    entries = [
        {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
        _metadata(fields, configuration, ["day"]),
        *[_add(place, name, {"c4": day}) for name, day in (("b.parquet", None), ("a.parquet", "2024-02-29"))],
    ]
    _write_log(place, 0, entries)


def with_features(place: Path, features: Sequence[str]) -> None:
    """A table that asks its readers for these."""
    (place / "_delta_log").mkdir(parents=True)
    pq.write_table(pa.table({"n": [1]}), place / "a.parquet")
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}
    fields = [{"name": "n", "type": "long", "nullable": True, "metadata": {}}]
    _write_log(place, 0, [{"protocol": protocol}, _metadata(fields, {}, []), _add(place, "a.parquet", {})])


def _field(name: str, kind: object, physical: str, number: int) -> dict[str, Any]:
    metadata = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
    return {"name": name, "type": kind, "nullable": True, "metadata": metadata}


def _metadata(fields: Sequence[object], configuration: Mapping[str, str], partitions: Sequence[str]) -> dict[str, Any]:
    return {
        "metaData": {
            "id": str(uuid.uuid4()),
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": fields}),
            "partitionColumns": partitions,
            "configuration": configuration,
            "createdTime": 0,
        }
    }


def _add(place: Path, name: str, partition: Mapping[str, str | None]) -> dict[str, Any]:
    size = (place / name).stat().st_size
    return {
        "add": {"path": name, "partitionValues": partition, "size": size, "modificationTime": 0, "dataChange": True}
    }


def _log(place: Path, version: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "_delta_log" / f"{version:020}.json").read_text().splitlines()]


def _write_log(place: Path, version: int, entries: Sequence[object]) -> None:
    (place / "_delta_log" / f"{version:020}.json").write_text("\n".join(map(json.dumps, entries)))


def _roaring(rows: Sequence[int]) -> bytes:
    """A 64-bit roaring bitmap of one array container, as Delta's protocol has it."""
    container = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16) + b"".join(
        struct.pack("<H", r) for r in sorted(rows)
    )
    return struct.pack("<IQI", 1681511377, 1, 0) + container


def _z85(content: bytes) -> str:
    text = ""
    for i in range(0, len(content), 4):
        number = int.from_bytes(content[i : i + 4], "big")
        text += "".join(_Z85[number // 85**power % 85] for power in range(4, -1, -1))
    return text
