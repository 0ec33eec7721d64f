"""What SageMaker asks of the members of a request, and how it says that one is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from muster.testing.endpoints.refusal import Refused

__all__ = ["Check", "checked", "each", "structure", "text", "texts", "whole", "word"]

Check: TypeAlias = Callable[[Any, str], Iterator[str]]
"""Takes a value and where it stands, and gives what is wrong with it."""


def checked(asked: Any, check: Check) -> None:
    """Refuse a request with all that is wrong with it."""
    found = list(check(asked, ""))
    if found:
        many = "errors" if len(found) > 1 else "error"
        raise Refused("invalid", f"{len(found)} validation {many} detected: {'; '.join(found)}")


def structure(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """The service passes over members that it does not know; here they are errors, since whoever sends one means something by it."""
    known = {**required, **(optional or {})}

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield from _fails(value, at, "Member must be a structure")
            return
        for name in required:
            if value.get(name) is None:
                yield from _fails(None, _below(at, name), "Member must not be null")
        for name, inner in value.items():
            if name not in known:
                yield from _fails(inner, _below(at, name), "Member is not known")
            elif inner is not None:
                yield from known[name](inner, _below(at, name))

    return check


def text(pattern: str = ".*", most: int = 1024) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield from _fails(value, at, "Member must be a string")
        elif len(value) > most:
            yield from _fails(value, at, f"Member must have length less than or equal to {most}")
        elif not re.fullmatch(pattern, value):
            yield from _fails(value, at, f"Member must satisfy regular expression pattern: {pattern}")

    return check


def word(*known: str) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if value not in known:
            yield from _fails(value, at, f"Member must satisfy enum value set: [{', '.join(known)}]")

    return check


def whole(least: int, most: int | None = None) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield from _fails(value, at, "Member must be an integer")
        elif value < least:
            yield from _fails(value, at, f"Member must have value greater than or equal to {least}")
        elif most is not None and value > most:
            yield from _fails(value, at, f"Member must have value less than or equal to {most}")

    return check


def texts(most: int) -> Check:
    """A map of texts."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            yield from _fails(value, at, "Member must be a map of strings")
        elif len(value) > most:
            yield from _fails(value, at, f"Member must have length less than or equal to {most}")

    return check


def each(member: Check, most: int) -> Check:
    """A list."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) > most:
            yield from _fails(value, at, f"Member must be a list of at most {most}")
            return
        for number, one in enumerate(value, 1):
            yield from member(one, f"{at}.{number}.member")

    return check


def _fails(value: Any, at: str, constraint: str) -> Iterator[str]:
    given = "null" if value is None else f"'{value}'"
    yield f"Value {given} at '{at}' failed to satisfy constraint: {constraint}"


def _below(at: str, name: str) -> str:
    return f"{at}{'.' if at else ''}{name[0].lower()}{name[1:]}"
