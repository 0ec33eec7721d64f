"""What figures are of: those of different things are not held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from muster.classes import same_classes
from muster.signature import Output, Scalar, canonical

if TYPE_CHECKING:
    from muster.evaluation.result import Evaluation

__all__ = ["Kind", "unlike"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is what it is called where it does not fit. `target` is None where it is not known before rows are read; `each` says that
    each output has a column of its own, named there.
    """

    name: str
    task: str
    target: str | None
    classes: tuple[Scalar, ...]
    targets: Mapping[str, tuple[str, Sequence[Scalar]]]
    each: bool = False

    @classmethod
    def of(cls, name: str, output: Output, target: str | None, *, each: bool = False) -> Self:
        targets = {n: (one.task, [canonical(c) for c in one.classes]) for n, one in output.targets.items()}
        return cls(name, output.task, target, output.classes, targets, each)

    @classmethod
    def of_evaluation(cls, evaluation: Evaluation) -> Self:
        asked = evaluation.profile.question
        return cls.of(evaluation.id, asked.output, asked.target, each=bool(asked.targets))


def unlike(one: Kind, other: Kind) -> str:
    """Why the two cannot be compared at all; empty where they can."""
    if one.task != other.task:
        return f"{other.name} is of the task {other.task}, and {one.name} of {one.task}"
    wrong = []
    # Where one has a column for each and one a column for all, what labels and targets are called tells more, below.
    if None not in (one.target, other.target) and one.each == other.each and one.target != other.target:
        wrong.append(f"the target of {other.name} is `{other.target}`, and that of {one.name} `{one.target}`")
    if not same_classes(one.classes, other.classes):
        first, second = (", ".join(map(str, kind.classes)) for kind in (one, other))
        wrong.append(f"the classes of {other.name} are {second}, and those of {one.name} {first}")
    if one.targets != other.targets:
        told = f"{', '.join(other.targets)}, and those of {one.name} {', '.join(one.targets)}, or of other kinds"
        wrong.append(f"the targets of {other.name} are {told}")
    return "; ".join(wrong)
