"""Numbers of classes and labels held against each other: what the numbers are, and whether the labels contradict them."""

from __future__ import annotations

from dataclasses import replace

from muster.errors import InvalidInput
from muster.predictors.external.codecs.aliases import RAW, plain
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.evidence import check_order, look, look_at_score, refuse_label_first
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning
from muster.predictors.external.codecs.scores import EDGE

__all__ = ["settled"]


def settled(case: Case, meaning: Meaning, *, declared: bool) -> Meaning:
    """With what the numbers are. Labels without probabilities are better than numbers that are none."""
    scores = meaning.probabilities
    assert scores is not None
    if scores.kind == "score":
        return _settled_score(case, meaning, declared=declared)
    if _undeclared(case, meaning):
        refuse_label_first(case.table, meaning)
        kind = "ranking" if plain(scores.column) in RAW else look(case.table, meaning, together=True)
        if kind == "apart":
            if meaning.label is not None:
                return replace(meaning, probabilities=None)
            raise _apart(meaning)
        if kind == "ranking":
            meaning = replace(meaning, activation="ranking")
    if meaning.label is not None:
        check_order(case.table, meaning, by_place=case.positional)
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


def _undeclared(case: Case, meaning: Meaning) -> bool:
    return meaning.activation == "none" and "activation" not in case.hints.told


def _settled_score(case: Case, meaning: Meaning, *, declared: bool) -> Meaning:
    scores = meaning.probabilities
    assert scores is not None
    cells, name = case.cells[scores.column], scores.column
    if _undeclared(case, meaning):
        outside = cells.numbers[(cells.numbers < -EDGE) | (cells.numbers > 1 + EDGE)]
        if outside.size or (plain(name) in RAW and not declared):
            if meaning.label is not None:
                return replace(meaning, probabilities=None)
            raise _no_probability(f"{outside[0]:g} is not within 0 and 1" if outside.size else f"it is called `{name}`")
    if meaning.label is None or meaning.activation == "sigmoid" or scores.of == "label":
        return meaning
    usual = plain(name) in ("score", "scoredprobabilities") and plain(meaning.label) in (
        "predictedlabel",
        "scoredlabels",
    )
    found = look_at_score(case.table, meaning, name, declared=declared, convention=usual)
    return replace(meaning, probabilities=found)


def _no_probability(why: str) -> InvalidInput:
    return ask(
        f"the answer has one score for each row, which is no probability: {why}",
        '{"activation": "sigmoid"}, if it is log-odds',
        '{"label": …}, if there is a label beside it',
    )
