"""The rates of each group of a protected column beside each other."""

from __future__ import annotations

from muster.charts.chart import Chart, Row
from muster.charts.dots import Panel, dots, panel_title
from muster.charts.words import count, figure, number, percent, rows_and_bound
from muster.metrics.fairness import Fairness
from muster.metrics.groups import LEAST_OF_A_GROUP

__all__ = ["fairness_chart", "fairness_reading"]

_MOST = 30
_DRAWN = ("selection_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value")
_NUMBERS = ("mean_prediction", "mean_error", "mae")


def fairness_chart(found: Fairness) -> Chart:
    """Of several classes the one for which demographic parity is worst, unless `found` is of one."""
    one = _one(found)
    names = [
        n
        for n in (_DRAWN if found.classes else _NUMBERS)
        if any(n in g and g[n].value is not None for g in one.values())
    ]
    groups = list(one)[:_MOST]
    reference = one[one.reference] if one.reference is not None else None
    panels = [
        Panel(
            panel_title(name),
            [one[g][name] for g in groups],
            reference[name].value if reference is not None else None,
            share=bool(found.classes),
        )
        for name in names
    ]
    table: list[Row] = [
        {found.name: name, "rows": group.rows, **{panel_title(n): figure(f) for n, f in group.items()}}
        for name, group in one.items()
    ]
    bound = max((group[n].bound for group in one.values() for n in names), default=0.0)
    note = rows_and_bound(found.rows, bound, "rates")
    if reference is not None:
        note += f"; the line is {one.reference}"
    if len(one) > _MOST:
        note += f"; {len(one) - _MOST} groups more are in the table only"
    of_class = f", {one.label}" if len(found.classes) > 2 and one.label else ""
    return Chart(
        dots(groups, [one[g].small for g in groups], panels, found.name),
        name=f"fairness:{found.name}",
        heading=f"Fairness by {found.name}{of_class}",
        reading=fairness_reading(one),
        note=note,
        table=table,
    )


def _one(found: Fairness) -> Fairness:
    if len(found.classes) <= 2 or found.label is not None:
        return found
    return found.of(found.worst.get("demographic_parity_difference", found.classes[-1]))


def fairness_reading(found: Fairness) -> str:
    """What the groups say together, in sentences."""
    told = []
    if found.classes:
        told.append(_selected(found))
        told += [
            f"{words} differ by {_points(name, found)}"
            for name, words in (
                ("equal_opportunity_difference", "True positive rates"),
                ("predictive_parity_difference", "Predictive values"),
            )
            if found.measures[name].value is not None
        ]
    else:
        told += [
            f"{words} differ by {figure(found.measures[name])}"
            for name, words in (
                ("mean_prediction_difference", "Mean predictions"),
                ("mae_difference", "Mean absolute errors"),
            )
            if found.measures[name].value is not None
        ]
    few = sum(group.small for group in found.values())
    if few:
        groups = "group" if few == 1 else "groups"
        told.append(f"Grey: {count(few)} {groups} of fewer than {LEAST_OF_A_GROUP} rows, which decide nothing")
    return f"{'. '.join(told) or 'Fewer than two groups are large enough to compare'}."


def _selected(found: Fairness) -> str:
    rule = found.four_fifths
    if rule.passed is None:
        return f"Whether the four-fifths rule is kept cannot be told: {rule.reason}"
    if rule.passed:
        least = min(rule.ratios, key=lambda g: rule.ratios[g])
        return (
            f"The four-fifths rule is kept: {least} is selected {percent(rule.ratios[least])} as often as {rule.most}"
        )
    first, *others = rule.failing
    more = "".join(f", {g} {percent(rule.ratios[g])}" for g in others[:3])
    more += f", and {len(others) - 3} groups more too rarely" if len(others) > 3 else ""
    told = f"{first} is selected {percent(rule.ratios[first])} as often as {rule.most}"
    return f"The four-fifths rule is broken: {told}{more}"


def _points(name: str, found: Fairness) -> str:
    """A difference of shares."""
    one = found.measures[name]
    value, low, high = (None if v is None else 100 * v for v in (one.value, one.low, one.high))
    ends = "" if low is None or high is None else f" [{number(low, 1)}, {number(high, 1)}]"
    return f"{number(value, 1)} percentage points{ends}"
