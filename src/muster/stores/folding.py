"""`casefold(column)` in SQL, equal to Python's `str.casefold` in every database.

SQLite calls Python's own. PostgreSQL's functions fold as its locale and release do, so it is told what becomes of each
character. Names are mostly ASCII, and those take the short way.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

__all__ = ["casefold"]


class casefold(GenericFunction[str]):  # noqa: N801  # the name of a function in SQL
    """A text without regard to case."""

    type = Text()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)


@compiles(casefold, "postgresql")
def _in_postgresql(element: casefold, compiler: Any, **options: Any) -> str:
    """ASCII by `lower`, which folds no more than that in the columns' collation; the long way only where something is left."""
    text = f"lower({compiler.process(element.clauses, **options)})"
    return f"CASE WHEN {text} ~ '[{_ranges()}]' THEN {_folded(text)} ELSE {text} END"


def _folded(text: str) -> str:
    alone, several = _characters()
    folded = f"translate({text}, '{''.join(alone)}', '{''.join(alone.values())}')"
    for character, become in several.items():
        folded = f"replace({folded}, '{character}', '{become}')"
    return folded


@cache
def _ranges() -> str:
    """Whatever folds, as the inside of a regular expression's brackets."""
    numbers = sorted(ord(c) for part in _characters() for c in part)
    first = [n for n in numbers if n - 1 not in numbers]
    last = [n for n in numbers if n + 1 not in numbers]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in zip(first, last, strict=True))


@cache
def _characters() -> tuple[dict[str, str], dict[str, str]]:
    """What beyond ASCII folds to one character, and what to several. None is a quote, a backslash or a percent sign."""
    folded = {c: c.casefold() for c in map(chr, range(0x80, sys.maxunicode + 1)) if c != c.casefold()}
    return (
        {c: f for c, f in folded.items() if len(f) == 1},
        {c: f for c, f in folded.items() if len(f) > 1},
    )
