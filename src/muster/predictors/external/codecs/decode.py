"""The body of a response to predictions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from muster.errors import InvalidInput, ModelFailed
from muster.predictors.external.codecs.cells import Faults
from muster.predictors.external.codecs.document import document, text_of
from muster.predictors.external.codecs.reading import Columns, read
from muster.predictors.external.codecs.response import ResponseSpec
from muster.predictors.external.codecs.rows import Table, tabulate
from muster.signature import Output

__all__ = ["decode"]


def decode(body: bytes, content_type: str, rows: int, output: Output, spec: ResponseSpec) -> pa.RecordBatch:
    """The columns of `output.schema` for as many rows as were sent, and `error` where a row has no prediction.

    ModelFailed says what is wrong with the body as a whole.
    """
    if not spec.frozen:
        raise InvalidInput(
            "the response format does not say where predictions are",
            hint="recognise it on the answer to a few rows first, or declare `row` and a `label`, `value` or `probabilities`",
        )
    table = tabulate(document(text_of(body, content_type), spec), rows, spec)
    return batch_of(table, spec, output)


def batch_of(table: Table, spec: ResponseSpec, output: Output) -> pa.RecordBatch:
    faults = Faults(table.count)
    faults.texts.update(table.errors)
    columns = (
        _several(table, spec, output, faults)
        if output.task == "multioutput"
        else read(table, spec.meaning, output, faults)
    )
    return _assembled(columns, output, faults)


def _several(table: Table, spec: ResponseSpec, output: Output, faults: Faults) -> Columns:
    """A struct of what each target gives."""
    if lacking := [n for n in output.targets if n not in spec.targets]:
        raise InvalidInput(
            f"the response format does not say where the targets {', '.join(lacking)} are",
            hint="declare them in `targets`, each with its column",
        )
    found = {n: read(table, spec.targets[n], one, faults) for n, one in output.targets.items()}
    prediction = _struct({n: found[n].prediction for n in found}, output.type)
    scored: Mapping[str, pa.Array] = {n: c for n in found if (c := found[n].probabilities) is not None}
    return Columns(prediction, _struct(scored, output.probabilities_type) if output.probabilities else None)


def _struct(columns: Mapping[str, pa.Array], kind: pa.DataType) -> pa.Array:
    try:
        return pa.StructArray.from_arrays([columns[f.name].cast(f.type) for f in kind], fields=list(kind))
    except KeyError as error:
        raise InvalidInput(
            f"the response gives nothing for the target {error}", hint="declare it in `targets`"
        ) from None


def _assembled(columns: Columns, output: Output, faults: Faults) -> pa.RecordBatch:
    made = [("prediction", columns.prediction)]
    if output.probabilities:
        if columns.probabilities is None:
            raise ModelFailed(
                "the response format gives no probabilities, and the model has them",
                hint="declare where they are, or register the model without",
            )
        made.append(("probabilities", columns.probabilities))
    if not faults.texts:
        return pa.RecordBatch.from_arrays([a for _, a in made], names=[n for n, _ in made])
    keep = pa.array(np.where(faults.mask, -1, np.arange(faults.count)), mask=faults.mask)
    errors = pa.array([faults.texts.get(i) for i in range(faults.count)], pa.string())
    return pa.RecordBatch.from_arrays(
        [*(a.take(keep) for _, a in made), errors], names=[*(n for n, _ in made), "error"]
    )
