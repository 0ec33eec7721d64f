"""The numbers of classes, wherever a response has them, as one matrix in the endpoint's order; and as probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from muster.errors import InvalidInput, ModelFailed, shortened
from muster.predictors.external.codecs.cells import Faults, Floats, lists, matrix, number, numbers
from muster.predictors.external.codecs.naming import Places, listed
from muster.predictors.external.codecs.response import Meaning, Scores
from muster.predictors.external.codecs.rows import Table
from muster.signature import Scalar, canonical

__all__ = ["EDGE", "SUM", "activated", "checked", "class_numbers", "pair"]

EDGE = 1e-6
"""How far outside of 0 and 1 float32 arithmetic may leave a probability, which is then put on the edge."""
SUM = 1e-3
"""How far from 1 probabilities may add up: services round them."""

_WHAT = "probabilities"


def class_numbers(
    table: Table, scores: Scores, meaning: Meaning, faults: Faults, labels: Places | None = None
) -> Floats:
    """The numbers as they are, but for one score, which makes two probabilities. `labels` are places, where there are any."""
    if scores.kind != "score":
        return _KINDS[scores.kind](table, scores, meaning.classes, faults)
    if len(meaning.classes) != 2:
        raise InvalidInput(
            f"one score tells two classes apart, and there are {len(meaning.classes)}: {listed(meaning.classes)}",
            hint="declare a `label` alone, or where the numbers of all classes are",
        )
    one = numbers(table.column(scores.column), faults, "probability")
    return _from_one(sigmoid(one) if meaning.activation == "sigmoid" else one, scores, labels)


def _from_one(one: Floats, scores: Scores, labels: Places | None) -> Floats:
    if scores.of == "last" or labels is None:
        return np.column_stack([1 - one, one])
    first = np.where(labels == 0, one, 1 - one)
    return np.column_stack([first, 1 - first])


def _from_list(table: Table, scores: Scores, classes: Sequence[Scalar], faults: Faults) -> Floats:
    values = matrix(table.column(scores.column), len(classes), faults, _WHAT)
    if scores.classes is None:
        return values
    known = {canonical(c): i for i, c in enumerate(classes)}
    memo: dict[tuple[Any, ...], list[int] | None] = {}
    for place, names in enumerate(lists(table.column(scores.classes))):
        key = tuple(names) if isinstance(names, list) and set(map(type, names)) <= {str} else (json.dumps(names),)
        if key not in memo:
            memo[key] = _arranged(list(map(canonical, names)) if isinstance(names, list) else [], known)
        arranged = memo[key]
        if arranged is None:
            faults.add(
                place, f"the endpoint named the classes {shortened(json.dumps(names))}, and they are {listed(classes)}"
            )
            values[place] = np.nan
        else:
            values[place] = values[place][arranged]
    return values


def _arranged(names: Sequence[str], known: Mapping[str, int]) -> list[int] | None:
    """Where each class is among `names`; None if they are not the classes."""
    if len(names) != len(known) or set(names) != set(known):
        return None
    at = {name: i for i, name in enumerate(names)}
    return [at[name] for name in known]


def _from_map(table: Table, scores: Scores, classes: Sequence[Scalar], faults: Faults) -> Floats:
    cells = lists(table.column(scores.column))
    alike = _alike(cells, classes)
    if alike is not None:
        return alike
    return _by_names([c.items() if isinstance(c, dict) else c for c in cells], classes, faults)


def _alike(cells: Sequence[Any], classes: Sequence[Scalar]) -> Floats | None:
    """Objects that all have the classes as their keys, in one order, and nothing but sound numbers: at once."""
    if set(map(type, cells)) != {dict} or len(set(map(tuple, cells))) != 1:
        return None
    known = {canonical(c): i for i, c in enumerate(classes)}
    arranged = _arranged([canonical(k) for k in cells[0]], known)
    quiet = Faults(len(cells))
    if arranged is None:
        return None
    values = matrix([list(c.values()) for c in cells], len(classes), quiet, _WHAT)
    return None if quiet.texts else values[:, arranged]


def _from_pairs(table: Table, scores: Scores, classes: Sequence[Scalar], faults: Faults) -> Floats:
    return _by_names([pair_list(c) for c in lists(table.column(scores.column))], classes, faults)


_NAMES = ("label", "class", "name", "className", "displayName")
_NUMBERS = ("score", "probability", "confidence", "proba", "value")


def pair(item: Any) -> tuple[Any, Any] | None:
    """A class with its number, as a list of two or as an object."""
    if isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str):
        return item[0], item[1]
    if isinstance(item, dict):
        name, value = (next((k for k in keys if k in item), None) for keys in (_NAMES, _NUMBERS))
        if name is not None and value is not None:
            return item[name], item[value]
    return None


def pair_list(cell: Any) -> Any:
    """The pairs of a row; the cell itself if it has none."""
    while isinstance(cell, list) and len(cell) == 1 and isinstance(cell[0], list) and pair(cell) is None:
        cell = cell[0]
    if not isinstance(cell, list):
        return cell
    pairs = [pair(item) for item in cell]
    return [p for p in pairs if p is not None] if all(p is not None for p in pairs) else cell


def _by_names(rows: Sequence[Any], classes: Sequence[Scalar], faults: Faults) -> Floats:
    """From pairs of class and number, each class once."""
    known = {canonical(c): i for i, c in enumerate(classes)}
    found = np.full((len(rows), len(classes)), np.nan)
    for place, row in enumerate(rows):
        try:
            named = [(known.get(canonical(name)), name, number(value)) for name, value in row or ()]
        except (TypeError, ValueError):
            faults.add(place, "the endpoint gave no number for each class")
            continue
        if strange := [str(name) for at, name, _ in named if at is None]:
            faults.add(
                place, f"the endpoint named the class `{shortened(strange[0])}`, which is none of {listed(classes)}"
            )
            continue
        for at, _, value in named:
            if at is not None and value is not None:
                found[place, at] = value
        lacking = [c for c, v in zip(classes, found[place].tolist(), strict=True) if not np.isfinite(v)]
        if lacking or len(named) > len(classes):
            told = f"no probability for {listed(lacking)}" if lacking else "a class twice"
            faults.add(place, f"the endpoint gave {told}")
    return found


def _from_fields(table: Table, scores: Scores, classes: Sequence[Scalar], faults: Faults) -> Floats:
    if len(scores.columns) != len(classes):
        raise ModelFailed(
            f"the response is read with {len(scores.columns)} fields of probabilities, and there are {len(classes)} classes",
            hint="declare a field for each class",
        )
    columns = [
        numbers(table.column(name), faults, f"probability of `{one}`")
        for name, one in zip(scores.columns, classes, strict=True)
    ]
    return np.column_stack(columns) if columns else np.empty((table.count, 0))


_Kind: TypeAlias = Callable[[Table, Scores, Sequence[Scalar], Faults], Floats]

_KINDS: Mapping[str, _Kind] = {"list": _from_list, "map": _from_map, "pairs": _from_pairs, "fields": _from_fields}


def sigmoid(values: Floats) -> Floats:
    """Without overflow, however far the scores are out."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1, small) / (1 + small)


