"""What columns are named for: one that is held against itself would always be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["twice_named"]


def twice_named(roles: Mapping[str, Sequence[str | None]]) -> list[str]:
    """Of each column that is named for several things, or twice for one, what these are; `roles` has the columns of each thing."""
    found: dict[str, list[str]] = {}
    for role, columns in roles.items():
        for column in columns:
            if column is not None:
                found.setdefault(column, []).append(f"as {role}")
    return [
        f"`{column}` is named {' and '.join(dict.fromkeys(named)) if len(set(named)) > 1 else f'twice {named[0]}'}"
        for column, named in found.items()
        if len(named) > 1
    ]
