"""Columns that hold the numbers of classes: lists, objects, pairs, or one score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from muster.classes import one_type
from muster.predictors.external.codecs.aliases import CLASSES, SCORES, named, plain
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.cells import lists
from muster.predictors.external.codecs.evidence import same_classes
from muster.predictors.external.codecs.labelling import coded
from muster.predictors.external.codecs.naming import listed
from muster.predictors.external.codecs.natures import Cells
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning, Scores
from muster.predictors.external.codecs.scores import pair_list
from muster.signature import canonical

__all__ = ["names_beside", "with_classes", "with_scores"]


def with_scores(case: Case, meaning: Meaning, cells: Cells, *, declared: bool) -> Meaning:
    """With the numbers that the column holds; unchanged if it holds none."""
    match cells.nature:
        case "list" if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in cells.items()):
            return _with_list(case, meaning, cells)
        case "map":
            return _named_by(case, meaning, Scores(kind="map", columns=(cells.name,)), [list(v) for v in cells.values])
        case "pairs":
            names = [[name for name, _ in pair_list(v)] for v in cells.values]
            return _named_by(case, meaning, Scores(kind="pairs", columns=(cells.name,)), names)
        case "number" if case.binary and (declared or not _reads_as_labels(case, cells)):
            return _with_score(case, meaning, cells)
    return meaning


def _reads_as_labels(case: Case, cells: Cells) -> bool:
    """Whether numbers without a name of a score are labels rather than probabilities."""
    if (case.only is None and plain(cells.name) in SCORES) or case.hints.base.meaning.activation == "sigmoid":
        return False
    return cells.are(case.classes) or (
        cells.whole and (not cells.within or not case.classes or coded(case.classes, cells))
    )


def _with_score(case: Case, meaning: Meaning, cells: Cells) -> Meaning:
    if len(case.classes) != 2:
        if not case.classes and not cells.whole:
            raise ask(
                "the answer has a score for each row, and the classes are not known", "`classes`, the positive one last"
            )
        return meaning
    return replace(meaning, probabilities=Scores(kind="score", columns=(cells.name,)))


def names_beside(case: Case, cells: Cells) -> Cells | None:
    """The column that names, row by row, the classes that the numbers are of: the same names in each row."""
    for alias in named(case.cells, CLASSES):
        beside = case.cells[alias]
        if beside.name == cells.name or beside.nature != "list" or len(beside.values) != len(cells.values):
            continue
        sets = {tuple(sorted(map(canonical, v))) for v in beside.values}
        if len(sets) == 1 and beside.width == cells.width:
            return beside
    return None


def _with_list(case: Case, meaning: Meaning, cells: Cells) -> Meaning:
    beside = names_beside(case, cells)
    if beside is not None:
        scores = Scores(kind="list", columns=(cells.name,), classes=beside.name)
        return _named_by(case, meaning, scores, [list(v) for v in beside.values])
    count = len(case.classes)
    if not count:
        raise ask(
            f"the answer has {cells.width} numbers for each row, and the classes are not known",
            "`classes`, in their order",
        )
    if cells.width != count:
        raise ask(
            f"the answer has {cells.width} numbers for each row, and there are {count} classes: {listed(case.classes)}",
            "as many classes as the endpoint has, in its order",
        )
    return replace(meaning, probabilities=Scores(kind="list", columns=(cells.name,)))


def _named_by(case: Case, meaning: Meaning, scores: Scores, names: Sequence[Sequence[Any]]) -> Meaning:
    """With numbers that have the names of their classes with them."""
    found = names[0] if names else []
    if case.classes:
        same_classes(found, case.classes, f"`{scores.classes or scores.column}`")
        return replace(meaning, probabilities=scores)
    return replace(meaning, probabilities=scores, classes=one_type(found))


def with_classes(case: Case, meaning: Meaning) -> Meaning:
    """With the classes of declared numbers, which the answer may name."""
    scores = meaning.probabilities
    assert scores is not None
    for name in (*scores.columns, *([scores.classes] if scores.classes else [])):
        if name:
            case.see(name)
    if scores.kind == "list" and scores.classes:
        names = [v for v in lists(case.table.column(scores.classes)) if isinstance(v, list)]
        return _named_by(case, meaning, scores, names)
    if scores.kind in ("map", "pairs"):
        return with_scores(case, replace(meaning, probabilities=None), case.see(scores.column), declared=True)
    if not case.classes:
        raise ask("the answer has numbers for the classes, and the classes are not known", "`classes`, in their order")
    return meaning
