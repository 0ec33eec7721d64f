"""Whether numbers of classes are probabilities, and whether they agree with the labels beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from muster.predictors.external.codecs.cells import Faults, Floats, numbers
from muster.predictors.external.codecs.naming import Places, listed, places
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning, Scores
from muster.predictors.external.codecs.rows import Table
from muster.predictors.external.codecs.scores import EDGE, SUM, activated, class_numbers
from muster.predictors.order import better_order
from muster.signature import Scalar, canonical

__all__ = ["check_order", "look", "look_at_score", "refuse_label_first", "same_classes"]


class _Labelled:
    """Rows that have both a known label and numbers."""

    def __init__(self, values: Floats, labels: Places | None) -> None:
        found = np.full(len(values), -1) if labels is None else labels
        good = np.isfinite(values).all(axis=1) & (found >= 0)
        self.values, self.labels = values[good], found[good]


def _label_places(table: Table, meaning: Meaning) -> Places | None:
    if meaning.label is None:
        return None
    return places(table.column(meaning.label), meaning.classes, Faults(table.count), codes=meaning.codes)


def look(table: Table, meaning: Meaning, *, together: bool) -> str:
    """What the numbers are: `none` where they are probabilities, `ranking` where only their order counts, `apart` where they are neither.

    Rows that are faulty do not decide, if most are not.
    """
    assert meaning.probabilities is not None
    values = class_numbers(table, meaning.probabilities, meaning, Faults(table.count))
    values = activated(values[np.isfinite(values).all(axis=1)], meaning)
    inside: npt.NDArray[np.bool_] = np.all((values >= -EDGE) & (values <= 1 + EDGE), axis=1)
    one: npt.NDArray[np.bool_] = np.abs(values.sum(axis=1) - 1) <= SUM
    sound = inside & one if together else inside
    if 2 * np.count_nonzero(sound) > len(values) or not len(values):
        return "none"
    return "apart" if 2 * np.count_nonzero(inside) > len(values) else "ranking"


def refuse_label_first(table: Table, meaning: Meaning) -> None:
    """Two numbers for each row, of which the first is always a class, may be a label and how sure it is."""
    scores = meaning.probabilities
    assert scores is not None
    if len(meaning.classes) != 2 or scores.kind not in ("list", "fields") or scores.classes is not None:
        return
    values = class_numbers(table, scores, meaning, Faults(table.count))
    values = values[np.isfinite(values).all(axis=1)]
    known = {canonical(c) for c in meaning.classes}
    labels = len(values) and all(canonical(v) in known for v in values[:, 0].tolist())
    if labels and bool(((values[:, 1] >= -EDGE) & (values[:, 1] <= 1 + EDGE)).all()):
        raise ask(
            "the answer has two numbers for each row, which may be the probabilities of two classes, or a label and a score",
            '{"columns": ["label", "score"]}, or {"probabilities": …}',
            "a sample whose rows are less alike",
        )


def check_order(table: Table, meaning: Meaning, *, by_place: bool) -> None:
    """Refuses classes in an order that the labels contradict, and says which order explains them."""
    scores = meaning.probabilities
    assert scores is not None
    named = scores.classes is not None or scores.kind != "list"
    if (named and not by_place) or meaning.threshold is not None:
        return
    values = class_numbers(table, scores, meaning, Faults(table.count))
    rows = _Labelled(values, _label_places(table, meaning))
    if not len(rows.labels):
        return
    found = better_order(rows.values, rows.labels)
    likely = rows.values.argmax(axis=1)
    if found is None and not (rows.values[np.arange(len(likely)), rows.labels] < rows.values.max(axis=1)).all():
        return
    order = found or _explaining(likely, rows.labels, len(meaning.classes))
    explains = f"; the order {listed([meaning.classes[i] for i in order])} explains them" if order else ""
    raise ask(
        f"the classes are declared in the order {listed(meaning.classes)}, and the labels of the answer contradict it{explains}",
        "the classes in the order of the endpoint's probabilities",
        "`threshold`, if the endpoint has one of its own",
    )


def _explaining(likely: npt.NDArray[np.int64], labels: Places, count: int) -> list[int]:
    """The class that each column stands for, if every row agrees; nothing if they contradict each other."""
    pairs = set(zip(likely.tolist(), labels.tolist(), strict=True))
    known = dict(pairs)
    if len(known) < len(pairs) or len(set(known.values())) < len(known):
        return []
    # Two columns that change places are likelier than a circle of three.
    for column, label in list(known.items()):
        if label not in known and column not in known.values():
            known[label] = column
    rest = iter([c for c in range(count) if c not in known.values()])
    return [known[j] if j in known else next(rest) for j in range(count)]


def look_at_score(table: Table, meaning: Meaning, name: str, *, declared: bool, convention: bool) -> Scores:
    """One score beside labels: it is of the last class unless the labels say otherwise, or nothing says so."""
    assert meaning.label is not None
    one = numbers(table.column(name), Faults(table.count), "score")
    rows = _Labelled(one[:, None], _label_places(table, meaning))
    score, last = rows.values[:, 0], rows.labels == len(meaning.classes) - 1
    found = Scores(kind="score", columns=(name,))
    if declared or meaning.threshold is not None or not len(score):
        return found
    of_last, of_first, of_label = (score >= 0.5) == last, (score >= 0.5) != last, score >= 0.5
    first, final = meaning.classes[0], meaning.classes[-1]
    own = f'"probabilities": {{"score": "{name}", "of": "label"}}, if it is that of the label'
    if not of_last.all():
        if of_label.all():
            raise ask(
                f"`{name}` is 0.5 or more whatever the label, so that it is not the probability of `{final}`", own
            )
        if np.count_nonzero(of_first) > np.count_nonzero(of_last):
            raise ask(
                f"`{name}` is high where the label is `{first}`: the order {final}, {first} explains the labels",
                f"the classes as {final}, {first}",
                f'{{"score": "{name}"}}, if it is the probability of `{final}` under a threshold of the endpoint\'s own',
            )
    elif of_label.all() and not convention:
        raise ask(
            f"all rows have the label `{final}`, so that `{name}` may be its probability or that of any label",
            f'{{"score": "{name}"}}, if it is the probability of `{final}`',
            own,
        )
    return found


def same_classes(found: Sequence[object], declared: Sequence[Scalar], where: str) -> None:
    """Refuses classes that a body names and others that are declared."""
    if {canonical(c) for c in found} != {canonical(c) for c in declared}:
        raise ask(
            f"the answer names the classes {listed(found)} in {where}, and {listed(declared)} are declared",
            "the classes that the endpoint has",
        )
