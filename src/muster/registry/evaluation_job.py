"""What an evaluation is asked for: as it was typed, and as a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypedDict

from muster import typed
from muster.classes import same_classes
from muster.errors import InvalidInput
from muster.evaluation.asking import Asked
from muster.evaluation.result import Evaluation
from muster.evaluation.segmenting import Segments
from muster.records import Version
from muster.registry.registry import Registry, check_threshold
from muster.registry.scoring_job import Watch
from muster.scoring.layout import Keep
from muster.signature import Json, Scalar
from muster.typed import Kind

__all__ = [
    "EvaluateOptions",
    "EvaluateRequest",
    "asked_of",
    "checked",
    "completed",
    "evaluate_request",
    "threshold_of",
    "told_by",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateRequest:
    """What the user asks for: of a version, or of data that are scored already where `reference` is None."""

    reference: str | None
    data: str
    asked: Asked
    mapping: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Json] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    runner: str = "local"
    output: str | None = None
    keep: Keep = ()
    prefix: str = ""
    overwrite: bool = False
    metrics: tuple[str, ...] = ()
    require: tuple[str, ...] = ()


class EvaluateOptions(TypedDict, total=False):
    """What can be asked of an evaluation."""

    target: str | Sequence[str] | None
    """The column with the actual values; else that of the model. Of several labels or targets also a column for each."""
    task: str | None
    classes: Sequence[Scalar] | Mapping[str, Sequence[Scalar]]
    """In order, the positive one last; of several targets by name."""
    prediction: str | Sequence[str] | None
    """The column of predictions, where the data are scored already; `prediction` where nothing else is said. Of several labels or
    targets also a column for each.
    """
    probabilities: Sequence[str]
    """Their columns in the order of the classes; in binary also that of the positive class alone."""
    interval: Sequence[str]
    """The columns with the lower and the upper end of what numbers are predicted to be within."""
    level: float | None
    """The share of rows that predicted intervals are to hold."""
    weight: str | None
    segments: Segments
    """Columns whose values are looked at apart: `carrier`, `carrier*origin`, `distance:100,500`, `day:2024-07-01`."""
    protected: Segments
    """Columns whose groups have to be treated alike; each is a segment too."""
    key: Sequence[str]
    """Columns that tell a row from all others, so that two evaluations are known to be of the same rows."""
    threshold: float | None
    costs: Sequence[Sequence[float]] | None
    """`costs[actual][predicted]` of a row, in the order of the classes: `[[tn, fp], [fn, tp]]`; what is gained is negative."""
    weak_segments: bool
    """Look in all input columns, and pairs of them, for rows that are predicted worse than the rest."""
    texts: bool | None
    """Whether texts of the rows are kept, in the profiles of columns and in the worst mistakes; None is as `profiles.texts` says."""
    labels: Mapping[str, str]
    """By which evaluations are found again."""
    mapping: Mapping[str, str]
    params: Mapping[str, Json]
    runner: str
    metrics: Sequence[str]
    """Of the user's own, by name: `profit`, or `profit:2` for one number of it."""
    require: Sequence[str]
    """What it has to reach, as `roc_auc>=0.8`: `verdicts` of the evaluation says whether it does."""
    output: str | Path | None
    """Where every row is written, with what was predicted, how right it is, and why it is in no figure where it is in none."""
    keep: Sequence[str] | str
    """Columns of the data that are written with it, or `all`."""
    prefix: str
    """Of the names of the columns that are added."""
    overwrite: bool
    watch: Watch | None


