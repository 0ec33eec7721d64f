"""The same for several labels or targets: which columns hold what is known of each and what was predicted for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from muster.casts.rule import is_list
from muster.errors import InvalidInput, near
from muster.evaluation.asking import SHOWN, Asked, check_measured, in_class_order
from muster.evaluation.columns_at_hand import (
    is_number,
    of_other_classes,
    one_number,
    single_values,
    wrong_keys,
    wrong_weight,
)
from muster.evaluation.contradictions import named_twice, wrong_named
from muster.evaluation.roles import twice_named
from muster.evaluation.segmenting import Sample, segmenting, twice
from muster.evaluation.targets_at_hand import wrong_targets
from muster.profiles.multilabel import MOST_LABELS
from muster.profiles.multioutput import MOST_TARGETS
from muster.profiles.nested import is_text
from muster.profiles.question import Question
from muster.signature import Output, Scalar, Task, canonical

__all__ = ["SEVERAL", "Given", "is_several", "named", "question_of_several", "scored_several"]

SEVERAL: tuple[Task, ...] = ("multilabel", "multioutput")
_SEE = "see its columns with `muster dataset show`"


@dataclass(frozen=True, slots=True)
class Given:
    """The columns with what was predicted: one for all, or one for each; none where a version is asked."""

    prediction: str | None = None
    predictions: tuple[str, ...] = ()
    probabilities: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(n for n in (self.prediction, *self.predictions, *self.probabilities) if n is not None)


def is_several(asked: Asked, head: pa.Table) -> bool:
    """Whether data that are scored already have several labels or targets a row."""
    if asked.task is not None:
        return asked.task in SEVERAL
    prediction = asked.prediction or "prediction"
    kind = head.schema.field(prediction).type if prediction in head.column_names else pa.null()
    if not (asked.targets or asked.classes or pa.types.is_null(kind)) and one_number(prediction, head):
        return False
    return bool(asked.predictions) or is_list(kind) or pa.types.is_struct(kind)


def named(asked: Asked, output: Output, names: Sequence[str], *, told: bool) -> Asked:
    """With the target's columns in the order of the outputs, where they are named as these; and with these where none is `told`."""
    outputs = _names(output)
    found = all(name in names and name not in asked.predictions for name in outputs)
    if not told and asked.target not in names and found:
        return replace(asked, target=None, targets=outputs)
    return replace(asked, targets=outputs) if sorted(asked.targets) == sorted(outputs) else asked


def scored_several(asked: Asked, head: pa.Table, known: Output | None) -> tuple[Output, Given]:
    """Of data that are scored already: what the predictions are, and the columns that hold them; `known` is a version's."""
    names = head.column_names
    given = _given(asked, names)
    if not given.columns:
        raise InvalidInput(
            "the data has no column `prediction`",
            hint="name the columns with `prediction=` and `probabilities=`, or a version",
        )
    missing = [n for n in (*given.columns, asked.target, *asked.targets) if n is not None and n not in names]
    if missing:
        raise InvalidInput(f"the data lacks {', '.join(f'`{n}`{near(n, names)}' for n in missing)}", hint=_SEE)
    if (asked.task or _task(head, given)) == "multilabel":
        output = _labels(asked, given, known)
        if asked.probabilities:
            return output, given
        return output, replace(given, probabilities=in_class_order(given.probabilities, output.classes))
    return _targets(asked, head, given, known), given


def question_of_several(
    asked: Asked,
    output: Output,
    head: pa.Table,
    names: Sequence[str],
    given: Given,
    *,
    inputs: Sequence[str] = (),
    sample: Sample | None = None,
) -> Question:
    """As `question` does for a single output."""
    check_measured(output.task)
    if len(_names(output)) == 1:
        asked, given = _alone(asked, given, head)
    wrong = [
        *_wrong_outputs(output),
        *_wrong_columns(asked, output, head, names),
        *_wrong_given(asked, output, head, given),
        *named_twice(asked),
        *wrong_named(asked, output),
        *single_values("the prediction", given.predictions, head),
        *(of_other_classes(given.probabilities, output) if len(given.probabilities) == len(output.classes) else ()),
        *wrong_keys(asked.key, head),
    ]
    segments, faults = segmenting(asked.segments, sample or Sample(head), names)
    wrong += dict.fromkeys((*faults, *twice(segments)))
    hint = _SEE if wrong else ""
    wrong += _wrong_rest(asked, output)
    if wrong:
        raise InvalidInput("; ".join(dict.fromkeys(wrong)), hint=hint)
    target = asked.target or ", ".join(asked.targets)
    aside = {asked.target, *asked.targets, asked.weight, *given.columns}
    others = tuple(n for n in head.column_names if n not in aside)
    return Question(
        output=output,
        target=target,
        targets=tuple(asked.targets),
        weight=asked.weight,
        key=tuple(asked.key),
        segments=segments,
        prediction=given.prediction,
        predictions=given.predictions,
        probabilities=given.probabilities,
        threshold=asked.threshold,
        inputs=tuple(inputs) or others[:SHOWN],
        shown=others[:SHOWN],
        texts=asked.texts is not False,
    )


