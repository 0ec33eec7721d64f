"""The one renderer: a record, a list or a line, as text, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

from muster.cli.paint import Token, paint
from muster.cli.text import clean, count, cut, duration, exact, listed, scalar, size, when, width

if TYPE_CHECKING:
    from muster.cli.session import Session

__all__ = ["Column", "Sheet", "finite", "line", "show_line", "show_list", "show_script", "show_sheet", "table"]

T = TypeVar("T")
Kind: TypeAlias = Literal["text", "name", "whole", "seconds", "bytes", "probability", "state"]

_GAP = "  "
_LEAST = 8
_WIDEST = 200
_STATES: Mapping[str, Token] = {
    "done": "ok",
    "running": "accent",
    "queued": "quiet",
    "failed": "fail",
    "cancelled": "warn",
    "cut off": "warn",
}


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column of a table. Text may lose its middle to fit; a `name`, which people type, only where it is alone and still too
    wide; what is `whole`, numbers and times never do. `head` stands over it where people read, if not its name.
    """

    name: str
    value: Callable[[T], object]
    kind: Kind = "text"
    head: str = ""


def show_list(
    session: Session,
    items: Sequence[T],
    columns: Sequence[Column[T]],
    document: Callable[[T], object],
    *,
    cursor: str | None = None,
    **more: object,
) -> None:
    """A page of records. `more` are keys of the JSON beside `items` and `next`."""
    if session.format == "json":
        session.write(_json({"items": [document(i) for i in items], "next": cursor, **more}))
    elif session.format == "csv":
        session.write(_csv(items, columns))
    elif items:
        session.write(table(items, columns))


def show_sheet(session: Session, document: object, sheet: Callable[[], Sheet]) -> None:
    """One record, all of it."""
    session.write(_json(document) if session.format == "json" else sheet().text())


def show_line(session: Session, document: object, verb: str, *parts: str, to: str = "") -> None:
    """One finished thing: `scored  delays:1  28,243 rows  → scored/`."""
    if session.format == "json":
        session.write(_json(document))
    else:
        session.write(line(paint(verb, "fail" if verb == "failed" else "ok", sys.stdout), *parts, to=to))


def line(verb: str, *parts: str, to: str = "") -> str:
    """What `show_line` writes, for where it is talk."""
    return _GAP.join([verb, *(clean(p) for p in parts if p), *([f"→ {clean(to)}"] if to else [])])


def show_script(session: Session, script: str, shell: str) -> None:
    session.write(_json({"shell": shell, "script": script}) if session.format == "json" else script)


@dataclass(slots=True)
class Sheet:
    """A record for people: a title, then facts with their labels, tables among them."""

    title: str
    _rows: list[tuple[str, str]] = field(default_factory=list)

    def fact(self, label: str, *values: object) -> None:
        """A line of its own for each value that is there."""
        lines = [clean(str(v)) for v in values if v not in (None, "")]
        self._rows += [(label if n == 0 else "", line) for n, line in enumerate(lines)]

    def unknown(self, label: str, value: object) -> None:
        """A fact that people look for also where there is none."""
        self._rows.append((label, scalar(value)))

    def table(self, label: str, items: Sequence[T], columns: Sequence[Column[T]]) -> None:
        indent = self._indent()
        lines = table(items, columns, indent=indent).splitlines() if items else ["–"]
        self._rows += [(label if n == 0 else "", line) for n, line in enumerate(lines)]

    def text(self) -> str:
        indent = self._indent()
        lines = [f"{paint(label.ljust(indent), 'quiet', sys.stdout)}{value}".rstrip() for label, value in self._rows]
        return "\n".join([paint(self.title, "accent", sys.stdout), *lines])

    def _indent(self) -> int:
        return 14


