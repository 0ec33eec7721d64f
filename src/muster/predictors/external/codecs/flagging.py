"""Which columns of a body hold the labels of a multilabel task: each class for itself."""

from __future__ import annotations

from dataclasses import replace

from muster.predictors.external.codecs.aliases import LABELS, SCORES, named
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.evidence import look
from muster.predictors.external.codecs.fields import class_fields
from muster.predictors.external.codecs.naming import listed
from muster.predictors.external.codecs.natures import Cells
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning, Scores
from muster.predictors.external.codecs.scoring import names_beside
from muster.signature import Scalar, canonical

__all__ = ["flagged"]


def flagged(case: Case) -> Meaning:
    """The meaning of an answer of a flag, a probability or both for each class."""
    meaning = replace(case.hints.base.meaning, classes=case.classes)
    if meaning.empty:
        meaning = _found(case, meaning)
    if meaning.empty:
        shown = ", ".join(f"`{n}` ({c.nature})" for n, c in list(case.cells.items())[:12])
        raise ask(
            f"which of {shown} has the labels or their probabilities is not told",
            '{"label": …}',
            '{"probabilities": …}',
        )
    if not meaning.classes:
        raise ask(
            "the answer has several labels for each row, and the classes are not known", "`classes`, in their order"
        )
    undeclared = meaning.activation == "none" and "activation" not in case.hints.told
    if undeclared and meaning.probabilities is not None and look(case.table, meaning, together=False) != "none":
        raise ask(
            "the answer has a number for each class, and in most rows they are not within 0 and 1",
            '{"activation": "sigmoid"}, if they are log-odds',
        )
    return meaning


def _found(case: Case, meaning: Meaning) -> Meaning:
    fields = _by_place(case) if case.positional else class_fields(case)
    if fields is not None:
        scores, classes = fields
        meaning = replace(meaning, classes=meaning.classes or classes)
        return _with(meaning, scores, flags=all(_are_flags(case.cells[n]) for n in scores.columns))
    if case.hints.score is not None and case.hints.score in case.cells:
        return _column(case, meaning, case.cells[case.hints.score])
    names = [*named(case.cells, SCORES), *named(case.cells, LABELS)]
    if case.only is not None or (len(case.cells) == 1 and not names):
        names = list(case.cells)
    for name in names:
        # What names the classes of the numbers beside it is no list of labels.
        if meaning.probabilities is None or meaning.probabilities.classes != name:
            meaning = _column(case, meaning, case.cells[name])
    return meaning


def _by_place(case: Case) -> tuple[Scores, tuple[Scalar, ...]] | None:
    """A number for each class, in their order."""
    if len(case.cells) != len(case.classes) or any(c.nature != "number" for c in case.cells.values()):
        return None
    return Scores(kind="fields", columns=tuple(case.cells)), case.classes


def _column(case: Case, meaning: Meaning, cells: Cells) -> Meaning:
    """With what a column holds, unless another holds it already."""
    if cells.nature == "pairs":
        return _with(meaning, Scores(kind="pairs", columns=(cells.name,)), flags=False)
    if cells.nature == "map":
        found = replace(meaning, classes=meaning.classes or tuple(cells.values[0]))
        flags = all(_is_flag(v) for m in cells.values for v in m.values())
        return _with(found, Scores(kind="map", columns=(cells.name,)), flags=flags)
    if cells.nature != "list":
        return meaning
    known = {canonical(c) for c in meaning.classes}
    if all(isinstance(i, str) for i in cells.items()):
        if {canonical(i) for i in cells.items()} <= known:
            return replace(meaning, label=meaning.label or cells.name)
        raise ask(
            f"the answer has labels that are none of {listed(meaning.classes)}", "the classes that the endpoint has"
        )
    if cells.width != len(meaning.classes):
        raise ask(
            f"the answer has {cells.width} values for each row, and there are {len(meaning.classes)} classes",
            "as many classes as the endpoint has, in its order",
        )
    beside = names_beside(case, cells)
    scores = Scores(kind="list", columns=(cells.name,), classes=beside.name if beside is not None else None)
    scored = case.only is None and bool(named([cells.name], SCORES))
    return _with(meaning, scores, flags=not scored and all(_is_flag(i) for i in cells.items()))


def _with(meaning: Meaning, scores: Scores, *, flags: bool) -> Meaning:
    if flags:
        return replace(meaning, flags=meaning.flags or scores)
    return replace(meaning, probabilities=meaning.probabilities or scores)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))


def _are_flags(cells: Cells) -> bool:
    return bool(cells.values) and all(_is_flag(v) or v in ("0", "1", "true", "false") for v in cells.values)
