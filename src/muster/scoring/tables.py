"""Small data as people have it, as an Arrow table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from muster.errors import InvalidInput

__all__ = ["as_table"]


def as_table(data: object) -> pa.Table:
    """A frame of pandas, polars or any other library that narwhals knows, lazy ones too; an Arrow table or batch; a dictionary of
    columns; or a list of rows as dictionaries.
    """
    try:
        table = _table(data)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        TypeError,
    ) as error:  # of columns that are no lists
        raise InvalidInput(
            f"the data is no table: {error}", hint="give columns of one length, each with values of one type"
        ) from None
    if table is None:
        raise InvalidInput(
            f"an object of type {type(data).__name__} is no table",
            hint="give a pandas or polars DataFrame, an Arrow table, a dictionary of columns, or a list of dictionaries",
        )
    return table


def _table(data: object) -> pa.Table | None:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns"):
        return pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    if isinstance(data, Mapping):
        return pa.table(dict(data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)) and all(isinstance(r, Mapping) for r in data):
        return _from_rows([dict(r) for r in data])
    return _by_narwhals(data)


def _by_narwhals(data: object) -> pa.Table | None:
    """Frames that do not give Arrow by themselves. One that is lazy is computed."""
    import narwhals as nw

    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect(backend="pyarrow")
    return frame.to_arrow() if isinstance(frame, nw.DataFrame) else None


def _from_rows(rows: list[dict[str, object]]) -> pa.Table:
    """Rows may lack keys; a column is there if any row has it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})
