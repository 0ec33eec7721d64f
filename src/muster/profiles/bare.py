"""The values of a column, one for each row, without what only says how they are written."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts.rule import is_list

__all__ = ["alone", "bare", "bared"]


def bare(column: pa.Array) -> pa.Array:
    """As arrays that Arrow's functions take; values in a dictionary stay there."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return bare(column.storage)
    if pa.types.is_run_end_encoded(kind):
        return bare(pc.run_end_decode(column))
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return column.cast(pa.decimal128(kind.precision, kind.scale))
    return column


def bared(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Of all columns; the batch itself where there is nothing to do, as nearly always."""
    columns = {name: bare(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    if all(columns[name].type == batch.schema.field(name).type for name in columns):
        return batch
    return pa.RecordBatch.from_arrays([*columns.values()], names=[*columns])


def alone(lists: pa.Array) -> pa.Array:
    """The one value of each list, as models with a single output give them (n × 1); null where a list has none, or more."""
    while is_list(lists.type):
        sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        one = sizes == 1
        items = pc.list_flatten(lists.filter(pa.array(one)))
        places = np.cumsum(one) - 1
        lists = items.take(pa.array(places, mask=~one))
    return bare(lists)
