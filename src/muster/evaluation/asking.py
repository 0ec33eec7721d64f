"""From what a person asks to the question that a profile answers; everything that is wrong with it is told at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa

from muster.errors import InvalidInput, NotApplicable, near
from muster.evaluation.columns_at_hand import (
    are_flags,
    is_continuous,
    is_number,
    like_probabilities,
    wrong_keys,
    wrong_predictions,
    wrong_target,
    wrong_weight,
)
from muster.evaluation.contradictions import named_twice, wrong_together
from muster.evaluation.roles import twice_named
from muster.evaluation.searching import search_in, searchable
from muster.evaluation.segmenting import Sample, Segments, columns_of, segmenting, to_sample, twice
from muster.metrics.costs import cost_matrix
from muster.profiles.question import Question
from muster.signature import Output, Scalar, Task, canonical

__all__ = [
    "MEASURED", "SHOWN", "Asked", "check_measured", "columns_sampled", "columns_wanted", "in_class_order", "interval_of",
    "outputs_of", "question",
]  # fmt: skip

MEASURED: tuple[Task, ...] = ("binary", "multiclass", "regression", "multilabel", "multioutput")
SHOWN = 30
"""Columns that are shown of a mistake."""
_INTERVAL = ("prediction_low", "prediction_high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """As it was typed; None and nothing are to be found.

    Of several labels or targets that have a column each, these are `targets`, and those of their predictions `predictions`;
    `class_lists` has the classes of targets by name.
    """

    task: str | None = None
    target: str | None = None
    classes: Sequence[Scalar] = ()
    prediction: str | None = None
    probabilities: Sequence[str] = ()
    interval: Sequence[str] = ()
    level: float | None = None
    weight: str | None = None
    segments: Segments = ()
    protected: Segments = ()
    key: Sequence[str] = ()
    threshold: float | None = None
    costs: Sequence[Sequence[float]] | None = None
    weak_segments: bool = False
    targets: Sequence[str] = ()
    predictions: Sequence[str] = ()
    class_lists: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    texts: bool | None = None
    """Whether texts of the rows are kept; None as the setting says."""


def columns_wanted(asked: Asked, names: Sequence[str], inputs: Sequence[str]) -> tuple[str, ...]:
    """The columns of the data that are looked at first: those that are asked for, and the inputs of a version.

    All of them, where the data are scored already: which hold the predictions is still to be found.
    """
    if not inputs:
        return tuple(names)
    parts = (columns_of(s, names) for s in (*asked.segments, *asked.protected))
    own = (asked.target, *asked.targets, asked.prediction, *asked.predictions, *asked.probabilities, *asked.interval)
    wanted = {*inputs, *own, asked.weight, *asked.key, *chain(*parts)}
    return tuple(n for n in names if n in wanted)


def columns_sampled(asked: Asked, head: pa.Table, names: Sequence[str]) -> tuple[str, ...]:
    """The columns of which rows from all over the data have to be known, to choose what is told apart."""
    if asked.weak_segments:
        return searchable(head)
    return to_sample((*asked.segments, *asked.protected), head, names)


def outputs_of(asked: Asked, head: pa.Table) -> tuple[Output, str | None, tuple[str, ...]]:
    """Of data that are scored already: what the predictions are, and the columns that hold them.

    The classes are as given, or those of a boolean, or what columns `probability_<class>` are named for.
    """
    names = head.column_names
    prediction = asked.prediction or ("prediction" if "prediction" in names and not asked.probabilities else None)
    probabilities = tuple(asked.probabilities) or tuple(
        n for n in names if n.startswith("probability_") and not asked.prediction
    )
    if prediction is None and not probabilities:
        raise InvalidInput(
            "the data has no column `prediction`, and none named `probability_…`",
            hint="name the columns with `prediction=` and `probabilities=`, or a version",
        )
    missing = [
        n for n in (prediction, asked.target, *probabilities, *asked.interval) if n is not None and n not in names
    ]
    if missing:
        told = ", ".join(f"`{n}`{near(n, names)}" for n in missing)
        raise InvalidInput(f"the data lacks {told}", hint="see its columns with `muster dataset show`")
    classes = tuple(asked.classes) or _classes(asked, head, prediction, probabilities)
    task = _task(asked, head, prediction, probabilities, classes)
    if not asked.probabilities:
        probabilities = in_class_order(probabilities, classes)
    if task == "regression":
        return Output(task, pa.float64()), prediction, probabilities if prediction is None else ()
    if len(classes) < 2:
        known = f"there is one class, {classes[0]}, and it takes two" if classes else "the classes are not known"
        raise InvalidInput(known, hint='name them in order, the positive one last: `classes=["no", "yes"]`')
    return Output(task, pa.scalar(classes[0]).type, classes, bool(probabilities)), prediction, probabilities


def in_class_order(probabilities: tuple[str, ...], classes: Sequence[Scalar]) -> tuple[str, ...]:
    """Columns that were found by their names, `probability_<class>`, in the order of the classes rather than of the data."""
    of = {canonical(n.removeprefix("probability_")): n for n in probabilities}
    names = [canonical(c) for c in classes]
    if len(of) < len(probabilities) or sorted(of) != sorted(names):
        return probabilities
    return tuple(of[name] for name in names)


def interval_of(asked: Asked, task: str, names: Sequence[str]) -> tuple[str, ...]:
    """Of data that are scored already: the columns with the ends of predicted intervals, where there are some."""
    if asked.interval or asked.prediction or task != "regression":
        return tuple(asked.interval)
    return _INTERVAL if all(n in names for n in _INTERVAL) else ()


def _classes(asked: Asked, head: pa.Table, prediction: str | None, probabilities: Sequence[str]) -> tuple[Scalar, ...]:
    booleans = [
        n for n in (prediction, asked.target) if n is not None and pa.types.is_boolean(head.schema.field(n).type)
    ]
    if booleans:
        return (False, True)
    if probabilities and all(n.startswith("probability_") for n in probabilities) and len(probabilities) > 1:
        return tuple(_scalar(n.removeprefix("probability_"), head, asked.target) for n in probabilities)
    return ()


def _scalar(text: str, head: pa.Table, target: str | None) -> Scalar:
    whole = target is not None and pa.types.is_integer(head.schema.field(target).type)
    return int(text) if whole and text.lstrip("-").isdigit() else text


def _task(
    asked: Asked, head: pa.Table, prediction: str | None, probabilities: Sequence[str], classes: Sequence[Scalar]
) -> Task:
    if asked.task is not None:
        return check_measured(asked.task)
    if classes:
        return "binary" if len(classes) == 2 else "multiclass"
    kind = head.schema.field(prediction).type if prediction is not None else pa.null()
    if not probabilities and prediction is not None and is_continuous(kind):
        if asked.target is not None and are_flags(asked.target, head) and like_probabilities(prediction, head):
            raise InvalidInput(
                f"whether `{prediction}` has probabilities of `{asked.target}` or numbers is not known",
                hint="name it with `probabilities=` (--probabilities) and give the classes, or the task: `regression`",
            )
        return "regression"
    classes_or_task = f"""name the classes in order, the positive one last: `classes=["no", "yes"]`; or `task=` {", ".join(MEASURED)}"""
    raise InvalidInput("whether the predictions are classes or numbers is not known", hint=classes_or_task)


def check_measured(task: str) -> Task:
    """The task; NotApplicable where nothing is known to measure."""
    for known in MEASURED:
        if task == known:
            return known
    raise NotApplicable(f"an evaluation of the task `{task}` has no figures", hint=f"tasks are {', '.join(MEASURED)}")


def question(
    asked: Asked,
    output: Output,
    head: pa.Table,
    names: Sequence[str],
    *,
    prediction: str | None = None,
    probabilities: Sequence[str] = (),
    interval: Sequence[str] = (),
    inputs: Sequence[str] = (),
    sample: Sample | None = None,
) -> Question:
    """What to measure; `inputs` are the columns that a version takes.

    `head` has the first rows of the data, with the columns that are looked at, `sample` those `columns_sampled`; `names` are all there
    are.
    """
    sample = sample or Sample(head)
    check_measured(output.task)
    roles: dict[str, Sequence[str | None]] = {
        "actual values": [asked.target],
        "predictions": [prediction],
        "probabilities": probabilities,
        "an end of the interval": [*dict.fromkeys(interval)],
        "weights": [asked.weight],
    }
    wrong = [
        *_several(asked, output),
        *_wrong_columns(asked, head, names),
        *twice_named(roles),
        *wrong_target(asked.target, output, head),
        *_wrong_interval(asked, output, head, scored=bool(prediction or probabilities)),
        *named_twice(asked),
        *wrong_together(asked, output, prediction, interval, scored=bool(prediction or probabilities)),
        *wrong_predictions(output, head, prediction, probabilities),
        *wrong_keys(asked.key, head),
    ]
    protected, faults = segmenting(asked.protected, sample, names)
    others, more = segmenting(asked.segments, sample, names)
    segments = tuple(dict.fromkeys((*others, *protected)))
    wrong += dict.fromkeys((*faults, *more, *twice(segments)))
    hint = "see the columns of the data with `muster dataset show`" if wrong else ""
    costs, faults = _costs(asked, output)
    wrong += [*_wrong_threshold(asked, output), *_wrong_search(asked), *faults]
    if wrong:
        raise InvalidInput("; ".join(dict.fromkeys(wrong)), hint=hint)
    assert asked.target is not None
    texts = asked.texts is not False
    aside = {asked.target, asked.weight, prediction, *probabilities, *interval}
    columns = tuple(n for n in head.column_names if n not in aside)
    return Question(
        output=output,
        target=asked.target,
        weight=asked.weight,
        key=tuple(asked.key),
        segments=segments,
        protected=tuple(s.name for s in protected),
        prediction=prediction,
        probabilities=tuple(probabilities),
        interval=tuple(interval),
        level=asked.level,
        threshold=asked.threshold,
        costs=costs,
        inputs=tuple(inputs) or columns[:SHOWN],
        shown=columns[:SHOWN],
        search=search_in(sample, tuple(inputs) or columns, texts=texts) if asked.weak_segments else None,
        texts=texts,
    )


def _several(asked: Asked, output: Output) -> list[str]:
    return [
        f"a {output.task} evaluation has one column of {what}, and {len(columns)} are named: {', '.join(columns)}"
        for what, columns in (("actual values", asked.targets), ("predictions", asked.predictions))
        if columns
    ]


def _wrong_columns(asked: Asked, head: pa.Table, names: Sequence[str]) -> list[str]:
    needed = {"the target": asked.target, "the weight": asked.weight, **{f"the key `{k}`": k for k in asked.key}}
    wrong = [
        f"{of} `{n}` is no column of the data{near(n, names)}"
        for of, n in needed.items()
        if n is not None and n not in names
    ]
    if asked.target is None and not asked.targets:
        wrong.append("the target is not known: name the column with the actual values (`target=`, --target)")
    wrong += wrong_weight(asked.weight, head)
    return wrong


def _wrong_search(asked: Asked) -> list[str]:
    weighted = asked.weak_segments and asked.weight is not None
    return ["weak segments are found by rows, and these have weights"] if weighted else []


def _wrong_threshold(asked: Asked, output: Output) -> list[str]:
    if asked.threshold is None:
        return []
    if output.task != "binary" or not output.probabilities:
        return ["a threshold goes with the probabilities of two classes"]
    if not math.isfinite(asked.threshold) or not 0 <= asked.threshold <= 1:
        return [f"the threshold {asked.threshold:g} is no probability from 0 to 1"]
    return []


def _costs(asked: Asked, output: Output) -> tuple[tuple[tuple[float, ...], ...], list[str]]:
    if asked.costs is None:
        return (), []
    if not output.classes:
        return (), ["costs go with classes, and a regression has none"]
    try:
        matrix = cost_matrix(asked.costs, len(output.classes))
    except InvalidInput as error:
        return (), [error.message]
    return tuple(tuple(row) for row in matrix.tolist()), []


def _wrong_interval(asked: Asked, output: Output, head: pa.Table, *, scored: bool) -> list[str]:
    wrong = []
    if output.task != "regression" and (asked.interval or asked.level is not None):
        wrong.append("an interval and its level go with predicted numbers")
    elif asked.interval and not scored:
        wrong.append(
            "columns of an interval go with predictions in the data: name those too (`prediction=`, --prediction)"
        )
    elif asked.interval and len(asked.interval) != 2:
        wrong.append(f"an interval has two columns, its lower and its upper end, not {', '.join(asked.interval)}")
    wrong += [
        f"the end `{n}` of the interval is {head.schema.field(n).type}, and ends are numbers"
        for n in asked.interval
        if n in head.column_names and not is_number(head.schema.field(n).type)
    ]
    if asked.level is not None and not 0 < asked.level < 1:  # NaN too
        wrong.append(f"the level {asked.level:g} of the interval is no share between 0 and 1")
    return wrong
