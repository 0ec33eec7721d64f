"""Infinite numbers, which requests have no word for: a missing one in their place would be scored as if it were missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from muster.predictors.external.codecs.spec import RequestSpec
from muster.predictors.guarded import spread
from muster.signature import Output

__all__ = ["but_endless"]


def but_endless(
    batch: pa.RecordBatch, spec: RequestSpec, output: Output, ask: Callable[[pa.RecordBatch], pa.RecordBatch]
) -> pa.RecordBatch:
    """What is answered to the rows that a request can hold, with an error for each of the others."""
    errors = None if spec.nan == "NaN" else _endless(batch)
    if errors is None:
        return ask(batch)
    good = errors.is_null()
    if not good.true_count:
        nothing = {f.name: pa.nulls(batch.num_rows, f.type) for f in output.schema}
        return pa.RecordBatch.from_arrays([*nothing.values(), errors], names=[*nothing, "error"])
    return spread(ask(batch.filter(good)), good, errors)


def _endless(batch: pa.RecordBatch) -> pa.Array | None:
    """What is wrong with rows that hold infinite numbers; None where no row does."""
    texts: list[str | None] | None = None
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if not pa.types.is_floating(field.type):
            continue
        places = np.flatnonzero(np.isinf(column.to_numpy(zero_copy_only=False)))
        if places.size:
            texts = texts or [None] * batch.num_rows
            for place in places.tolist():
                texts[place] = (
                    texts[place] or f"`{field.name}` is infinite, which a request to the endpoint cannot hold"
                )
    return None if texts is None else pa.array(texts, pa.string())
