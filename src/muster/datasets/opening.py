"""Which kind of dataset a URI names, and which connection it is reached by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from muster.dataset import Dataset, Sink
from muster.datasets import DATASETS, SINKS
from muster.datasets.named import Find, connection_of, rivals
from muster.datasets.object_named import named_place
from muster.errors import DatasetNotFound, InvalidInput
from muster.extensions import load, with_entry_points
from muster.objects.place import Place

__all__ = ["create_sink", "folder_of", "open_dataset"]


def open_dataset(uri: str, find: Find) -> Dataset:
    """DatasetNotFound if nothing reads it. `find` gives the connection of a name."""
    if (connection := connection_of(uri, find)) is not None:
        named_data: Dataset = load(DATASETS[connection.kind])(connection).open(uri, {})
        return named_data
    for where in with_entry_points(DATASETS, "muster.datasets").values():
        kind = load(where)()
        if kind.claims(uri):
            opened: Dataset = kind.open(uri, {})
            return opened
    raise DatasetNotFound(
        f"`{uri}` is no dataset that Muster reads",
        hint="give a .parquet, .csv, .jsonl or .arrow file, a folder or a glob",
    )


def create_sink(
    uri: str, run: str, schema: pa.Schema, *, overwrite: bool, inputs: Sequence[str], scratch: Path, find: Find
) -> Sink:
    connection = connection_of(uri, find)
    kinds = [load(SINKS[connection.kind])(connection)] if connection else [load(where)() for where in SINKS.values()]
    for kind in kinds:
        if connection or kind.claims(uri):
            others = rivals(inputs, uri, find)
            sink: Sink = kind.create(uri, run, schema, overwrite=overwrite, inputs=others, scratch=scratch)
            return sink
    raise InvalidInput(
        f"`{uri}` is no output that Muster writes", hint="give a folder, or a .parquet, .csv, .jsonl or .arrow file"
    )


def folder_of(uri: str, find: Find) -> Place:
    """A folder of object storage."""
    named = connection_of(uri, find)
    if named is None:
        return Place.parse(uri)
    if named.kind != "objects":
        raise InvalidInput(
            f"`{uri}` is no folder of object storage",
            hint="give s3://bucket/folder, gs://bucket/folder or objects:NAME/folder",
        )
    return named_place(uri.partition(":")[2], named)
