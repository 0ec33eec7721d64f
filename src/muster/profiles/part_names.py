"""What a value is called where rows are told apart by it."""

from __future__ import annotations

import json

__all__ = ["CROSS", "MISSING", "part_name"]

MISSING = "missing"
"""The part of rows without a value."""
CROSS = "×"
"""Between the names of the values of several columns."""


def part_name(text: str) -> str:
    """A text as it is, or in quotes where it would be taken for something else: for a missing value, for those of several columns, or
    for another text.
    """
    clear = text and text == text.strip() and text.isprintable()
    if clear and text != MISSING and text[0] != '"' and CROSS not in text:
        return text
    return json.dumps(text, ensure_ascii=False)
