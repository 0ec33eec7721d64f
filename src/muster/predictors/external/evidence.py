"""How sure it is that columns and classes are in the endpoint's own order: by their names, by labelled rows, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.errors import InvalidInput, ModelFailed
from muster.predictors.external.asking import Asker
from muster.predictors.external.orders import Exchange, Labelled, Order, class_order, class_scores, column_order
from muster.predictors.external.recognition import Recognised
from muster.predictors.local.raw import Floats, places, texts
from muster.predictors.probing import FIRST
from muster.signature import Json, Output

__all__ = ["answered", "evidence"]

_LEAST_ROWS = 10


def answered(asker: Asker, found: Recognised, labelled: Labelled) -> tuple[Labelled, pa.RecordBatch | None]:
    """The rows that the endpoint answers, and its answers; None where no calls are left. What it refuses is of no use further on."""
    if asker.left < _calls(found, labelled) + _kept(found):
        return labelled, None
    base = asker.predict(labelled.rows, found.request, found.response, labelled.output)
    if "error" not in base.schema.names:
        return labelled, base
    good = base.column("error").is_null()
    if not good.true_count:
        raise ModelFailed(
            f"the endpoint refuses every row of the sample: {base.column('error')[0]}", hint="give other rows"
        )
    truth = None if labelled.truth is None else labelled.truth.filter(good)
    base = base.filter(good)
    kept = [n for n in base.schema.names if n != "error"]
    return replace(labelled, rows=labelled.rows.filter(good), truth=truth), base.select(kept)


def evidence(asker: Asker, found: Recognised, labelled: Labelled, base: pa.RecordBatch | None) -> dict[str, Json]:
    """What is stored with the version: `columns` and `classes`, each `by name`, `supported` or `not decidable`, and why.

    `base` are the answers to the rows as they are. InvalidInput where another order is clearly better: it names the mend, which
    is that of the columns or of the classes, whichever explains the truth best.
    """
    columns, order = _columns(asker, found, labelled, base)
    if order is not None and order.mend is not None:
        raise _exchanged(order, order.mend, labelled)
    classes = _classes(found, labelled, base)
    return {"columns": columns, "classes": classes}


def _calls(found: Recognised, labelled: Labelled) -> int:
    """What asking about all rows takes."""
    return labelled.rows.num_rows if found.request.one_row else 1


def _kept(found: Recognised) -> int:
    """Calls that are left for what comes after: the first answers, their pace, and the behaviour that is pinned."""
    return 2 * FIRST if found.request.one_row else 4


def _columns(
    asker: Asker, found: Recognised, labelled: Labelled, base: pa.RecordBatch | None
) -> tuple[Json, Order | None]:
    if found.request.by_name:
        return {"verdict": "by name"}, None
    if len(labelled.signature.columns) < 2:
        return {"verdict": "by name", "reason": "there is one column"}, None
    if labelled.truth is None:
        return _undecided("the sample has no column with the truth"), None
    if base is None:
        return _undecided("no calls were left to find out"), None
    calls = max(0, asker.left - _kept(found)) // _calls(found, labelled)
    order = column_order(
        lambda batch: asker.predict(batch, found.request, found.response, labelled.output),
        base,
        labelled,
        calls,
        free=not _classes_by_name(found, labelled.output),
    )
    if order is None:
        return _undecided("the sample has too few rows with a truth and an answer"), None
    return order.to_json(), order


def _exchanged(order: Order, best: Exchange, labelled: Labelled) -> InvalidInput:
    taken = {best.one: best.other, best.other: best.one}
    mended = [taken.get(n, n) for n in labelled.signature.names]
    classes = texts([labelled.output.classes[i] for i in best.classes])
    also, then = (" and the classes in another order", f", and the classes as {classes}") if best.classes else ("", "")
    return InvalidInput(
        f"the columns `{best.one}` and `{best.other}` seem to have changed places: on {order.rows} rows the predictions are"
        f" {best.gain:.0%} less wrong with them exchanged{also}, and this endpoint knows columns by their order alone",
        hint=f"declare the columns in the order that it was trained on, perhaps {', '.join(mended[:20])}{then}",
        details={"better": [{"one": e.one, "other": e.other, "gain": round(e.gain, 4)} for e in order.better]},
    )


def _classes(found: Recognised, labelled: Labelled, base: pa.RecordBatch | None) -> Json:
    output, truth = labelled.output, labelled.truth
    if not output.classes:
        return {}
    if output.task in ("binary", "multiclass") and _classes_by_name(found, output):
        return {"verdict": "by name"}
    if found.response.by_name:
        return {"verdict": "by name"}
    if output.task not in ("binary", "multiclass"):
        return _undecided("nothing tells which of the classes is which but their places")
    if truth is None:
        return _undecided("the sample has no column with the truth")
    if base is None:
        return _undecided("no calls were left to find out")
    labels, scores = places(truth, output.classes), class_scores(base, output)
    order = class_order(base, truth, output)
    known = int((np.isfinite(scores[:, 0]) & (labels >= 0)).sum())
    if order:
        better = texts([output.classes[i] for i in order])
        raise InvalidInput(
            f"the answers fit the truth of {known} rows better in another order of the classes: {better}",
            hint=f"declare the classes in the order of the endpoint: {better}; if that is the order that you declared, see that the"
            " columns are in theirs",
        )
    several = len(set(labels[labels >= 0].tolist())) > 1
    enough = known >= _LEAST_ROWS and several and _better_than_chance(scores, labels)
    return {"verdict": "supported", "rows": known} if enough else _undecided("the sample does not tell them apart")


def _classes_by_name(found: Recognised, output: Output) -> bool:
    """Whether the answer itself says which class is which; also where the task has none, or several."""
    meaning = found.response.meaning
    labelled = meaning.label is not None and not meaning.codes and meaning.probabilities is None
    return found.response.by_name or labelled or output.task not in ("binary", "multiclass")


def _better_than_chance(scores: Floats, labels: npt.NDArray[np.int64]) -> bool:
    """Whether the most probable class is the true one clearly more often than the commonest class would be."""
    known = (labels >= 0) & np.isfinite(scores).all(axis=1)
    right = scores[known].argmax(axis=1) == labels[known]
    chance = np.bincount(labels[known]).max() / known.sum()
    spread = np.sqrt(chance * (1 - chance) / known.sum())
    separated = [
        np.median(scores[known, c][labels[known] == c]) > np.median(scores[known, c][labels[known] != c])
        for c in np.unique(labels[known])
        if 0 < (labels[known] == c).sum() < known.sum()
    ]
    return bool(right.mean() > chance + 2 * spread) or (bool(separated) and all(separated))


def _undecided(reason: str) -> dict[str, Json]:
    return {"verdict": "not decidable", "reason": reason}
