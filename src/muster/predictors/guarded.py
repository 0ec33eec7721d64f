"""Guarded: any predictor, behind its signature and its promise.

Raw rows go in. Those that fit the signature are sent on in one batch; the answer is checked against what a Predictor
promises, and the rows come back in order, with `error` where a row has no prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.conform import Fit, fit
from muster.errors import InvalidInput
from muster.parameters import parameters
from muster.predictor import Around, Call, Predictor
from muster.predictors.answers import Label, check
from muster.signature import Output

__all__ = ["Guarded", "by_threshold", "spread"]

_FITS = 8
"""Schemas that are remembered: a run has one, a server a few."""


class Guarded(Around):
    """A Predictor over raw batches. `mapping` has the data's column of a model's column, where they differ.

    With a `threshold`, the label of a binary model is its last class where that one's probability reaches it. The answer
    has `error` only if a row has one.
    """

    def __init__(
        self, inner: Predictor, *, threshold: float | None = None, mapping: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(inner)
        self._label = None if threshold is None else by_threshold(threshold, inner.output)
        self._mapping = dict(mapping or {})
        self._fits: tuple[tuple[pa.Schema, Fit], ...] = ()

    def fit(self, schema: pa.Schema) -> Fit:
        """What data of this schema gives; SignatureMismatch says all that is wrong with it."""
        for known, found in self._fits:
            if known.equals(schema):
                return found
        made = fit(schema, self.signature, self._mapping)
        # Replaced whole, never changed: other threads read it meanwhile.
        self._fits = ((schema, made), *self._fits[: _FITS - 1])
        return made

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        conformed, errors = self.fit(batch.schema).apply(batch)
        call = replace(call, params=parameters(self.signature, call.params))
        if errors is None:
            return self._ask(conformed, call)
        good = errors.is_null()
        return spread(self._ask(conformed.filter(good), call), good, errors)

    def _ask(self, batch: pa.RecordBatch, call: Call) -> pa.RecordBatch:
        """The checked answer for rows without faults; a model is never asked about no rows."""
        if batch.num_rows == 0:
            return pa.RecordBatch.from_pylist([], schema=self.output.schema)
        return check(self._inner.predict(batch, call), batch.num_rows, self.output, self._label)


def spread(answer: pa.RecordBatch, good: pa.Array, errors: pa.Array) -> pa.RecordBatch:
    """The answer for the good rows, with rows of nulls and their errors put between them."""
    places = pc.subtract(pc.cumulative_sum(good.cast(pa.int64())), 1)
    spread = answer.take(pc.if_else(good, places, pa.scalar(None, pa.int64())))
    columns = dict(zip(spread.schema.names, spread.columns, strict=True))
    columns["error"] = pc.coalesce(errors, columns["error"]) if "error" in columns else errors
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def by_threshold(threshold: float, output: Output) -> Label:
    """The last class where its probability reaches the threshold, else the first; null where there are no probabilities."""
    if output.task != "binary" or not output.probabilities:
        what = "one without probabilities" if output.task == "binary" else f"for task {output.task}"
        raise InvalidInput(
            f"a threshold needs the probabilities of a binary model; this one is {what}", hint="leave the threshold out"
        )
    if not 0 <= threshold <= 1:
        raise InvalidInput(f"{threshold} is no threshold", hint="give a number from 0 to 1")
    classes = pa.array(output.classes, output.type)

    def label(probabilities: pa.Array) -> pa.Array:
        reached = np.zeros(len(probabilities), np.uint8)
        valid = probabilities.is_valid().to_numpy(zero_copy_only=False)
        reached[valid] = probabilities.flatten().to_numpy(zero_copy_only=False)[1::2] >= threshold
        return classes.take(pa.array(reached, mask=~valid if probabilities.null_count else None))

    return label
