"""Two answers to the same rows, drawn: label by label, how far scores moved, and the scores or numbers of one against the other's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from muster.charts.chart import Chart
from muster.charts.heat import heat, heat_table
from muster.charts.matrix import TEXTS, below, matrix
from muster.charts.parts import Spec, axis, counts, hover, layered, rows
from muster.charts.residuals import nothing
from muster.charts.screens import Charts
from muster.charts.words import count, number, percent, rows_and_bound, short
from muster.metrics.agreement import agreement_figures, better, moves_of, shift_of
from muster.metrics.confusion import confusion_of
from muster.metrics.figure import Figure
from muster.metrics.heat import heat_bound
from muster.metrics.quantiles import steps
from muster.metrics.residuals import heat as heat_of
from muster.metrics.residuals import histogram, quantiles
from muster.metrics.sign_test import SignTest
from muster.profiles.agreed import LabelsAgreed, NumbersAgreed
from muster.profiles.agreement import AgreementProfile
from muster.profiles.shift import FAR, PLACES, Shift

__all__ = ["agreement_charts"]

_TOGETHER = 2
"""Places of the grid that are drawn as one."""


def agreement_charts(
    profile: AgreementProfile, names: tuple[str, str], classes: Sequence[str], *, target: str = "value"
) -> Charts:
    """What a profile can show of the two, by their `names`."""
    whole, shift = profile.whole, shift_of(profile.whole)
    makers: dict[str, Callable[[], Chart]] = {}
    if isinstance(whole, LabelsAgreed):
        makers["labels"] = partial(labels_chart, whole, names, classes)
    if shift is not None:
        what = _what(whole, classes, target)
        makers["shift"] = partial(shift_chart, whole, shift, names, what)
    if isinstance(whole, NumbersAgreed):
        makers["numbers"] = partial(numbers_chart, whole, names, target)
    elif whole.scores is not None:
        makers["scores"] = partial(scores_chart, whole, names, _what(whole, classes, target))
    return Charts(makers)


def labels_chart(whole: LabelsAgreed, names: tuple[str, str], classes: Sequence[str]) -> Chart:
    """Rows by the label of the first, down, and of the second, across; shaded by share of the first's label."""
    found = confusion_of(whole.labels.counts, whole.rows, classes)
    k = len(found.classes)
    cells = rows(
        first=[c for c in found.classes for _ in found.classes],
        second=list(found.classes) * k,
        count=found.counts.ravel(),
        row=found.by_row.ravel(),
        column=found.by_column.ravel(),
    )
    for cell, share in zip(cells, found.by_row.ravel().tolist(), strict=True):
        cell["value"] = round(share, 4) if np.isfinite(share) else None
        if k <= TEXTS:
            cell["label"] = count(cell["count"])
    tips = {"first": (names[0], ""), "second": (names[1], ""), "count": ("rows", ",.0f")}
    shares = {"row": f"of this label of {names[0]}", "column": f"of this label of {names[1]}"}
    tips |= {field: (words, ".1%") for field, words in shares.items()}
    sides = ("first", f"Label by {names[0]}"), ("second", f"Label by {names[1]}")
    rest = f"; {found.others} of the classes are taken together" if found.others else ""
    return Chart(
        matrix(cells, found.classes, sides, tips, labelled=k <= TEXTS),
        name="labels",
        heading="Labels, one against the other",
        reading=_labels(whole, names),
        note=rows_and_bound(whole.rows) + rest,
        table=[
            {names[0]: c["first"], f"{names[1]} ": c["second"], "rows": c["count"]}
            | {words: c[field] for field, words in shares.items()}
            for c in cells
        ],
        below=below(found.classes),
    )


def _labels(whole: LabelsAgreed, names: tuple[str, str]) -> str:
    found = agreement_figures(whole)
    if found["agreement"].value is None:
        return f"There is nothing to tell: {found['agreement'].reason}."
    told = f"Both give {percent(found['agreement'].value)} of the rows the same label"
    if found["kappa"].value is not None:
        told += f" (kappa {number(found['kappa'].value)})"
    return f"{told}. {_one_right(better(whole), names)}"


def _one_right(test: SignTest, names: tuple[str, str]) -> str:
    """Who is right on the rows that one of the two has right."""
    total = test.first + test.second
    if not total:
        return "On no row is only one of the two right."
    told = f"Of {count(total)} rows that only one of the two has right, it is {names[1]} on {count(test.second)}"
    return f"{told}{_chance(test)}."


def _chance(test: SignTest) -> str:
    if test.mid is None:
        return ""
    told = "p\u202f<\u202f0.001" if test.mid < 0.001 else f"p\u202f=\u202f{number(test.mid)}"
    return f", which {'may be' if test.mid >= 0.05 else 'is beyond'} chance ({told})"


