"""Templates: any JSON document with places for rows, filled column by column.

A text that begins with `$` is a place, and `$$` stands for a `$` that is meant. Of all rows:

    $records  $matrix  $by_column  $columns  $index  $rows  $column:NAME

Of each row, within `{"$each": …}`, which becomes a list of one item for each row:

    $record  $values  $value:NAME

Outside of `$each` these are the values of the one row of the request: such a template takes a row at a time. Of the call:
`$params`, `$param:NAME`, and `$identity`, which is the same for all tries of a request. `$input` as a key is the name of
the input. A member whose place has nothing to hold is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.errors import InvalidInput, near
from muster.signature import Json

__all__ = [
    "OMIT",
    "Rows",
    "each",
    "fill",
    "has_names",
    "is_positional",
    "problems",
    "takes_one_row",
    "takes_params",
]


class _Omit:
    def __repr__(self) -> str:
        return "OMIT"


OMIT: Final = _Omit()
"""In place of a value that is not sent."""

_EACH = "$each"
_ALL = ("$records", "$matrix", "$by_column", "$columns", "$index", "$rows")
_ROW = ("$record", "$values")
_CALL = ("$params", "$identity")
_NAMED = ("$column:", "$value:", "$param:")
_NAMING = ("$records", "$record", "$by_column", "$columns")
_POSITIONAL = ("$matrix", "$values", "$by_column", "$column:")


@dataclass(frozen=True, slots=True)
class Rows:
    """What there is to fill in: values by column, as JSON, with OMIT where one is not to be sent."""

    names: tuple[str, ...]
    columns: Sequence[Sequence[Any]]
    count: int
    params: Mapping[str, Json] = field(default_factory=dict)
    identity: str = ""
    input: str = ""
    sparse: bool = False

    def column(self, name: str) -> Sequence[Any]:
        if name not in self.names:
            told = near(name, self.names)
            raise InvalidInput(f"the template names the column `{name}`, which is not sent{told}", hint="mend its name")
        return self.columns[self.names.index(name)]

    def matrix(self) -> list[list[Any]]:
        return list(map(list, zip(*self.columns, strict=True))) if self.columns else [[] for _ in range(self.count)]

    def records(self) -> list[dict[str, Any]]:
        return _objects(self.names, self.columns, self.count, sparse=self.sparse)


def _objects(
    names: Sequence[str], columns: Sequence[Sequence[Any]], count: int, *, sparse: bool
) -> list[dict[str, Any]]:
    if not columns:
        return [{} for _ in range(count)]
    rows = zip(*columns, strict=True)
    if sparse:
        return [{n: v for n, v in zip(names, row, strict=True) if v is not OMIT} for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]


def fill(node: Json, rows: Rows) -> Any:
    """The document."""
    match node:
        case str() if node.startswith("$"):
            return _place(node, rows)
        case list():
            return [v for v in (fill(item, rows) for item in node) if v is not OMIT]
        case {"$each": inner, **rest} if not rest:
            return each(inner, rows)
        case dict():
            filled = ((_key(k, rows), fill(v, rows)) for k, v in node.items())
            return {k: v for k, v in filled if v is not OMIT}
    return node


def each(node: Json, rows: Rows) -> list[Any]:
    """One value for each row: whole columns at a time, since calling back for every row would cost the most."""
    match node:
        case str() if node.startswith("$") and not node.startswith("$$"):
            return _row_place(node, rows)
        case list() if node:
            return [list(items) for items in zip(*(each(item, rows) for item in node), strict=True)]
        case dict() if node and _EACH not in node:
            columns = [each(v, rows) for v in node.values()]
            sparse = rows.sparse or any(OMIT in c[:1] for c in columns)
            return _objects([_key(k, rows) for k in node], columns, rows.count, sparse=sparse)
    return list(itertools.repeat(fill(node, rows), rows.count))


def _row_place(node: str, rows: Rows) -> list[Any]:
    if node == "$record":
        return rows.records()
    if node == "$values":
        return rows.matrix()
    if node == "$index":
        return list(range(rows.count))
    if node.startswith("$value:"):
        return list(rows.column(node.removeprefix("$value:")))
    return list(itertools.repeat(_place(node, rows), rows.count))


def _place(node: str, rows: Rows) -> Any:
    if node.startswith("$$"):
        return node[1:]
    if node in _PLACES:
        return _PLACES[node](rows)
    if node.startswith("$column:"):
        return list(rows.column(node.removeprefix("$column:")))
    if node.startswith("$param:"):
        return rows.params.get(node.removeprefix("$param:"), OMIT)
    if rows.count != 1:
        raise InvalidInput(f"the template takes one row and not {rows.count:,}: `{node}` is outside of `$each`")
    return _row_place(node, rows)[0]


_PLACES: Mapping[str, Callable[[Rows], Any]] = {
    "$records": Rows.records,
    "$matrix": Rows.matrix,
    "$by_column": lambda rows: {n: list(c) for n, c in zip(rows.names, rows.columns, strict=True)},
    "$columns": lambda rows: list(rows.names),
    "$index": lambda rows: list(range(rows.count)),
    "$rows": lambda rows: rows.count,
    "$params": lambda rows: dict(rows.params) or OMIT,
    "$identity": lambda rows: rows.identity or OMIT,
}


def _key(key: str, rows: Rows) -> str:
    if key == "$input":
        return rows.input
    return key[1:] if key.startswith("$$") else key


def _places(node: Json, *, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Every place, and whether it is within `$each`; keys that look like one too."""
    match node:
        case str() if node.startswith("$") and not node.startswith("$$"):
            yield node, inside
        case list():
            for item in node:
                yield from _places(item, inside=inside)
        case {"$each": inner, **rest} if not rest:
            yield from ((_EACH, True),) if inside else ()
            yield from _places(inner, inside=True)
        case dict():
            yield from (
                (f"{k} as a key", inside) for k in node if k.startswith("$") and k[1:2] != "$" and k != "$input"
            )
            for value in node.values():
                yield from _places(value, inside=inside)


