"""What an event changed, in short: `tags.team: – → ops`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from muster.cli.text import cut, listed, scalar

if TYPE_CHECKING:
    from muster.records import Event
    from muster.signature import Json

__all__ = ["changes"]

_WIDEST = 32
_FIELDS = 4
_UNTOLD = frozenset({"format", "updated_at", "set_at", "set_by"})
"""Fields that change with every change."""


def changes(event: Event) -> str:
    """The fields that are other than before; nothing where all of a thing came or went."""
    if event.before is None or event.after is None:
        return ""
    told = [f"{name}: {_short(old)} → {_short(new)}" for name, old, new in _differing(event.before, event.after)]
    more = f", and {len(told) - _FIELDS} more" if len(told) > _FIELDS else ""
    return ", ".join(told[:_FIELDS]) + more


def _differing(
    before: Mapping[str, Json], after: Mapping[str, Json], path: str = ""
) -> Iterator[tuple[str, Json, Json]]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new or (not path and name in _UNTOLD):
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differing(old, new, f"{path}{name}.")
        else:
            yield f"{path}{name}", old, new


def _short(value: Json) -> str:
    match value:
        case list():
            return cut(listed(value), _WIDEST)
        case dict():
            return cut(listed(f"{k}={scalar(v)}" for k, v in value.items()), _WIDEST)
        case float():
            return f"{value:.6g}"
    return cut(scalar(value), _WIDEST)
