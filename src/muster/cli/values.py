"""What people write in arguments, as values: pairs, classes, JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from muster.errors import InvalidInput

if TYPE_CHECKING:
    from muster.signature import Json, Scalar

__all__ = ["classes", "matrix", "names", "object_of", "pairs", "parts"]


def pairs(values: Sequence[str], flag: str, form: str = "KEY=VALUE") -> dict[str, str]:
    """`k=v` texts as a mapping; all that are none are named at once."""
    wrong = [v for v in values if not v.partition("=")[0] or "=" not in v]
    if wrong:
        told = ", ".join(f"`{v}`" for v in wrong)
        raise InvalidInput(
            f"{flag} does not take {told}", hint=f"write {f'{flag} ' if flag.startswith('-') else ''}{form}"
        )
    return {key: value for key, _, value in (v.partition("=") for v in values)}


def format_of(text: str | None, flag: str) -> Json:
    """A format's name, or its whole specification as JSON: a file, or the object itself."""
    if text is None:
        return "auto"
    return dict(object_of(text, flag)) if text.lstrip().startswith("{") or text.endswith(".json") else text


def names(values: Sequence[str]) -> tuple[str, ...]:
    """Names between commas; one that has a comma stands in double quotes."""
    return tuple(name.strip() for row in csv.reader(values, skipinitialspace=True) for name in row if name.strip())


def parts(values: Sequence[str]) -> tuple[str, ...]:
    """Names between commas, or one column with the edges to cut it at: `age:30,50`, `day:2024-01-01`."""
    return tuple(part for value in values for part in ([value] if _has_edges(value) else names([value])))


def _has_edges(text: str) -> bool:
    colons = [n for n, letter in enumerate(text) if letter == ":" and n]
    return any(all(_is_edge(edge) for edge in text[n + 1 :].split(",")) for n in colons)


def _is_edge(text: str) -> bool:
    """A number, or a date."""
    for read in (float, datetime.fromisoformat):
        try:
            read(text.strip())
        except ValueError:
            continue
        return True
    return False


def classes(text: str | None) -> tuple[Scalar, ...]:
    """Labels between commas, in order: all whole numbers, all of true and false, or text."""
    labels = names([text]) if text else ()
    if labels and all(_is_whole(label) for label in labels):
        return tuple(int(label) for label in labels)
    if labels and all(label in ("true", "false") for label in labels):
        return tuple(label == "true" for label in labels)
    return labels


def matrix(text: str | None, flag: str) -> list[list[float]] | None:
    """Rows of numbers as JSON; whether they fit is for others to see."""
    if text is None:
        return None
    try:
        found: list[list[float]] = json.loads(text)
    except ValueError:
        raise InvalidInput(f"{flag} does not take `{text}`", hint=f"write {flag} '[[0, 1], [5, 0]]'") from None
    return found


def classes_of(text: str | None) -> Sequence[Scalar] | Mapping[str, Sequence[Scalar]]:
    """The same, or a JSON object with a list for each target."""
    if text is None or not text.lstrip().startswith("{"):
        return classes(text)
    found = object_of(text, "--classes")
    wrong = [name for name, labels in found.items() if not isinstance(labels, list)]
    if wrong:
        raise InvalidInput(
            f"--classes has no list for {', '.join(f'`{n}`' for n in wrong)}", hint='write {"kind": ["a", "b"]}'
        )
    return {name: labels for name, labels in found.items() if isinstance(labels, list)}  # type: ignore[misc]  # the hub looks at each


def object_of(text: str, flag: str) -> Mapping[str, Json]:
    """A JSON object, written here or in a file."""
    given = text
    if not text.lstrip().startswith("{"):
        try:
            given = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise InvalidInput(
                f"{flag} cannot read `{text}`: {reason}", hint="give a JSON file, or a JSON object"
            ) from None
    try:
        value = json.loads(given)
    except ValueError as error:
        raise InvalidInput(f"{flag} is no JSON: {error}", hint="give a JSON file, or a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{flag} takes a JSON object, not {json.dumps(value)[:60]}", hint='write {"key": …}')
    return value


def _is_whole(text: str) -> bool:
    """Digits that say the same as a number: `007` is a text."""
    return text.removeprefix("-").isdecimal() and str(int(text)) == text
