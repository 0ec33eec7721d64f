"""What was counted of rows, as a plain dictionary for metrics of the user's own. Its shape is fixed, and has a number.

docs/custom-metrics.md describes it: what is there in one number stays there, as it is; what changes gets the next number.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from muster.profiles.classification import Classification
from muster.profiles.evaluation import Measurement
from muster.profiles.keys import Cells, Floats, probability_cells
from muster.profiles.question import Question
from muster.profiles.regression import MOMENTS, SUMS, Regression, Totals
from muster.profiles.tally import BRIER, LOG_LOSS, Tally, coarse, coarse_edges, lanes_of, width_of
from muster.signature import Json

__all__ = ["COUNTED", "counted", "counted_without"]

COUNTED = "muster.counted/1"

_WIDE, _WIDER = 16, 64
"""Fine cells of scores that are taken together, of two classes and of more: as folds have them."""
_MEANS = ("actual", "predicted", "error")
_SQUARES = ("actual_2", "predicted_2", "error_2", "product")
_SUMS = ("absolute", "squared", "over", "actual_absolute")
_ENDS = ("error", "actual_low", "actual_high", "predicted_low", "predicted_high")


def counted(measured: Measurement, question: Question) -> dict[str, Json]:
    """Of all rows that are measured."""
    if isinstance(measured, Classification):
        return _of_classes(measured.tally, question, 0)
    assert isinstance(measured, Regression), "metrics of the user's own take one target"
    return _of_numbers(measured.totals, question, 0, weighted=measured.weighted)


def counted_without(measured: Measurement, question: Question) -> list[dict[str, Json]]:
    """The same without the rows of each fold, one after the other; nothing where no folds are kept."""
    if isinstance(measured, Classification):
        others = _others(measured)
        return [_of_classes(others, question, n) for n in range(others.groups)]
    assert isinstance(measured, Regression)
    if not measured.folds.groups:
        return []
    rest = measured.folds.others()
    return [_of_numbers(rest, question, n, weighted=measured.weighted) for n in range(rest.groups)]


def _others(measured: Classification) -> Tally:
    """For each fold all others together, their scores in the wide cells that metrics are given."""
    folds, by = measured.folds, _WIDE if measured.classes == 2 else _WIDER
    rest = Tally(folds.classes, folds.groups, by, scores=bool(measured.by_fold), weighted=folds.weighted)
    for n, lane in enumerate(measured.by_fold):
        place = coarse(probability_cells(lane.least), by)
        for weighted, cells in ((False, rest.cells), (True, rest.mass.get("cells"))):
            if cells is not None:
                for side, rows in enumerate(lane.sides(weighted=weighted)):
                    np.add.at(cells[:, n, :, side].T, place, rows.T.astype(cells.dtype))
    arrays = folds.arrays()
    for name, array in rest.arrays().items():
        own = array.copy() if name.endswith("cells") else arrays[name]
        array[...] = own.sum(0, keepdims=True) - own
    return rest


def _head(question: Question, rows: int, total: float, *, weighted: bool) -> dict[str, Json]:
    output = question.output
    told: dict[str, Json] = {"format": COUNTED, "task": output.task, "target": question.target}
    return told | {"classes": [*output.classes], "rows": rows, "weighted": weighted, "total": total}


def _of_classes(tally: Tally, question: Question, n: int) -> dict[str, Json]:
    confusion = _in(tally, "confusion")[n]
    total = float(confusion.sum())
    told = _head(question, int(tally.confusion[n].sum()), total, weighted=tally.weighted)
    told["confusion"] = confusion.tolist()
    scored = bool(tally.cells.size)
    losses: Mapping[str, int] = {"log_loss": LOG_LOSS, "brier": BRIER}
    for name, place in losses.items():
        told[name] = float(tally.losses[n, place] / total) if scored and total > 0 else None
    lanes = lanes_of(tally.classes) if scored else range(0)
    told["scores"] = [_scores(tally, question, n, lane, label) for lane, label in enumerate(lanes)]
    return told


def _scores(tally: Tally, question: Question, n: int, lane: int, label: int) -> dict[str, Json]:
    """Of a class, the rows with at least each threshold: those of the class itself, and all others."""
    by = _WIDE if tally.classes == 2 else _WIDER
    cells = _wider(_in(tally, "cells")[n, lane], tally.by, by)
    some = np.flatnonzero(cells.sum(1) > 0)
    above = np.cumsum(cells[::-1], axis=0)[::-1][some]
    return {
        "class": question.output.classes[label],
        "threshold": coarse_edges(by)[some].tolist(),
        "own": above[:, 1].tolist(),
        "others": above[:, 0].tolist(),
    }


def _wider(cells: Floats, by: int, wide: int) -> Floats:
    if by == wide:
        return cells
    first = np.arange(len(cells))
    fine: Cells = np.where(first > 0, (first - 1) * by + 1, 0)
    result = np.zeros((width_of(wide), 2))
    np.add.at(result, coarse(fine, wide), cells)
    return result


def _of_numbers(totals: Totals, question: Question, n: int, *, weighted: bool) -> dict[str, Json]:
    sums, moments = (
        dict(zip(names, map(_finite, values[n].tolist()), strict=True))
        for names, values in ((SUMS, totals.sums), (MOMENTS, totals.moments))
    )
    told = _head(question, int(totals.facts[n, 0]), float(totals.moments[n, 0]), weighted=weighted)
    return told | {
        "means": {name: moments[name] for name in _MEANS},
        "squares": {name.removesuffix("_2"): moments[name] for name in _SQUARES},
        "sums": {name: sums[name] for name in _SUMS},
        "largest": dict(zip(_ENDS, map(_finite, totals.largest[n].tolist()), strict=True)),
    }


def _finite(value: float) -> float | None:
    """None where the numbers are too large for sums of them."""
    return value if np.isfinite(value) else None


def _in(tally: Tally, name: str) -> Floats:
    """In weights, where rows have them."""
    return tally.mass[name] if tally.weighted else np.asarray(getattr(tally, name), np.float64)
