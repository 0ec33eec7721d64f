"""How sure it is that columns and classes are in the endpoint's own order: by their names, by labelled rows, or not at all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from muster.errors import InvalidInput
from muster.predictors.external.asking import Asker
from muster.predictors.external.orders import Labelled, Order, column_order
from muster.predictors.external.recognition import Recognised
from muster.predictors.local.raw import Floats, places, texts
from muster.predictors.order import better_order
from muster.signature import Json, Output, Signature

__all__ = ["evidence"]

_KEPT = 1
"""Calls that are left for what comes after."""
_LEAST_ROWS = 10


def evidence(asker: Asker, found: Recognised, labelled: Labelled) -> dict[str, Json]:
    """What is stored with the version: `columns` and `classes`, each `by name`, `supported` or `not decidable`, and why.

    InvalidInput where another order is clearly better: it names the mend.
    """
    return {"columns": _columns(asker, found, labelled), "classes": _classes(asker, found, labelled)}


def _columns(asker: Asker, found: Recognised, labelled: Labelled) -> Json:
    if found.request.by_name:
        return {"verdict": "by name"}
    if len(labelled.signature.columns) < 2:
        return {"verdict": "by name", "reason": "there is one column"}
    if labelled.truth is None:
        return _undecided("the sample has no column with the truth")
    each = labelled.rows.num_rows if found.request.one_row else 1
    calls = max(0, asker.left - _KEPT - each) // each
    order = column_order(
        lambda batch: asker.predict(batch, found.request, found.response, labelled.output), labelled, calls
    )
    if order is None:
        return _undecided("the sample has too few rows with a truth and an answer")
    if order.better:
        raise _exchanged(order, labelled.signature)
    return order.to_json()


def _exchanged(order: Order, signature: Signature) -> InvalidInput:
    best = order.better[0]
    taken = {best.one: best.other, best.other: best.one}
    mended = [taken.get(n, n) for n in signature.names]
    return InvalidInput(
        f"the columns `{best.one}` and `{best.other}` seem to have changed places: on {order.rows} rows the predictions are"
        f" {best.gain:.0%} less wrong with them exchanged, and this endpoint knows columns by their order alone",
        hint=f"declare the columns in the order that it was trained on, perhaps {', '.join(mended[:20])}",
        details={"better": [{"one": e.one, "other": e.other, "gain": round(e.gain, 4)} for e in order.better]},
    )


def _classes(asker: Asker, found: Recognised, labelled: Labelled) -> Json:
    output, truth = labelled.output, labelled.truth
    if output.task not in ("binary", "multiclass") or not output.probabilities:
        return {"verdict": "by name", "reason": "labels name themselves"} if output.classes else {}
    if found.response.by_name:
        return {"verdict": "by name"}
    if truth is None:
        return _undecided("the sample has no column with the truth")
    if asker.left < (labelled.rows.num_rows if found.request.one_row else 1):
        return _undecided("no calls were left to find out")
    scores = _scores(asker.predict(labelled.rows, found.request, found.response, output), output)
    labels = places(truth, output.classes)
    order = better_order(scores, labels)
    known = int((np.isfinite(scores[:, 0]) & (labels >= 0)).sum())
    if order is not None:
        better = texts([output.classes[i] for i in order])
        raise InvalidInput(
            f"the probabilities fit the truth of {known} rows better in another order of the classes: {better}",
            hint=f"declare the classes in the order of the endpoint: {better}",
        )
    several = len(set(labels[labels >= 0].tolist())) > 1
    enough = known >= _LEAST_ROWS and several
    return (
        {"verdict": "supported", "rows": known} if enough else _undecided("the sample has too few rows of each class")
    )


def _scores(answer: pa.RecordBatch, output: Output) -> Floats:
    """A column for each class; NaN in rows without an answer."""
    column = answer.column("probabilities")
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    scores = np.full((len(column), len(output.classes)), np.nan)
    scores[valid] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(output.classes))
    return scores


def _undecided(reason: str) -> dict[str, Json]:
    return {"verdict": "not decidable", "reason": reason}
