"""Columns that hold labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muster.predictors.external.codecs.aliases import LABELS, named
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.naming import listed
from muster.predictors.external.codecs.natures import Cells
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning
from muster.signature import Scalar, canonical

__all__ = ["coded", "with_label", "with_labels"]


def with_labels(case: Case, meaning: Meaning) -> Meaning:
    """With the column of labels, if there is one."""
    if meaning.label is not None:
        return with_label(meaning, case.see(meaning.label))
    taken = set() if meaning.probabilities is None else {*meaning.probabilities.columns, meaning.probabilities.classes}
    free = {n: c for n, c in case.cells.items() if n not in taken and c.nature in ("number", "text", "flag")}
    if case.only is not None:
        return with_label(meaning, case.cells[case.only]) if case.only not in taken else meaning
    likely = [free[n] for n in named(free, LABELS)]
    if likely:
        fitting = [c for c in likely if c.are(meaning.classes) or coded(meaning.classes, c)]
        return with_label(meaning, (fitting or likely)[0])
    if len(case.cells) == 1 and free:
        return with_label(meaning, next(iter(free.values())))
    return _by_content(meaning, list(free.values()))


def _by_content(meaning: Meaning, free: Sequence[Cells]) -> Meaning:
    """The one column that holds classes and nothing else. Numbers may be classes by chance, so that a text goes before."""
    fitting = [c for c in free if meaning.classes and c.are(meaning.classes)]
    texts = [c for c in fitting if c.nature in ("text", "flag")]
    found = texts or (fitting if meaning.probabilities is not None else [])
    return with_label(meaning, found[0]) if len(found) == 1 else meaning


def coded(classes: Sequence[Scalar], cells: Cells) -> bool:
    """Whether whole numbers are places among classes of which none is a number."""
    if not classes or cells.nature != "number" or not cells.whole:
        return False
    if any(canonical(c).removeprefix("-").isdecimal() for c in classes):
        return False
    return bool((cells.numbers >= 0).all() and (cells.numbers < len(classes)).all())


def with_label(meaning: Meaning, cells: Cells) -> Meaning:
    """With labels that are classes, or their places; refuses if most are neither, or any number."""
    if cells.nature in ("list", "map", "pairs"):
        raise ask(f"`{cells.name}` holds a {cells.nature} for each row, and no label", '{"label": …}')
    codes = meaning.codes or coded(meaning.classes, cells)
    found = replace(meaning, label=cells.name, codes=codes)
    if not meaning.classes or codes:
        return found
    known = {canonical(c) for c in meaning.classes}
    strange = sorted({canonical(v) for v in cells.values if not isinstance(v, (list, dict))} - known)
    held = [v for v in cells.values if canonical(v) in known]
    # One number that is no class may mean that all are others than they seem: 0, 1, 2 for 1, 2, 3.
    if strange and (2 * len(held) <= len(cells.values) or cells.nature == "number"):
        raise ask(
            f"the answer has the labels {listed(strange)}, and the classes are {listed(meaning.classes)}",
            "the classes that the endpoint has",
            '{"score": …}, if they are scores',
        )
    return found
