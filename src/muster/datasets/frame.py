"""Tables in memory as datasets: kept as an Arrow file in the hub's folder for as long as a run needs them, so that it can be resumed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from muster.datasets.assemble import without_dictionaries
from muster.datasets.disk import create, writing
from muster.errors import InvalidInput
from muster.scratch import try_remove

__all__ = ["forget_frame", "keep_frame"]

_ROWS = 65_536


def keep_frame(table: pa.Table, folder: Path, name: str) -> Path:
    """The file, synced, in a folder of that name. A run reads it like any other; equal tables have the same fingerprint."""
    twice = sorted({n for n in table.column_names if table.column_names.count(n) > 1})
    if twice:
        raise InvalidInput(
            f"the table has several columns {', '.join(f'`{n}`' for n in twice)}", hint="name them apart"
        )
    plain = without_dictionaries(table)
    path = folder / name / "table.arrow"
    with writing(path):
        path.parent.mkdir(parents=True)
        with create(path) as stream, pa.ipc.new_file(pa.PythonFile(stream, "w"), plain.schema) as writer:
            writer.write_table(plain, max_chunksize=_ROWS)
    return path


def forget_frame(uri: str | None, folder: Path) -> None:
    """Remove the file, if the URI names one that was kept here: in a folder of its own, or as it was by an earlier release."""
    path = Path(uri or "")
    if path.parent.parent == folder:
        try_remove(path.parent)
    elif path.parent == folder:
        try_remove(path)
