"""What people type as arguments in Python, as plain values: numpy's and Arrow's scalars and arrays as Python's own.

What is of another kind is told with what is wanted, everything at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from muster.classes import classes_of, listed, plain
from muster.errors import InvalidInput, near

__all__ = [
    "BY_NAME", "CLASSES", "CLASS_LIST", "COLUMN", "COLUMNS", "FLAG", "FUNCTION", "GOAL", "KEEP", "LABELS", "MATRIX", "NUMBER",
    "OBJECT", "PATH", "SEGMENTS", "TEXT", "TEXTS", "WHOLE", "Kind", "read", "read_one",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What an argument takes, in words; `read` gives it as a plain value, or raises TypeError or ValueError where it is another."""

    wanted: str
    read: Callable[[Any], Any]


def read(given: Mapping[str, object], kinds: Mapping[str, Kind], *, noun: str = "option") -> dict[str, Any]:
    """The arguments that were given, but for those that are None. InvalidInput tells all that there are not, and all of another kind."""
    wrong = [f"there is no {noun} `{n}`{near(n, kinds)}" for n in given if n not in kinds]
    hints = [f"{noun}s are {', '.join(kinds)}"] if wrong else []
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or name not in kinds:
            continue
        try:
            found[name] = kinds[name].read(value)
        except InvalidInput as error:
            wrong.append(error.message)
            hints.append(error.hint)
        except (TypeError, ValueError, OverflowError):
            wrong.append(f"`{name}` takes {kinds[name].wanted}, and not {value!r:.60}")
            hints.append("give values of the kinds that are named")
    if wrong:
        raise InvalidInput("; ".join(wrong), hint="; ".join(dict.fromkeys(hints)))
    return found


def read_one(name: str, value: object, kind: Kind) -> Any:
    """One argument that has to be there; InvalidInput where it is of another kind."""
    if value is None:
        raise InvalidInput(f"`{name}` takes {kind.wanted}, and not None", hint="give a value of the kind that is named")
    return read({name: value}, {name: kind})[name]


def _text(value: object) -> str:
    if not isinstance(found := plain(value), str):
        raise TypeError
    return found


def _number(value: object) -> float:
    if isinstance(found := plain(value), bool) or not isinstance(found, (int, float, Decimal)):
        raise TypeError
    return float(found)


def _whole(value: object) -> int:
    if isinstance(found := plain(value), bool) or not isinstance(found, int):
        raise TypeError
    return found


def _flag(value: object) -> bool:
    if not isinstance(found := plain(value), bool):
        raise TypeError
    return found


def _path(value: object) -> str:
    return os.fspath(value) if isinstance(value, os.PathLike) else _text(value)


def _texts(value: object) -> tuple[str, ...]:
    """One of them stands for a list of it."""
    if isinstance(value, (str, Mapping)) or (found := listed(value)) is None:
        return (_text(value),)
    return tuple(_text(v) for v in found)


def _keep(value: object) -> str | tuple[str, ...]:
    return "all" if isinstance(value, str) and value == "all" else _texts(value)


def _numbers(value: object) -> tuple[float, ...]:
    if isinstance(value, (str, Mapping)) or (found := listed(value)) is None:
        raise TypeError
    return tuple(_number(v) for v in found)


def _segments(value: object) -> tuple[object, ...]:
    if isinstance(value, (str, Mapping)):
        return (_segment(value),)
    found = listed(value)
    if found is None:
        raise TypeError
    return tuple(_segment(v) for v in found)


def _segment(value: object) -> object:
    """Whether edges are any, and fit the column, is for others to see."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {_text(c): edges if isinstance(edges, str) else tuple(listed(edges) or ()) for c, edges in value.items()}
    if hasattr(value, "columns") and hasattr(value, "edges"):  # as an evaluation has it
        return value
    if (found := listed(value)) is None:
        raise TypeError
    return tuple(_text(v) for v in found)


def _labels(value: object) -> dict[str, str]:
    """Numbers and truth values stand as they are written."""
    if not isinstance(value, Mapping) or any(not isinstance(plain(v), (str, int, float)) for v in value.values()):
        raise TypeError
    return {_text(k): str(plain(v)) for k, v in value.items()}


def _by_name(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(k): _text(v) for k, v in value.items()}


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(k): plain(v) for k, v in value.items()}


def _matrix(value: object) -> tuple[tuple[float, ...], ...]:
    if isinstance(value, (str, Mapping)) or (rows := listed(value)) is None:
        raise TypeError
    return tuple(_numbers(row) for row in rows)


def _goal(value: object) -> str | tuple[tuple[float, ...], ...]:
    return value if isinstance(value, str) else _matrix(value)


def _classes(value: object) -> object:
    if isinstance(value, Mapping):
        return {_text(name): classes_of(labels) for name, labels in value.items()}
    return classes_of(value)


def _function(value: object) -> object:
    if not callable(value):
        raise TypeError
    return value


TEXT = Kind("a text", _text)
TEXTS = Kind("a list of texts", _texts)
COLUMN = Kind("the name of one column", _text)
COLUMNS = Kind("the name of a column, or a list of them", _texts)
KEEP = Kind("columns that are kept, or `all`", _keep)
NUMBER = Kind("a number", _number)
WHOLE = Kind("a whole number", _whole)
FLAG = Kind("true or false", _flag)
PATH = Kind("a path", _path)
SEGMENTS = Kind("a list of columns, each as `a`, `a*b`, `a:10,20`, ['a', 'b'] or {'a': [10, 20]}", _segments)
LABELS = Kind("texts by name, as {'month': '2'}", _labels)
BY_NAME = Kind("columns of the data by those of the model, as {'age': 'years'}", _by_name)
OBJECT = Kind("values by name, as {'days': 3}", _object)
MATRIX = Kind("rows of numbers, as [[0, 1], [5, 0]]", _matrix)
GOAL = Kind("a metric (`f1`), a limit (`recall>=0.9`), or a cost matrix [[0, 1], [5, 0]]", _goal)
CLASS_LIST = Kind("a list in order", classes_of)
CLASSES = Kind("a list in order, or one for each target by name", _classes)
FUNCTION = Kind("a function", _function)