_KINDS: Mapping[str, Kind] = {
    "target": typed.COLUMNS,
    "task": typed.TEXT,
    "classes": typed.CLASSES,
    "prediction": typed.COLUMNS,
    "probabilities": typed.COLUMNS,
    "interval": typed.COLUMNS,
    "level": typed.NUMBER,
    "weight": typed.COLUMN,
    "segments": typed.SEGMENTS,
    "protected": typed.SEGMENTS,
    "key": typed.COLUMNS,
    "threshold": typed.NUMBER,
    "costs": typed.MATRIX,
    "weak_segments": typed.FLAG,
    "texts": typed.FLAG,
    "labels": typed.LABELS,
    "mapping": typed.BY_NAME,
    "params": typed.OBJECT,
    "runner": typed.TEXT,
    "metrics": typed.TEXTS,
    "require": typed.TEXTS,
    "output": typed.PATH,
    "keep": typed.KEEP,
    "prefix": typed.TEXT,
    "overwrite": typed.FLAG,
    "watch": typed.FUNCTION,
}


def checked(options: Mapping[str, object]) -> EvaluateOptions:
    """As plain values, without what is None. InvalidInput tells all that are no options, and all of another kind."""
    return typed.read(options, _KINDS)  # type: ignore[return-value]  # by the table above


def evaluate_request(reference: str | None, data: str, options: EvaluateOptions) -> EvaluateRequest:
    """A request of what was typed; refused as `checked` says."""
    known = {f.name for f in fields(Asked)}
    given = checked(options)
    asked = Asked(**_sorted_out({n: v for n, v in given.items() if n in known}))
    rest = {name: value for name, value in given.items() if name not in known and name != "watch"}
    return EvaluateRequest(reference=reference, data=data, asked=asked, **rest)  # type: ignore[arg-type]  # likewise


def _sorted_out(plain: Mapping[str, Any]) -> dict[str, Any]:
    """One column as `target`, several as `targets`; likewise predictions, and classes by target."""
    found = dict(plain)
    for one, many in (("target", "targets"), ("prediction", "predictions")):
        columns = found.pop(one, ())
        found[one] = columns[0] if len(columns) == 1 else None
        found[many] = columns if len(columns) > 1 else ()
    if isinstance(found.get("classes"), Mapping):
        found["class_lists"] = found.pop("classes")
    return found


def asked_of(evaluation: Evaluation) -> EvaluateOptions:
    """What would ask the same again of another version."""
    asked = evaluation.profile.question
    asking: EvaluateOptions = {
        "target": asked.targets or asked.target,
        "weight": asked.weight,
        "segments": asked.segments,
        "protected": [s for s in asked.segments if s.name in asked.protected],
        "key": asked.key,
        "costs": asked.costs or None,
        "weak_segments": asked.search is not None,
        "metrics": [m.ref for m in asked.custom],
    }
    if asked.level is not None:
        asking["level"] = asked.level
    if not asked.texts:
        asking["texts"] = False
    return asking


def completed(options: EvaluateOptions, default: EvaluateOptions) -> EvaluateOptions:
    """With the default where nothing is asked."""
    asked = {name: value for name, value in options.items() if value is not None and value not in ((), [], {})}
    return {**default, **asked}  # type: ignore[typeddict-item]  # a part of the options


def told_by(asked: Asked, version: Version | None, registry: Registry) -> Asked:
    """With what the version tells. InvalidInput where it contradicts."""
    if version is None:
        return asked
    if asked.task is not None and asked.task != version.task:
        raise InvalidInput(f"`{version.ref}` is {version.task}, and not {asked.task}", hint="leave the task out")
    if asked.classes and not same_classes(asked.classes, version.output.classes):
        known = ", ".join(map(str, version.output.classes))
        told = (
            f"the classes of `{version.ref}` are {known}"
            if known
            else f"`{version.ref}` is {version.task}, and has no classes"
        )
        raise InvalidInput(told, hint="leave them out")
    if asked.class_lists:
        raise InvalidInput(f"the classes of `{version.ref}` are known", hint="leave them out")
    check_threshold(asked.threshold, version)
    if asked.targets:
        return replace(asked, task=version.task, classes=tuple(version.output.classes))
    target = asked.target or registry.model(version.model).target
    return replace(asked, task=version.task, target=target, classes=tuple(version.output.classes))


def threshold_of(request: EvaluateRequest, version: Version | None) -> float | None:
    asked = request.asked.threshold
    return version.threshold if asked is None and version is not None else asked
