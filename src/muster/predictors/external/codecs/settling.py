"""Numbers of classes and labels held against each other: what the numbers are, and whether the labels contradict them."""

from __future__ import annotations

from dataclasses import replace

from muster.errors import InvalidInput
from muster.predictors.external.codecs.aliases import plain
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.evidence import check_order, label_places, look, look_at_score
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning

__all__ = ["settled"]


def settled(case: Case, meaning: Meaning, *, declared: bool) -> Meaning:
    """With what the numbers are. Labels without probabilities are better than numbers that are none."""
    scores = meaning.probabilities
    assert scores is not None
    if scores.kind == "score":
        return _settled_score(case, meaning, declared=declared)
    if meaning.activation == "none" and "activation" not in case.hints.told:
        kind = look(case.table, meaning, together=True)
        if kind == "apart":
            if meaning.label is not None:
                return replace(meaning, probabilities=None)
            raise _apart(meaning)
        if kind == "ranking":
            meaning = replace(meaning, activation="ranking")
    if meaning.label is not None:
        check_order(case.table, meaning)
        if meaning.activation == "ranking":
            return replace(meaning, probabilities=None, activation="none")
    return meaning


def _apart(meaning: Meaning) -> InvalidInput:
    return ask(
        f"the answer has {len(meaning.classes)} numbers within 0 and 1 for each row, and they do not add up to 1",
        "task='multilabel' if the classes are independent",
        '{"activation": "ranking"} if only the highest tells the label',
        "as many rows as were sent, if each number is one",
    )


def _settled_score(case: Case, meaning: Meaning, *, declared: bool) -> Meaning:
    scores = meaning.probabilities
    assert scores is not None
    cells = case.cells[scores.column]
    if meaning.activation == "none" and not cells.within and "activation" not in case.hints.told:
        outside = (cells.numbers < 0) | (cells.numbers > 1)
        if outside.any() and 2 * int(outside.sum()) >= len(cells.numbers):
            if meaning.label is not None:
                return replace(meaning, probabilities=None)
            raise ask(
                f"the answer has one score for each row, and most are not within 0 and 1, such as {cells.numbers[outside][0]:g}",
                '{"activation": "sigmoid"}, if they are log-odds',
            )
    if meaning.label is None or meaning.activation == "sigmoid" or scores.of == "label":
        return meaning
    if label_places(case.table, meaning) is None:
        return meaning
    convention = plain(scores.column) in ("score", "scoredprobabilities") and plain(meaning.label) in (
        "predictedlabel",
        "scoredlabels",
    )
    return replace(
        meaning,
        probabilities=look_at_score(case.table, meaning, scores.column, declared=declared, convention=convention),
    )
