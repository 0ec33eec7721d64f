"""Implementations by name: tables of `name → "module:Class"`, with those that other packages add by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from muster.errors import InvalidInput, near

__all__ = ["load", "named", "with_entry_points"]


def load(where: str) -> Any:
    """The object that `module:name` names."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)


def named(table: Mapping[str, str], name: str, what: str) -> Any:
    """The object of this name in a table; InvalidInput tells the near names."""
    if name not in table:
        raise InvalidInput(
            f"there is no {what} `{name}`{near(name, table)}",
            hint=f"there {'are' if len(table) > 1 else 'is'} {', '.join(table)}",
        )
    return load(table[name])


def with_entry_points(table: Mapping[str, str], group: str) -> Mapping[str, str]:
    """The table and what other packages add to it; Muster's own names cannot be taken over."""
    return {**{e.name: e.value for e in entry_points(group=group)}, **table}
