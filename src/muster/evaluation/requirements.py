"""What an evaluation has to reach: `roc_auc>=0.8`, `roc_auc.low>=0.78`, `recall>=0.9 for tier=premium`, of a protected column
`demographic_parity_ratio>=0.8 for sex`, of one label or target `f1:spam>=0.5`, of the rows themselves `rows>=1000`, `counted>=0.99`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from muster.charts.digits import written
from muster.errors import InvalidInput, near
from muster.metrics.fairness import MEASURES
from muster.metrics.figure import Figure
from muster.metrics.groups import RATES
from muster.profiles.part_names import CROSS
from muster.signature import Json

if TYPE_CHECKING:
    from muster.evaluation.result import Evaluation

__all__ = ["COUNTED", "OF_ROWS", "ROWS", "Requirement", "Verdict", "of_rows", "parsed", "verdicts"]

ROWS, COUNTED = "rows", "counted"
OF_ROWS = {ROWS: "Rows that are measured", COUNTED: "Share of rows that are measured"}
"""What is required of the rows themselves, and what it is called."""

_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FORM = re.compile(
    r"(?P<metric>\w+)(?::(?P<output>.+?))?(?:\.(?P<end>low|high))?\s*(?P<sign>>=|<=|>|<)\s*(?P<bar>[^\s]+)"
    r"(?:\s+for\s+(?P<of>(?P<segment>.+?)(?:=(?P<part>.+))?))?"
)
_HINT = (
    "write `roc_auc>=0.8`, `roc_auc.low>=0.78`, `recall>=0.9 for tier=premium`, `demographic_parity_ratio>=0.8 for sex`, "
    "of one label or target `f1:spam>=0.5`, or of the rows that are measured `rows>=1000`, and of their share `counted>=0.99`"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A metric, or an end of its interval, of all rows or of a part of them, on one side of a bar, or that of one label or target;
    without a part, of all groups of a protected column together.
    """

    text: str
    metric: str
    end: str
    sign: str
    bar: float
    segment: str = ""
    part: str = ""
    output: str = ""
    of: str = ""
    """The segment and the part, as they were typed."""

    @classmethod
    def parse(cls, text: str) -> Requirement:
        if not isinstance(text, str):  # whatever the types say: a gate is no place to guess
            raise InvalidInput(f"`{text!r}` is no requirement", hint=_HINT)
        found = _FORM.fullmatch(text.strip())
        try:
            bar = float(found["bar"]) if found is not None else math.nan
        except ValueError:
            bar = math.nan
        if found is None or not math.isfinite(bar):
            raise InvalidInput(f"`{text}` is no requirement", hint=_HINT)
        segment, part, of = (found[name] or "" for name in ("segment", "part", "of"))
        told = (
            found["metric"],
            found["end"] or "",
            found["sign"],
            bar,
            segment.strip(),
            part.strip(),
            found["output"] or "",
            of.strip(),
        )
        return cls(text.strip(), *told)

    def value(self, figure: Figure) -> float | None:
        """What is held against the bar."""
        found: float | None = getattr(figure, self.end or "value")
        return found

    def met(self, figure: Figure) -> bool:
        """Not by a figure that is not known; by one that is known to a bound, if all that it can be does. Ends allow for the bound."""
        value, bound = self.value(figure), 0.0 if self.end else figure.bound
        return value is not None and all(_SIGNS[self.sign](v, self.bar) for v in (value - bound, value + bound))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a requirement is met, and why not: a figure that is not defined, or rows that are not there, do not meet it."""

    requirement: str
    passed: bool
    value: float | None
    reason: str

    def to_json(self) -> dict[str, Json]:
        return {
            "requirement": self.requirement,
            "passed": self.passed,
            "value": self.value,
            "reason": self.reason,
        }


def of_rows(evaluation: Evaluation) -> dict[str, Figure]:
    """How many rows are measured, and which share of those that were read that is."""
    rows, counted = evaluation.profile.rows, evaluation.profile.whole.rows
    share = counted / rows if rows else None
    return {
        ROWS: _count(ROWS, counted),
        COUNTED: Figure(COUNTED, share, rows, reason="" if rows else "no row was read"),
    }


def _count(name: str, rows: int) -> Figure:
    return Figure(name, float(rows), rows)


def parsed(evaluation: Evaluation, requirements: Sequence[str]) -> list[Requirement]:
    """InvalidInput names everything in them that is no requirement, or that the evaluation does not have, at once."""
    found, wrong = [], []
    for text in requirements:
        try:
            one = _placed(evaluation, Requirement.parse(text))
        except InvalidInput as fault:
            wrong.append(fault.message)
        else:
            found.append(one)
            wrong += _faults(evaluation, one)
    if wrong:
        raise InvalidInput("; ".join(dict.fromkeys(wrong)), hint=_HINT)
    return found


def _placed(evaluation: Evaluation, asked: Requirement) -> Requirement:
    """With the segment and the part that are there: the names of both may hold `=`. Several columns and their values may be joined by `*`
    as well. InvalidInput where it may be either of two.
    """
    of, segments = asked.of, evaluation.segments
    if not of or of in segments:
        return replace(asked, segment=of, part="")
    splits = [(of[:n].strip(), of[n + 1 :].strip()) for n, letter in enumerate(of) if letter == "="]
    splits += [(_crossed(segment), _crossed(part)) for segment, part in splits]
    known = [(segment, part) for segment, part in splits if segment in segments]
    there = [*dict.fromkeys((segment, part) for segment, part in known if part in segments[segment])]
    if len(there) > 1:
        told = " or ".join(f"`{part}` of `{segment}`" for segment, part in there)
        raise InvalidInput(f"`{asked.text}` may be of {told}", hint="evaluate with one of these segments alone")
    segment, part = [*there, *known, (asked.segment, asked.part)][0]
    return replace(asked, segment=segment, part=part)


def _crossed(text: str) -> str:
    return f" {CROSS} ".join(part.strip() for part in text.split("*"))


def verdicts(evaluation: Evaluation, requirements: Sequence[str]) -> list[Verdict]:
    """Of each requirement; InvalidInput as `parsed`."""
    return [_verdict(evaluation, r) for r in parsed(evaluation, requirements)]


def _faults(evaluation: Evaluation, asked: Requirement) -> list[str]:
    outputs = evaluation.outputs
    if asked.output and asked.output not in outputs:
        given = f": they are {', '.join(outputs)}" if outputs else ": this evaluation has one output"
        return [f"`{asked.output}` is no label and no target{given}{near(asked.output, outputs)}"]
    if asked.metric in OF_ROWS and asked.metric not in evaluation.metrics and (fault := _wrong_rows(asked)):
        return [fault]
    known: Mapping[str, object] = outputs[asked.output].metrics if asked.output else evaluation.metrics
    known = {**dict.fromkeys(OF_ROWS), **known}
    if asked.segment and not asked.part:
        rates = RATES if asked.segment in evaluation.fairness else ()
        if asked.segment in evaluation.segments and asked.metric in {*known, *rates} - {*MEASURES}:
            return [f"`{asked.metric}` is of one part of the rows: write `{_bare(asked)} for {asked.segment}=VALUE`"]
        if asked.segment not in evaluation.fairness:
            given = ", ".join(f"`{s}`" for s in evaluation.fairness) or "none"
            return [f"`{asked.segment}` was no protected column of this evaluation: they are {given}"]
        known = evaluation.fairness[asked.segment].measures
    elif asked.segment in evaluation.fairness:
        groups = evaluation.fairness[asked.segment].values()
        known = {**known, **{name: None for group in groups for name in group}}
    wrong = [] if asked.metric in known else [_unknown(asked, known)]
    if asked.segment and asked.segment not in evaluation.segments:
        given = ", ".join(f"`{s}`" for s in evaluation.segments) or "none"
        wrong.append(f"`{asked.segment}` was no segment of this evaluation: they are {given}")
    return wrong


def _wrong_rows(asked: Requirement) -> str:
    """What is wrong with one of the rows."""
    if asked.end:
        return f"`{asked.metric}` is a count, which has no interval: write `{asked.metric}{asked.sign}{asked.bar:.15g}`"
    if asked.output:
        return f"`{asked.metric}` is of all outputs together: write `{asked.metric}{asked.sign}{asked.bar:.15g}`"
    if asked.metric == COUNTED and asked.part:
        return f"`{COUNTED}` is the share of all rows that are measured, which is not known of a part: write `{ROWS}>=N for …`"
    return ""


def _bare(asked: Requirement) -> str:
    """Without the part of the rows that it is of."""
    output, end = (f"{mark}{name}" if name else "" for mark, name in ((":", asked.output), (".", asked.end)))
    return f"{asked.metric}{output}{end}{asked.sign}{asked.bar:.15g}"


def _unknown(asked: Requirement, known: Mapping[str, object]) -> str:
    if asked.metric in MEASURES and not (asked.segment and not asked.part):
        return f"`{asked.metric}` is of all groups together: write `{_bare(asked)} for COLUMN`"
    if asked.metric in RATES:
        return f"`{asked.metric}` is of a group of a protected column: write `{_bare(asked)} for COLUMN=VALUE`"
    return f"there is no metric `{asked.metric}`{near(asked.metric, known)}"


def _told(asked: Requirement, figure: Figure, value: float) -> str:
    """With as many digits as show on which side of the bar it is, and with the bound where that is why it is not met."""
    told = f"{value:,.0f}" if figure.name == ROWS else written(value, [asked.bar])
    bar = f"{asked.bar:.15g}"
    if asked.end or not figure.bound:
        return f"{told}, and {bar}"
    if _SIGNS[asked.sign](value, asked.bar):
        return f"{told} ± {figure.bound:.2g}, as values share cells, and all of it on the right side of {bar}"
    return f"{told} ± {figure.bound:.2g}, and {bar}" if figure.loose else f"{told}, and {bar}"


def _verdict(evaluation: Evaluation, asked: Requirement) -> Verdict:
    of = evaluation.outputs[asked.output] if asked.output else evaluation
    figures: Mapping[str, Figure] = {**of_rows(evaluation), **of.metrics}
    if asked.segment and not asked.part:
        figures = evaluation.fairness[asked.segment].measures
    elif asked.segment:
        parts = of.segments[asked.segment]
        if asked.part not in parts:
            return Verdict(
                asked.text,
                passed=False,
                value=None,
                reason=f"no row has {asked.segment}={asked.part}{near(asked.part, parts)}",
            )
        figures = parts[asked.part]
        if asked.metric == ROWS and ROWS not in figures:
            figures = {ROWS: _count(ROWS, evaluation.segments[asked.segment].rows(asked.part))}
        elif asked.metric not in figures:
            figures = evaluation.fairness[asked.segment][asked.part]
    figure = figures[asked.metric]
    value = asked.value(figure)
    if value is None:
        why = figure.reason or "it is not known"
        return Verdict(
            asked.text, passed=False, value=None, reason=f"{asked.metric} has no {asked.end or 'value'}: {why}"
        )
    passed = asked.met(figure)
    name = asked.metric + (f":{asked.output}" if asked.output else "") + (f".{asked.end}" if asked.end else "")
    reason = "" if passed else f"{name} is {_told(asked, figure, value)} is asked for"
    return Verdict(asked.text, passed=passed, value=value, reason=reason)
