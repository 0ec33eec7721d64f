"""Columns of which each is of one class."""

from __future__ import annotations

from collections.abc import Sequence

from muster.classes import one_type
from muster.predictors.external.codecs.aliases import AFFIXES, LABELS, SCORES, named
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.evidence import look
from muster.predictors.external.codecs.response import Meaning, Scores
from muster.signature import Scalar, canonical

__all__ = ["class_fields"]


def class_fields(case: Case) -> tuple[Scores, tuple[Scalar, ...]] | None:
    """A column of numbers for each class, called by the class alone or with something before or after it."""
    numeric = [n for n, c in case.cells.items() if c.nature in ("number", "flag", "nothing")]
    for prefix, suffix in (*AFFIXES, ("", "")):
        inner = {n[len(prefix) : len(n) - len(suffix)]: n for n in numeric if _has_affix(n, prefix, suffix)}
        if case.classes:
            by_class = {canonical(k): n for k, n in inner.items()}
            if all(canonical(c) in by_class for c in case.classes):
                found = Scores(kind="fields", columns=tuple(by_class[canonical(c)] for c in case.classes))
                if prefix or suffix or len(case.cells) == len(case.classes) or _are_probabilities(case, found):
                    return found, case.classes
        elif len(inner) > 1 and case.only is None and (prefix or suffix or _only_classes(case, numeric)):
            return Scores(kind="fields", columns=tuple(inner.values())), one_type(inner)
    return None


def _has_affix(name: str, prefix: str, suffix: str) -> bool:
    return name.startswith(prefix) and name.endswith(suffix) and len(name) > len(prefix) + len(suffix)


def _only_classes(case: Case, numeric: Sequence[str]) -> bool:
    """Whether the names of the columns can be nothing but classes: numbers within 0 and 1 that add up to 1, and no name that is known."""
    if (
        len(numeric) < len(case.cells)
        or named(numeric, (*LABELS, *SCORES))
        or not all(case.cells[n].within for n in numeric)
    ):
        return False
    return _are_probabilities(case, Scores(kind="fields", columns=tuple(numeric)))


def _are_probabilities(case: Case, scores: Scores) -> bool:
    """Columns that are called 0, 1, … may be anything, as of a data frame without names."""
    trial = Meaning(probabilities=scores, classes=one_type(scores.columns))
    return look(case.table, trial, together=case.together) == "none"
