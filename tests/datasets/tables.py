"""Short ways to say what a dataset gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from muster.dataset import Chunk, Dataset, Fault
from muster.datasets.table import FileDataset, Files


def opened(path: Path | str, options: Mapping[str, str] | None = None) -> FileDataset:
    return Files().open(str(path), options or {})


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def chunks(dataset: Dataset, size: int = 1_000, columns: Sequence[str] | None = None) -> list[Chunk]:
    return [chunk for part in dataset.parts(size) for chunk in part.chunks(size, columns)]


def table(dataset: Dataset, size: int = 1_000, columns: Sequence[str] | None = None) -> pa.Table:
    return pa.Table.from_batches([chunk.batch for chunk in chunks(dataset, size, columns)])


def rows(dataset: Dataset, size: int = 1_000, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    return [row for chunk in chunks(dataset, size, columns) for row in chunk.batch.to_pylist()]


def faults(dataset: Dataset, size: int = 1_000, columns: Sequence[str] | None = None) -> list[Fault]:
    return [fault for chunk in chunks(dataset, size, columns) for fault in chunk.faults]


def types(dataset: Dataset) -> dict[str, str]:
    return {field.name: str(field.type) for field in dataset.schema}
