"""Numbers, times and names as a person reads them in a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from muster.errors import plural

__all__ = [
    "clean",
    "count",
    "cut",
    "duration",
    "exact",
    "listed",
    "percent",
    "plural",
    "scalar",
    "size",
    "when",
    "width",
]

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def count(number: int) -> str:
    """Digits in groups of three: 28,243."""
    return f"{number:,}"


def percent(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "0%"


def duration(seconds: float) -> str:
    """31 ms, 4.1 s, 3 min 20 s, 2 h 5 min."""
    if 0 < seconds < 0.0995:
        return f"{max(seconds * 1_000, 1):.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{count(whole // _HOUR)} h {whole % _HOUR // _MINUTE} min"


def size(number: int) -> str:
    """Bytes in steps of a thousand: 3.2 MB."""
    value, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1_000
        units.pop(0)
    return f"{number} B" if units[0] == "B" else f"{value:.{1 if value < 99.95 else 0}f} {units[0]}"


def exact(time: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(time: datetime, now: datetime) -> str:
    """How long ago; after a month the date."""
    ago = int((now - time).total_seconds())
    if ago < 0 or ago >= 30 * _DAY:
        return time.astimezone(UTC).strftime("%Y-%m-%d")
    for unit, name in ((_DAY, "day"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s")):
        if ago >= unit:
            return f"{plural(ago // unit, name) if name == 'day' else f'{ago // unit} {name}'} ago"
    return "now"


def scalar(value: object) -> str:
    """A value as it is written in JSON, text without quotes; nothing known is a dash, which no number looks like."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    return clean(str(value))


def listed(values: Iterable[object], most: int = 12) -> str:
    """The first values, and how many there are where that is not all."""
    all_of_them = [scalar(v) for v in values]
    if not all_of_them:
        return "–"
    more = f", … {count(len(all_of_them))} in all" if len(all_of_them) > most else ""
    return ", ".join(all_of_them[:most]) + more


def clean(text: str) -> str:
    """One line without control characters: what others wrote can neither break a table nor steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else " " if c in "\n\r\t" or unicodedata.category(c) == "Zs" else "�" for c in text
    )


def width(text: str) -> int:
    """Columns that a terminal gives it."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def cut(text: str, most: int) -> str:
    """At most `most` columns wide: the middle goes first, as names differ at both ends."""
    if width(text) <= most:
        return text
    head, tail = most - 1 - (most - 1) // 2, (most - 1) // 2
    return f"{_first(text, head)}…{_first(text[::-1], tail)[::-1]}"


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _first(text: str, most: int) -> str:
    used = 0
    for place, character in enumerate(text):
        used += _cells(character)
        if used > most:
            return text[:place]
    return text