def table(items: Sequence[T], columns: Sequence[Column[T]], *, indent: int = 0) -> str:
    """On a terminal cut to its width; elsewhere only what is wider than any table should be."""
    terminal = sys.stdout.isatty()
    now = datetime.now(UTC) if terminal else None
    cells = [[_cell(c.value(i), c.kind, now) for i in items] for c in columns]
    right = [_is_number(c, items) for c in columns]
    heads = [c.head or c.name for c in columns]
    widths = [max(map(width, [h, *column])) for h, column in zip(heads, cells, strict=True)]
    widths = [min(w, _WIDEST) if c.kind == "text" else w for w, c in zip(widths, columns, strict=True)]
    if terminal:
        room = shutil.get_terminal_size().columns - indent
        least = [_least(c, items, shown, w) for c, shown, w in zip(columns, cells, widths, strict=True)]
        widths = _fitted(widths, least, room)
        if len(widths) == 1 and columns[0].kind in ("text", "name") and not right[0]:
            widths = [min(widths[0], max(room, 1))]
    lines = [paint(_line(heads, widths, right), "quiet", sys.stdout)]
    lines += [_line(row, widths, right, [c.kind == "state" for c in columns]) for row in zip(*cells, strict=True)]
    return "\n".join(lines)


def _fitted(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """As many columns, from the first, as have room; among those the widest text gives first."""
    shown = len(widths)
    while shown > 1 and _line_width(least[:shown]) > room:
        shown -= 1
    fitted = list(widths[:shown])
    while _line_width(fitted) > room and fitted != list(least[:shown]):
        at = max((n for n in range(shown) if fitted[n] > least[n]), key=lambda n: fitted[n])
        fitted[at] -= 1
    return fitted


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _least(column: Column[T], items: Sequence[T], cells: Sequence[str], most: int) -> int:
    """How narrow a column may become: text to some characters, but to no less than its numbers and times take."""
    if column.kind != "text":
        return most
    values = map(column.value, items)
    fixed = [width(cell) for cell, value in zip(cells, values, strict=True) if isinstance(value, _UNCUT)]
    return min(most, max([_LEAST, width(column.head or column.name), *fixed]))


_UNCUT = (int, float, datetime)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], states: Sequence[bool] = ()) -> str:
    padded = []
    for place, (cell, most) in enumerate(zip(cells, widths, strict=False)):
        shown = cut(cell, most)
        space = " " * (most - width(shown))
        if states and states[place] and cell in _STATES:
            shown = paint(shown, _STATES[cell], sys.stdout)
        padded.append(space + shown if right[place] else shown + space)
    return _GAP.join(padded).rstrip()


def _is_number(column: Column[T], items: Sequence[T]) -> bool:
    if column.kind in ("seconds", "bytes"):
        return True
    values = [v for v in map(column.value, items) if v is not None]
    return bool(values) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _cell(value: object, kind: Kind, now: datetime | None) -> str:
    """As people read it; times relative to `now`, or exact."""
    if kind == "seconds" and isinstance(value, (int, float)):
        return duration(value)
    if kind == "probability" and isinstance(value, float):
        return f"{value:.3f}"
    if kind == "bytes" and isinstance(value, int):
        return size(value)
    match value:
        case bool():
            return scalar(value)
        case int():
            return count(value)
        case float():
            return f"{value:.6g}"
        case datetime():
            return exact(value) if now is None else when(value, now)
        case Mapping():
            return listed(f"{k}={scalar(v)}" for k, v in value.items())
        case list() | tuple():
            return listed(value)
    return scalar(value)


def _csv(items: Sequence[T], columns: Sequence[Column[T]]) -> str:
    """Values as they are: numbers plain, times exact, what is nested as JSON, what is not known empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([c.name for c in columns])
    writer.writerows([[_raw(c.value(i)) for c in columns] for i in items])
    return text.getvalue().removesuffix("\n")


def _raw(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return scalar(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case Mapping():
            return json.dumps(dict(value), ensure_ascii=False)
        case list() | tuple():
            return json.dumps(list(value), ensure_ascii=False)
    return value


def _json(document: object) -> str:
    return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False)


def finite(value: object) -> object:
    """JSON has no NaN and no infinity: they are null."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {k: finite(v) for k, v in value.items()}
        case list() | tuple():
            return [finite(v) for v in value]
    return value
