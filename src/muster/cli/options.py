"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["mapping_option", "params_option", "reason_option", "tag_option", "threshold_option", "yes_option"]

F = TypeVar("F", bound=Callable[..., Any])


def reason_option(function: F) -> F:
    return click.option("--reason", default="", help="Why, for the audit trail.")(function)


def yes_option(function: F) -> F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def tag_option(function: F) -> F:
    return click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag. May be repeated.")(function)


def mapping_option(function: F) -> F:
    text = "A column of the model is called so in the data. May be repeated."
    return click.option("--map", "mapping", multiple=True, metavar="MODEL=DATA", help=text)(function)


def params_option(function: F) -> F:
    text = "A parameter of the model. May be repeated."
    return click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help=text)(function)


def threshold_option(function: F) -> F:
    text = "The probability from which a row is positive."
    return click.option("--threshold", type=float, metavar="P", help=text)(function)