def _alone(asked: Asked, given: Given, head: pa.Table) -> tuple[Asked, Given]:
    """A single output may stand in plain columns."""

    def plain(name: str | None) -> bool:
        kind = head.schema.field(name).type if name in head.column_names else pa.string()
        return not (is_list(kind) or pa.types.is_struct(kind) or is_text(kind))

    if asked.target is not None and plain(asked.target):
        asked = replace(asked, target=None, targets=(asked.target,))
    if given.prediction is not None and plain(given.prediction):
        given = replace(given, prediction=None, predictions=(given.prediction,))
    return asked, given


def _names(output: Output) -> list[str]:
    return [canonical(c) for c in output.classes] if output.task == "multilabel" else [*output.targets]


def _given(asked: Asked, names: Sequence[str]) -> Given:
    """What is named; else what `muster score` writes."""
    predictions, probabilities = tuple(asked.predictions), tuple(asked.probabilities)
    prediction = asked.prediction
    if prediction is None and not predictions and not probabilities and "prediction" in names:
        prediction = "prediction"
        probabilities = tuple(n for n in names if n.startswith("probability_"))
        if not probabilities and "probabilities" in names:
            probabilities = ("probabilities",)
    return Given(prediction, predictions, probabilities)


def _task(head: pa.Table, given: Given) -> Task:
    if given.prediction is not None:
        return "multioutput" if pa.types.is_struct(head.schema.field(given.prediction).type) else "multilabel"
    kinds = [head.schema.field(name).type for name in given.predictions]
    flags = all(pa.types.is_boolean(kind) for kind in kinds)
    return "multilabel" if flags else "multioutput"


def _labels(asked: Asked, given: Given, known: Output | None) -> Output:
    scores = bool(given.probabilities)
    if known is not None:
        return replace(known, probabilities=scores)
    classes: tuple[Scalar, ...] = tuple(asked.classes)
    if not classes and len(given.probabilities) > 1 and all(n.startswith("probability_") for n in given.probabilities):
        classes = tuple(n.removeprefix("probability_") for n in given.probabilities)
    classes = classes or tuple(asked.targets) or given.predictions
    if not classes:
        raise InvalidInput("the labels are not known", hint='name them in order: `classes=["urgent", "billing"]`')
    return Output("multilabel", pa.list_(pa.bool_(), len(classes)), classes, scores)


def _targets(asked: Asked, head: pa.Table, given: Given, known: Output | None) -> Output:
    kinds = _kinds(asked, head, given)
    if known is None:
        wrong = [
            f"the classes of the target `{name}` are not known"
            for name, kind in kinds.items()
            if name not in asked.class_lists and not is_number(kind)
        ]
        wrong += [
            f"`{name}` is no target: they are {', '.join(kinds)}{near(name, kinds)}"
            for name in asked.class_lists
            if name not in kinds
        ]
        if wrong:
            raise InvalidInput("; ".join(wrong), hint='name them in order: `classes={"kind": ["a", "b"]}`')
        outputs = {name: _output(kind, asked.class_lists.get(name, ())) for name, kind in kinds.items()}
    else:
        outputs = dict(known.targets)
    classified = [name for name, output in outputs.items() if output.task != "regression"]
    scored = set(classified if given.probabilities else ())
    if len(given.probabilities) == 1 and pa.types.is_struct(kind := head.schema.field(given.probabilities[0]).type):
        scored &= set(kind.names)
    outputs = {name: replace(output, probabilities=name in scored) for name, output in outputs.items()}
    whole = pa.struct([(name, output.type) for name, output in outputs.items()])
    return Output("multioutput", whole, (), bool(scored), outputs)


def _output(kind: pa.DataType, classes: Sequence[Scalar]) -> Output:
    """Of one target: its classes are given, or those of a boolean; else it is a number."""
    if not classes and pa.types.is_boolean(kind):
        classes = (False, True)
    if not classes:
        return Output("regression", pa.float64())
    return Output("binary" if len(classes) == 2 else "multiclass", pa.scalar(classes[0]).type, tuple(classes))


def _kinds(asked: Asked, head: pa.Table, given: Given) -> Mapping[str, pa.DataType]:
    """The targets by name, and what their predictions are."""
    if given.prediction is None:
        outputs = asked.targets if len(asked.targets) == len(given.predictions) else given.predictions
        return {n: head.schema.field(c).type for n, c in zip(outputs, given.predictions, strict=True)}
    kind = head.schema.field(given.prediction).type
    if pa.types.is_struct(kind):
        return {field.name: field.type for field in kind}
    if is_text(kind):
        for text in head[given.prediction].drop_null().slice(0, 1).to_pylist():
            try:
                value = json.loads(text)
            except ValueError:
                break
            if isinstance(value, dict):
                return {str(name): pa.scalar(item).type for name, item in value.items()}
    raise InvalidInput(
        f"the predictions `{given.prediction}` are {kind}, and several targets are a struct or a column for each",
        hint='name a column for each target: `prediction=["p_price", "p_size"]`',
    )