def problems(template: Json) -> list[str]:
    """What is wrong with a template, whatever the rows."""
    found, known = [], (*_ALL, *_ROW, *_CALL, *(f"{n}NAME" for n in _NAMED))
    for place, inside in _places(template):
        if place == _EACH:
            found.append("`$each` is within another `$each`")
        elif place not in known[:-3] and not any(place.startswith(n) and place != n for n in _NAMED):
            found.append(f"`{place}` is no place of a template{near(place, known)}")
        elif inside and (place in _ALL and place not in ("$index", "$columns", "$rows")):
            found.append(f"`{place}` is within `$each`, where it would be sent once for each row")
    if not found and not any(p not in _CALL and not p.startswith("$param:") for p, _ in _places(template)):
        found.append("the template has no place for rows")
    return found


def takes_one_row(template: Json) -> bool:
    """Whether a request can hold one row only."""
    return any(not inside and (p in _ROW or p.startswith("$value:")) for p, inside in _places(template))


def has_names(template: Json) -> bool:
    """Whether names of columns are sent: as a list of them, or as the keys of values, or each value has a place of its own."""
    places = [p for p, _ in _places(template)]
    return bool(places) and (
        any(p.startswith(_NAMING) for p in places) or not any(p.startswith(("$matrix", "$values")) for p in places)
    )


def takes_params(template: Json) -> bool:
    """Whether the parameters of a call have a place."""
    return any(p.startswith("$param") for p, _ in _places(template))


def is_positional(template: Json) -> bool:
    """Whether a value that is left out would move others."""
    return any(p.startswith(_POSITIONAL) for p, _ in _places(template)) or _lists_values(template)


def _lists_values(node: Json) -> bool:
    """Whether single values stand in a list."""
    match node:
        case list():
            return any((isinstance(v, str) and v.startswith("$value:")) or _lists_values(v) for v in node)
        case dict():
            return any(map(_lists_values, node.values()))
    return False