def _softmax(values: Floats) -> Floats:
    powers = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)


def activated(values: Floats, meaning: Meaning) -> Floats:
    """Scores as probabilities; one score has been made two already."""
    if meaning.probabilities is None or meaning.probabilities.kind == "score":
        return values
    if meaning.activation == "sigmoid":
        return sigmoid(values)
    return _softmax(values) if meaning.activation == "softmax" else values


def checked(values: Floats, faults: Faults, *, together: bool) -> Floats:
    """Probabilities on their edges, and faults where they are none."""
    with np.errstate(invalid="ignore"):
        outside: npt.NDArray[np.bool_] = ~np.all((values >= -EDGE) & (values <= 1 + EDGE), axis=1)
        apart: npt.NDArray[np.bool_] = np.abs(values.sum(axis=1) - 1) > SUM
    faults.where(outside, lambda i: f"the endpoint's probabilities are not within 0 and 1: {_shown(values[i])}")
    if together:
        faults.where(
            apart & ~outside, lambda i: f"the endpoint's probabilities do not add up to 1: {_shown(values[i])}"
        )
    return np.clip(values, 0, 1)


def _shown(row: Floats) -> str:
    return json.dumps([float(f"{v:.6g}") for v in row[:8]])[1:-1] + (", …" if len(row) > 8 else "")
