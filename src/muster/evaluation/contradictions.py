"""What cannot be asked together: a column that stands for two things, and options that go with another task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from muster.signature import Output, canonical

if TYPE_CHECKING:
    from muster.evaluation.asking import Asked

__all__ = ["named_twice", "wrong_named", "wrong_together"]


def named_twice(asked: Asked) -> list[str]:
    """Columns that stand twice where each is to be another one; of other lists `twice_named` tells it."""
    lists = {"the key": asked.key, "the interval": asked.interval}
    return [
        f"`{name}` is named twice as {what}"
        for what, names in lists.items()
        for name, times in Counter(names).items()
        if times > 1
    ]


def wrong_together(
    asked: Asked, output: Output, prediction: str | None, interval: Sequence[str], *, scored: bool
) -> list[str]:
    """Of a single output: what goes with another task than this one."""
    wrong = []
    if asked.class_lists:
        wrong.append(
            f"classes by name go with several targets, and a {output.task} evaluation has one: list them in order"
        )
    if output.task != "regression":
        return wrong + _wrong_count_of_classes(output)
    if asked.classes:
        wrong.append(f"a regression has no classes, and {', '.join(map(str, asked.classes))} are named")
    if asked.probabilities:
        wrong.append(f"a regression has no probabilities, and {', '.join(asked.probabilities)} are named")
    if scored and prediction is None:
        wrong.append("a regression needs predicted numbers: name their column (`prediction=`, --prediction)")
    if scored and asked.level is not None and not interval:
        wrong.append("a level goes with predicted intervals: name the columns of their ends (`interval=`, --interval)")
    return wrong


def wrong_named(asked: Asked, output: Output) -> list[str]:
    """Of several: labels stand in one list, and classes by the targets they are of."""
    if output.task == "multilabel" and asked.class_lists:
        return ["classes by name go with several targets, and labels are one list in order"]
    if output.task == "multioutput" and asked.classes:
        return [f"classes of several targets are named by target, and {', '.join(map(str, asked.classes))} by none"]
    return []


def _wrong_count_of_classes(output: Output) -> list[str]:
    named = ", ".join(map(str, output.classes))
    twice = [
        c for c, times in Counter(map(canonical, output.classes)).items() if times > 1
    ]  # as `probability_1`, `probability_1.0`
    if twice:
        return [f"the classes {named} name {', '.join(f'`{c}`' for c in twice)} more than once"]
    if output.task != "binary" or len(output.classes) == 2:
        return []
    return [f"binary has two classes, and these are {len(output.classes)}: {named}"]