def shift_chart(whole: LabelsAgreed | NumbersAgreed, shift: Shift, names: tuple[str, str], what: str) -> Chart:
    """What the second says less what the first says, as a histogram."""
    moves = moves_of(shift)
    found = histogram(moves)
    heading = f"Shift of the {what}"
    if found is None:
        return nothing("shift", heading, shift.rows, "the numbers are too large, or weigh nothing")
    bars = rows(lower=found.edges[:-1], upper=found.edges[1:], mass=found.mass)
    within = float(found.edges[0]), float(found.edges[-1])
    title = f"{what[0].upper()}{what[1:]} of {names[1]} less that of {names[0]}"
    x, binned = axis("at", title, within=within), axis("lower", title, within=within, bin="binned")
    y = counts("mass", "Rows")
    zero: Spec = {"values": [{"at": 0}] if within[0] <= 0 <= within[1] else []}
    place: Spec = {"x": binned, "x2": {"field": "upper"}, "y": {**y, "stack": None}}
    tips = {"lower": ("from", ".4~g"), "upper": ("to", ".4~g"), "mass": ("rows", ",.1~f")}
    spec = layered(
        {"bars": bars},
        {
            "data": {"name": "bars"},
            "mark": {"type": "bar", "style": ["challenger"], "binSpacing": 0.5},
            "encoding": place,
        },
        {"data": zero, "mark": {"type": "rule", "style": ["threshold"]}, "encoding": {"x": x}},
        hover("bars", place, tips, {"type": "bar", "opacity": 0}),
        height=260,
    )
    note = rows_and_bound(shift.rows, found.bound, "rows of a bar")
    beyond = found.under + found.over
    if beyond > 0:
        note += f"; {percent(beyond / (beyond + float(found.mass.sum())))} lie beyond what is drawn"
    return Chart(
        spec,
        name="shift",
        heading=heading,
        reading=_shifted(whole, {q.part: q.value for q in quantiles(moves, whole=False)}),
        note=note,
        table=[{"from": bar["lower"], "to": bar["upper"], "rows": bar["mass"]} for bar in bars],
    )


def _shifted(whole: LabelsAgreed | NumbersAgreed, at: dict[float, float]) -> str:
    found = agreement_figures(whole)
    told = f"Half of the shifts lie between {short(at[0.25])} and {short(at[0.75])}; their mean is {_figure(found['mean_shift'])}."
    if "moved_far" in found:
        up, down = (percent(found[f"moved_far_{way}"].value) for way in ("up", "down"))
        told += f" {percent(found['moved_far'].value)} of the rows moved by more than {FAR}: {up} up, {down} down."
    return told


def _figure(found: Figure) -> str:
    if found.low is None or found.high is None:
        return short(found.value)
    return f"{short(found.value)} [{short(found.low)}, {short(found.high)}]"


def scores_chart(whole: LabelsAgreed, names: tuple[str, str], what: str) -> Chart:
    """The score of the first, across, and of the second, up."""
    assert whole.scores is not None
    side = PLACES // _TOGETHER
    grid = whole.scores.grid.counts.reshape(side, _TOGETHER, side, _TOGETHER).sum((1, 3))
    title = f"{what[0].upper()}{what[1:]}"
    if not whole.scores.grid.counts.any():
        return nothing("scores", f"{title}, one against the other", whole.rows, "the rows weigh nothing")
    titles = (f"{title} by {names[0]}", f"{title} by {names[1]}")
    spec, cells = heat(np.arange(side + 1) / side, grid, titles, names, line="no shift")
    found = agreement_figures(whole)
    told = f"{percent(found['moved_far'].value)} of the rows lie more than {FAR} from the line"
    if found["correlation"].value is not None:
        told += f"; the two correlate with {number(found['correlation'].value)}"
    return Chart(
        spec,
        name="scores",
        heading=f"{title}, one against the other",
        reading=f"{told}.",
        note=rows_and_bound(whole.rows),
        table=heat_table(cells, names),
    )


def numbers_chart(whole: NumbersAgreed, names: tuple[str, str], target: str) -> Chart:
    """The prediction of the first, across, and of the second, up; rows count once, whatever they weigh."""
    shift = whole.shift
    sides = (steps(shift.first.values.cells), steps(shift.second.values.cells)) if whole.rows else None
    found = None if sides is None else heat_of(whole.together, sides, 30)
    heading = "Predictions, one against the other"
    if found is None:
        return nothing("numbers", heading, whole.rows, "no row was predicted by both")
    titles = (f"Predicted {target} by {names[0]}", f"Predicted {target} by {names[1]}")
    spec, cells = heat(found.edges, found.rows, titles, names, line="no shift")
    note = rows_and_bound(whole.rows, heat_bound(whole.together, found), "rows of a cell")
    if found.outside > 0:
        note += f"; {percent(found.outside / (found.outside + float(found.rows.sum())))} lie outside of what is drawn"
    return Chart(
        spec,
        name="numbers",
        heading=heading,
        reading=_nearer(whole, names),
        note=note,
        table=heat_table(cells, names),
    )


def _nearer(whole: NumbersAgreed, names: tuple[str, str]) -> str:
    found, test = agreement_figures(whole), better(whole)
    nearer = found["second_nearer"]
    if nearer.value is None:
        return f"Whose predictions are nearer is not known: {nearer.reason}."
    share = percent(nearer.value)
    if nearer.low is not None and nearer.high is not None:
        share += f" [{percent(nearer.low)}, {percent(nearer.high)}]"
    told = f"Where the two differ, {names[1]} is nearer to the actual value on {share} of the rows{_chance(test)}."
    correlation = found["correlation"]
    return told if correlation.value is None else f"{told} The two correlate with {number(correlation.value)}."


def _what(whole: LabelsAgreed | NumbersAgreed, classes: Sequence[str], target: str) -> str:
    """What moves, in words."""
    if isinstance(whole, NumbersAgreed):
        return f"predicted {target}"
    return f"probability of {classes[-1]}" if len(classes) == 2 else "probability of the actual class"
