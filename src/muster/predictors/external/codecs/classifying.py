"""Which columns of a body hold the label of a row, and which the numbers of its classes."""

from __future__ import annotations

from dataclasses import replace

from muster.errors import InvalidInput
from muster.predictors.external.codecs.aliases import LABELS, SCORES, named, plain
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.fields import class_fields
from muster.predictors.external.codecs.labelling import with_labels
from muster.predictors.external.codecs.positional import by_position
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning
from muster.predictors.external.codecs.scoring import with_classes, with_scores
from muster.predictors.external.codecs.settling import settled

__all__ = ["classified"]


def classified(case: Case) -> Meaning:
    """The meaning of an answer of one class for each row."""
    meaning = replace(case.hints.base.meaning, classes=case.classes)
    if case.positional and meaning.empty and case.hints.score is None:
        meaning, declared = by_position(case, meaning), False
    else:
        meaning, declared = _numbers(case, meaning)
        meaning = with_labels(case, meaning)
    if meaning.probabilities is not None:
        return settled(case, meaning, declared=declared)
    if meaning.label is None:
        raise _nothing(case)
    return meaning


def _nothing(case: Case) -> InvalidInput:
    have = ", ".join(f"`{n}` ({c.nature})" for n, c in list(case.cells.items())[:12])
    return ask(f"which of {have} is the label or a probability is not told", '{"label": …}', '{"score": …}')


def _numbers(case: Case, meaning: Meaning) -> tuple[Meaning, bool]:
    """With the numbers of classes, if there are any; and whether they were declared to be."""
    name = case.hints.score
    if meaning.probabilities is not None:
        return with_classes(case, meaning), True
    if case.only is not None:
        # Numbers without a name can be said to be scores all the same.
        if name is not None and name != case.only and plain(name) not in SCORES:
            case.see(name)
        return with_scores(case, meaning, case.cells[case.only], declared=name is not None), name is not None
    if name is not None:
        return with_scores(case, meaning, case.see(name), declared=True), True
    fields = class_fields(case)
    if fields is not None:
        scores, classes = fields
        return replace(meaning, probabilities=scores, classes=meaning.classes or classes), False
    return _by_name(case, meaning), False


def _by_name(case: Case, meaning: Meaning) -> Meaning:
    for alias in named(case.cells, SCORES):
        found = with_scores(case, meaning, case.cells[alias], declared=False)
        if found.probabilities is not None:
            return found
    if meaning.label is not None:
        return meaning
    likely = named(case.cells, LABELS) or (list(case.cells) if len(case.cells) == 1 else [])
    return _called_a_label(case, meaning, likely)


def _called_a_label(case: Case, meaning: Meaning, names: list[str]) -> Meaning:
    """What is called a label or a prediction, and holds a list of numbers or one between 0 and 1."""
    for name in names:
        cells = case.cells[name]
        found = with_scores(case, meaning, cells, declared=False)
        if found.probabilities is not None and (cells.nature != "number" or not cells.whole):
            return found
    return meaning
