"""Lines of requirements, as a model's own files have them: any of them may be an option or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

__all__ = ["lacking", "name_of"]

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def name_of(line: str) -> str | None:
    """The package that a line asks for; None for an option, a comment or a place."""
    found = _NAME.match(line)
    rest = line[found.end() :].lstrip() if found else ""
    return canonicalize_name(found[1]) if found and (not rest or rest[0] in "[=<>!~;@(#") else None


def lacking(lines: Iterable[str], packages: Iterable[str]) -> list[str]:
    """Those of the packages that no line asks for."""
    known = {name_of(line) for line in lines}
    return [p for p in packages if name_of(p) not in known]
