"""What a threshold is to be best for, as people type it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike

from muster.errors import InvalidInput, near
from muster.metrics.costs import cost_matrix
from muster.metrics.threshold_table import COLUMNS
from muster.profiles.keys import Floats

__all__ = ["GOALS", "Limit", "Parsed", "parsed_goal"]

GOALS = "give a metric (f1, mcc, …), `recall>=0.9`, `precision>=0.8`, `alerts<=1000`, or a cost matrix"

_LIMIT = re.compile(r"\s*(recall|precision|alerts)\s*(>=|<=)\s*([0-9.eE+-]+)\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """At least so much recall or precision, or at most so many alerts."""

    of: Literal["recall", "precision", "alerts"]
    number: float


Parsed: TypeAlias = "str | Limit | Floats"
"""The name of a metric, a limit, or costs of a row by actual and predicted class."""


def parsed_goal(goal: str | ArrayLike) -> Parsed:
    """InvalidInput where it is none."""
    if not isinstance(goal, str):
        return cost_matrix(goal, 2)
    if goal.lstrip().startswith("["):
        return cost_matrix(_costs(goal), 2)
    if (limit := _LIMIT.fullmatch(goal)) is not None:
        return _limit(goal, limit)
    name = goal.strip()
    if name not in COLUMNS:
        raise InvalidInput(f"no goal `{goal}`{near(name, COLUMNS)}", hint=GOALS)
    return name


def _costs(goal: str) -> ArrayLike:
    try:
        found: ArrayLike = json.loads(goal)
    except ValueError:
        raise InvalidInput(f"`{goal}` is no cost matrix", hint="write it as [[0, 1], [5, 0]]") from None
    return found


def _limit(goal: str, limit: re.Match[str]) -> Limit:
    of, sign, text = limit.groups()
    try:
        number = float(text)
    except ValueError:
        raise InvalidInput(f"`{text}` in `{goal}` is no number", hint=GOALS) from None
    if sign != ("<=" if of == "alerts" else ">="):
        raise InvalidInput(f"`{goal}` limits {of} from the wrong side", hint=GOALS)
    if number < 0 or (of != "alerts" and number > 1) or not np.isfinite(number):
        raise InvalidInput(f"`{text}` in `{goal}` is out of range", hint="recall and precision lie within 0 and 1")
    return Limit(cast(Literal["recall", "precision", "alerts"], of), number)
