"""Rows on stdin, recognised by their first bytes; and predictions on stdout."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pyarrow as pa
from pyarrow import ipc

from muster.errors import InvalidInput, RunFailed

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import Version

__all__ = ["FORMATS", "Rows", "read", "recognise", "refusal"]

Form: TypeAlias = Literal["json", "jsonl", "csv", "arrow"]
FORMATS: tuple[Form, ...] = ("json", "jsonl", "csv", "arrow")

_ARROW_FILE, _ARROW_STREAM = b"ARROW1", b"\xff\xff\xff\xff"
_HINT = (
    "give JSON (a list of objects, one object, or an object a line), CSV with a header, or Arrow; --format names which"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """A table, and the rows that could not be read, by their place among all."""

    table: pa.Table
    faults: Mapping[int, str]

    @property
    def count(self) -> int:
        return int(self.table.num_rows) + len(self.faults)


def recognise(content: bytes) -> Form:
    """JSON that is more than one value is JSON lines; text that is no JSON is CSV."""
    if content.startswith((_ARROW_FILE, _ARROW_STREAM)):
        return "arrow"
    if content.startswith(b"PAR1"):
        raise InvalidInput(
            "stdin has Parquet, which cannot be read as a stream", hint="score the file: `muster score REF FILE OUTPUT`"
        )
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InvalidInput("stdin has no rows", hint=_HINT)
    if text.startswith(b"["):
        return "json"
    if not text.startswith(b"{"):
        return "csv"
    lines = text.split(b"\n", 1)
    return "jsonl" if len(lines) > 1 and lines[1].lstrip().startswith(b"{") and _is_object(lines[0]) else "json"


def read(content: bytes, form: Form | None, hub: Hub, version: Version, mapping: Mapping[str, str]) -> Rows:
    """The rows; text takes the types of the version's signature, as it does when a file is scored."""
    match form or recognise(content):
        case "json":
            return Rows(_table(_records(content)), {})
        case "arrow":
            return Rows(_arrow(content), {})
        case text:
            return _text(content, text, hub, version, mapping)


def refusal(rows: Rows) -> RunFailed:
    """The first row that could not be read."""
    place = min(rows.faults)
    return RunFailed(
        f"row {place} cannot be read: {rows.faults[place]}",
        hint="mend the row, or take null for it with --on-reject null",
    )


def _arrow(content: bytes) -> pa.Table:
    opened = ipc.open_file if content.startswith(_ARROW_FILE) else ipc.open_stream
    try:
        return opened(pa.BufferReader(content)).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(f"stdin is no Arrow stream: {error}", hint=_HINT) from None


def _text(content: bytes, form: str, hub: Hub, version: Version, mapping: Mapping[str, str]) -> Rows:
    with tempfile.TemporaryDirectory(prefix="muster-stdin-") as folder:
        file = Path(folder) / f"stdin.{form}"
        file.write_bytes(content)
        dataset = hub.open_dataset(str(file)).declare({mapping.get(c.name, c.name): c.type for c in version.signature})
        batches: list[pa.RecordBatch] = []
        faults: dict[int, str] = {}
        before = 0
        for part in dataset.parts(_CHUNK):
            chunks = list(part.chunks(_CHUNK))
            batches += [chunk.batch for chunk in chunks]
            faults |= {before + fault.row: fault.error for chunk in chunks for fault in chunk.faults}
            before += sum(chunk.length for chunk in chunks)
        return Rows(pa.Table.from_batches(batches, dataset.schema), faults)


_CHUNK = 100_000


def _records(content: bytes) -> list[dict[str, object]]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"stdin is no JSON: {error}", hint=_HINT) from None
    if isinstance(value, dict):
        value = _unwrapped(value)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise InvalidInput("stdin has JSON whose rows are no objects", hint=_HINT)
    return value


def _unwrapped(value: dict[str, object]) -> object:
    """The two forms in which MLflow's scoring takes rows; any other object is itself a row."""
    if set(value) == {"dataframe_records"}:
        return value["dataframe_records"]
    if set(value) != {"dataframe_split"}:
        return [value]
    split = value["dataframe_split"]
    columns, rows = (split.get("columns"), split.get("data")) if isinstance(split, dict) else (None, None)
    if (
        not isinstance(columns, list)
        or not isinstance(rows, list)
        or any(not isinstance(row, list) or len(row) != len(columns) for row in rows)
    ):
        raise InvalidInput(
            "`dataframe_split` has no columns, or rows of another length",
            hint='write {"columns": ["a"], "data": [[1], [2]]}',
        )
    return [dict(zip(map(str, columns), row, strict=True)) for row in rows]


def _table(rows: list[dict[str, object]]) -> pa.Table:
    """Rows may lack keys; all columns whose values are of no one type are named at once."""
    columns, wrong = {}, []
    for name in dict.fromkeys(n for row in rows for n in row):
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array([None if isinstance(v, float) and math.isnan(v) else v for v in values])
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            wrong.append(f"`{name}`: {error}")
    if wrong:
        raise InvalidInput(
            f"columns with values of no one type: {'; '.join(wrong)}", hint="write each column's values in one way"
        )
    return pa.table(columns) if columns else pa.Table.from_pylist([{}] * len(rows))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
