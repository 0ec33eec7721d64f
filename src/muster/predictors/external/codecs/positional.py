"""Fields that have no names, as in CSV: what each is, by its place and by what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.evidence import look
from muster.predictors.external.codecs.labelling import coded, with_label
from muster.predictors.external.codecs.natures import Cells
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning, Scores
from muster.predictors.external.codecs.scoring import with_scores

__all__ = ["by_position"]


def by_position(case: Case, meaning: Meaning) -> Meaning:
    """A label with a list; a number for each class; a label with such numbers, or with one."""
    cells = list(case.cells.values())
    held = [c for c in cells if c.nature in ("list", "map", "pairs")]
    if len(held) == 1:
        rest = [c for c in cells if c is not held[0]]
        found = with_scores(case, meaning, held[0], declared=False)
        return with_label(found, rest[0]) if len(rest) == 1 else found
    first, *others = cells
    count = len(case.classes)
    labelled = first.are(case.classes) or coded(case.classes, first)
    numeric = all(c.nature == "number" for c in others) and not held
    if numeric and count and len(others) == count and labelled:
        return with_label(replace(meaning, probabilities=_fields(others)), first)
    if numeric and first.nature == "number" and len(cells) == count:
        return _a_number_each(case, meaning, cells, labelled=labelled)
    if numeric and case.binary and len(others) == 1 and labelled:
        return with_label(replace(meaning, probabilities=Scores(kind="score", columns=(others[0].name,))), first)
    raise ask(
        f"the answer has {len(cells)} fields without names for each row, and which is the label or a probability is not told",
        '{"columns": ["label", "score", …]}',
    )


def _fields(cells: Sequence[Cells]) -> Scores:
    return Scores(kind="fields", columns=tuple(c.name for c in cells))


def _a_number_each(case: Case, meaning: Meaning, cells: Sequence[Cells], *, labelled: bool) -> Meaning:
    """As many numbers as classes. Two of them may be a label and its score too."""
    found = replace(meaning, probabilities=_fields(cells))
    if all(c.whole for c in cells) and all(c.are(case.classes) for c in cells):
        raise ask(
            f"the answer has {len(cells)} whole numbers for each row, which may be labels or probabilities",
            '{"columns": ["label", …]}',
            "as many rows as were sent, if each number is one",
        )
    if len(cells) == 2 and labelled and look(case.table, found, together=True) != "none" and cells[1].within:
        return with_label(replace(meaning, probabilities=Scores(kind="score", columns=(cells[1].name,))), cells[0])
    return found
