"""What an evaluation was asked, in words: by which evaluations are told apart where their figures are not of one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muster.profiles.question import Question
from muster.signature import Output, canonical

__all__ = ["differing_in", "told_question"]


def told_question(question: Question) -> Mapping[str, str]:
    """The `task`, the `target`, the `classes` in order, and the `weight`."""
    return {
        "task": question.output.task,
        "target": question.target,
        "classes": _classes(question.output),
        "weight": question.weight or "none",
    }


def differing_in(told: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """In what they are not all alike."""
    return tuple(name for name in (told[0] if told else ()) if len({one[name] for one in told}) > 1)


def _classes(output: Output) -> str:
    if output.targets:
        return "; ".join(f"{name}: {_classes(one)}" for name, one in output.targets.items())
    return ", ".join(map(canonical, output.classes)) or "a number"