def _wrong_outputs(output: Output) -> list[str]:
    if output.task == "multilabel":
        labels = len(output.classes)
        twice = [name for name, n in Counter(_names(output)).items() if n > 1]
        wrong = [f"the label `{name}` is named twice" for name in twice]
        return wrong + (
            [f"{labels} labels are more than the {MOST_LABELS} that are measured"] if labels > MOST_LABELS else []
        )
    targets = len(output.targets)
    wrong = [f"{targets} targets are more than the {MOST_TARGETS} that are measured"] if targets > MOST_TARGETS else []
    wrong += [] if targets else ["the model names no targets"]
    wrong += [
        f"the classes of the target `{name}` are {', '.join(map(str, one.classes))}, and it takes two different ones"
        for name, one in output.targets.items()
        if one.task != "regression" and len({canonical(c) for c in one.classes}) < max(2, len(one.classes))
    ]
    return wrong + [
        f"the target `{name}` is {one.task}, and a target is a number or a class"
        for name, one in output.targets.items()
        if one.task not in ("binary", "multiclass", "regression")
    ]


def _wrong_columns(asked: Asked, output: Output, head: pa.Table, names: Sequence[str]) -> list[str]:
    needed = [("the target", asked.target), *(("the target", n) for n in asked.targets)]
    needed += [("the weight", asked.weight), *((f"the key `{k}`", k) for k in asked.key)]
    wrong = [
        f"{of} `{n}` is no column of the data{near(n, names)}" for of, n in needed if n is not None and n not in names
    ]
    outputs = _names(output)
    if asked.target is None and not asked.targets:
        wrong.append(
            "the target is not known: name its column, or one for each of "
            f"{', '.join(outputs[:5])}{', …' if len(outputs) > 5 else ''} (`target=`, --target)"
        )
    if asked.targets and len(asked.targets) != len(outputs):
        wrong.append(f"{len(asked.targets)} columns of actual values are named for {len(outputs)} outputs")
    wrong += wrong_weight(asked.weight, head)
    return wrong or wrong_targets(asked, output, head)


def _wrong_given(asked: Asked, output: Output, head: pa.Table, given: Given) -> list[str]:
    outputs = _names(output)
    roles: dict[str, Sequence[str | None]] = {
        "actual values": [asked.target, *asked.targets],
        "predictions": [given.prediction, *given.predictions],
        "probabilities": given.probabilities,
        "weights": [asked.weight],
    }
    wrong = twice_named(roles)
    if given.predictions and len(given.predictions) != len(outputs):
        wrong.append(f"{len(given.predictions)} columns of predictions are named for {len(outputs)} outputs")
    if output.task == "multilabel" and given.prediction is not None:
        kind = head.schema.field(given.prediction).type
        if not is_list(kind) and not is_text(kind):
            needed = f"a list of {len(outputs)} flags, a list of names, or a column for each"
            wrong.append(f"the prediction `{given.prediction}` is {kind}, and the labels of a row are {needed}")
    columns = len(given.probabilities)
    if output.task == "multilabel" and columns not in (0, 1, len(outputs)):
        wrong.append(f"{columns} columns of probabilities do not fit {len(outputs)} labels")
    if output.task == "multilabel" and columns == 1 < len(outputs):
        kind = head.schema.field(given.probabilities[0]).type
        if not is_list(kind) and not is_text(kind):
            wrong.append(
                f"the probabilities `{given.probabilities[0]}` are {kind}, and {len(outputs)} labels need a list"
            )
    known = [n for n, one in output.targets.items() if one.task != "regression"]
    if output.task == "multioutput" and columns not in (0, 1, len(known)):
        wrong.append(f"{columns} columns of probabilities do not fit {len(known)} targets with classes")
    return wrong


def _wrong_rest(asked: Asked, output: Output) -> list[str]:
    asked_for = {
        "costs go with a single output of classes": asked.costs is not None,
        "protected columns go with a single output: there is no one rate to hold against groups": bool(asked.protected),
        "an interval and its level go with a single output of numbers": bool(asked.interval) or asked.level is not None,
        "weak segments are found for a single output: there is no one loss of a row": asked.weak_segments,
    }
    wrong = [says for says, given in asked_for.items() if given]
    if asked.threshold is None:
        return wrong
    if output.task != "multilabel" or not output.probabilities:
        return [*wrong, "a threshold goes with the probabilities of two classes, or of labels"]
    if not np.isfinite(asked.threshold) or not 0 <= asked.threshold <= 1:
        wrong.append(f"the threshold {asked.threshold:g} is no probability from 0 to 1")
    return wrong
