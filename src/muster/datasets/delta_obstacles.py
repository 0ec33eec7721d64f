"""What stands in the way of an output in Delta."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from muster.datasets.delta_log import latest
from muster.datasets.location import claims, locate
from muster.datasets.obstacles import Obstacle, unwritable
from muster.errors import Conflict, DatasetError

if TYPE_CHECKING:
    from deltalake import DeltaTable

__all__ = ["obstacles"]

_WRITTEN = frozenset(
    {"appendOnly", "changeDataFeed", "checkConstraints", "columnMapping", "deletionVectors", "domainMetadata", "generatedColumns",
     "invariants", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
)  # fmt: skip
"""Writer features of tables that can be written as they are; those of them that ask for more are looked for where they are used."""

_ANOTHER = "choose another output, and load it into the table with the engine that keeps it"


def obstacles(
    place: str, rejects: Path, stored: tuple[pa.Schema, list[str]], mode: str, inputs: Sequence[str]
) -> Iterator[Obstacle]:
    """`stored` is the schema that the output will have, and what cannot be stored."""
    schema, problems = stored
    for problem in problems:
        yield DatasetError, problem, "keep other columns, or choose another format"
    table = latest(place)
    if table is not None:
        yield from _table(place, table, mode, schema)
    if "://" not in place:
        yield from _folder(Path(place), rejects, exists=table is not None, mode=mode, inputs=inputs)


def _folder(target: Path, rejects: Path, *, exists: bool, mode: str, inputs: Sequence[str]) -> Iterator[Obstacle]:
    if not exists and target.exists() and not (target.is_dir() and not any(target.iterdir())):
        what = "a folder of other things" if target.is_dir() else "a file"
        yield Conflict, f"{target} exists and is {what}, not a Delta table", "choose another output"
    if mode == "error" and rejects.exists():
        hint = "move it away, or replace it with `--overwrite` (overwrite=True)"
        yield Conflict, f"{rejects} exists already", hint
    yield from unwritable(target, exchange=False)
    for uri in inputs:
        # A table may be scored onto itself: what is read is a version of it, which stays. Its files may not be read so.
        if claims(uri) and locate(uri).path.resolve().is_relative_to(target.resolve()):
            told = f"the input {uri} lies in the output {target}"
            yield DatasetError, told, "read it as a table, with `delta:` before its path"


def _table(place: str, table: DeltaTable, mode: str, schema: pa.Schema) -> Iterator[Obstacle]:
    if mode == "error":
        hint = "choose another output, add to it with `?mode=append`, or replace its rows with `--overwrite` (overwrite=True)"
        yield Conflict, f"the Delta table {place} exists already", hint
        return
    if partitions := table.metadata().partition_columns:
        columns = ", ".join(f"`{c}`" for c in partitions)
        yield DatasetError, f"{place} is partitioned by {columns}, and Muster writes no partitions", _ANOTHER
    if told := list(_rules(table, mode)):
        yield DatasetError, f"{place} has {', '.join(told)}, which Muster does not follow as it writes", _ANOTHER
    if mode == "append" and len(schema) and (wrong := _misfits(schema, pa.schema(table.schema().to_arrow()))):
        yield (
            DatasetError,
            f"{place} cannot be added to: {'; '.join(wrong)}",
            "give the output the columns of the table",
        )


def _rules(table: DeltaTable, mode: str) -> Iterator[str]:
    """What the table asks of whoever writes it."""
    protocol, settings = table.protocol(), table.metadata().configuration
    if unknown := sorted(set(protocol.writer_features or ()) - _WRITTEN):
        yield f"the features {', '.join(unknown)}"
    if constraints := [name for name in settings if name.startswith("delta.constraints.")]:
        yield f"constraints ({', '.join(n.removeprefix('delta.constraints.') for n in constraints)})"
    if settings.get("delta.columnMapping.mode", "none") != "none":
        yield "mapped column names"
    if mode == "overwrite" and settings.get("delta.appendOnly") == "true":
        yield "rows that may only be added to"
    for field in table.schema().fields:
        if not field.nullable:
            yield f"the column `{field.name}` that takes no null"
        yield from (f"a rule for `{field.name}` ({key})" for key in _rule_keys(field.metadata))


def _rule_keys(metadata: dict[str, Any]) -> list[str]:
    return [
        k
        for k in metadata
        if k in ("delta.generationExpression", "delta.invariants") or k.startswith("delta.identity.")
    ]


def _misfits(mine: pa.Schema, there: pa.Schema) -> list[str]:
    wrong = [f"it has no column `{f.name}`" for f in mine if f.name not in there.names]
    wrong += [f"the output has no column `{f.name}`" for f in there if f.name not in mine.names]
    return wrong + [
        f"`{f.name}` is {there.field(f.name).type} there and {f.type} here"
        for f in mine
        if f.name in there.names and there.field(f.name).type != f.type
    ]
