"""The texts within a chart, changed one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["changed", "drawable"]

_UNDRAWABLE = dict.fromkeys(
    (c for c in (*range(0x20), 0xFFFE, 0xFFFF) if chr(c) not in "\t\n\r"), "\N{REPLACEMENT CHARACTER}"
)


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """A structure with every text in it changed, names of fields too, so that what is called by its name is still found."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): changed(item, change) for name, item in value.items()}
    return [changed(item, change) for item in value] if isinstance(value, (list, tuple)) else value


def drawable(spec: Any) -> Any:
    """Without the characters that no XML holds: at one of them vl-convert ends the whole process."""
    return changed(spec, lambda text: text.translate(_UNDRAWABLE))
