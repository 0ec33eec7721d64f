"""What stands in the way of evaluating a version in the act that registers it: told before anything is registered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from muster.errors import InvalidInput, near
from muster.evaluation.result import Goal
from muster.metrics.goals import GOALS, parsed_goal
from muster.records import Model
from muster.signature import Task

__all__ = ["check_labelled"]


def check_labelled(
    names: Sequence[str] | None, model: Model | None, target: str | None, task: Task | None, goal: Goal | None
) -> None:
    """InvalidInput names all of it at once. `names` are the columns of the data, None where there are none; `model` is the one that
    the version is to be of, where it is there already.
    """
    if names is None:
        if goal is not None:
            hint = "name them with `evaluate=` (--evaluate)"
            raise InvalidInput("a threshold is optimised on labelled data", hint=hint)
        return
    target = target or (None if model is None else model.target)
    wrong = list(_wrong_target(names, target))
    hint = "name the column with the actual values with `target=` (--target)" if wrong else GOALS
    if goal is not None:
        wrong += _wrong_goal(goal, task or (None if model is None else model.task))
    if wrong:
        raise InvalidInput(f"the version cannot be evaluated: {'; '.join(wrong)}", hint=hint)


def _wrong_target(names: Sequence[str], target: str | None) -> Iterator[str]:
    if target is None:
        yield "the target is not known"
    elif target not in names:
        yield f"the target `{target}` is no column of the data{near(target, names)}"


def _wrong_goal(goal: Goal, task: Task | None) -> Iterator[str]:
    if task is not None and task != "binary":
        yield f"a threshold is of two classes, and the model is {task}"
    if goal == "cost":
        yield "`cost` is a goal with costs, and there are none: give them as the goal, `[[0, 1], [5, 0]]`"
        return
    try:
        parsed_goal(goal)
    except InvalidInput as fault:
        yield fault.message
