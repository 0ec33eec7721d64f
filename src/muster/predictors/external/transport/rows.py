"""Answers of consecutive rows, put together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pyarrow as pa

__all__ = ["join", "told_by"]


def told_by(answer: pa.RecordBatch, served_by: str | None) -> pa.RecordBatch:
    """The answer with who gave it, where that is known and not in it."""
    if served_by is None or "served_by" in answer.schema.names:
        return answer
    return answer.append_column("served_by", pa.array([served_by] * answer.num_rows, pa.string()))


def join(pieces: Sequence[pa.RecordBatch | str], schema: pa.Schema | None) -> pa.RecordBatch:
    """One answer; a string is the error of one row, whose other columns are null. `schema` has those that there always are."""
    if len(pieces) == 1 and isinstance(pieces[0], pa.RecordBatch):
        return pieces[0]
    types = {field.name: field.type for field in schema or ()}
    for piece in pieces:
        types |= {"error": pa.string()} if isinstance(piece, str) else {f.name: f.type for f in piece.schema}
    runs: list[dict[str, pa.Array]] = []
    for refused, run in groupby(pieces, lambda piece: isinstance(piece, str)):
        if refused:
            runs.append({"error": pa.array(run, pa.string())})
        else:
            runs += [dict(zip(a.schema.names, a.columns, strict=True)) for a in run if not isinstance(a, str)]
    sizes = [len(next(iter(run.values()))) for run in runs]
    columns = [
        pa.concat_arrays([run.get(name, pa.nulls(size, kind)) for run, size in zip(runs, sizes, strict=True)])
        if runs
        else pa.array([], kind)
        for name, kind in types.items()
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(list(types.items())))
