"""What a store knows of a kind of record: its key, the fields that lists use, and the row that a record becomes."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, TypeGuard, TypeVar

from muster.documents import restore
from muster.errors import Corrupt, InvalidInput
from muster.records import KINDS, Record
from muster.signature import Json

__all__ = ["Cell", "Field", "Row", "Shape", "can_be_kept", "check_text", "decode", "encode", "fold", "row", "shape"]

Cell: TypeAlias = str | int | None
R = TypeVar("R", bound=Record)

_LARGEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the key or of lists. A time is kept as the fixed-width text of its document, which sorts as time does."""

    name: str
    type: Literal["text", "integer", "time"]
    nullable: bool


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """`fields` are those of the key and of lists; `unique` is one besides the key whose values never repeat.

    There is one Shape of each kind.
    """

    name: str
    kind: type[Record]
    key: tuple[Field, ...]
    types: tuple[type, ...]
    fields: Mapping[str, Field]
    unique: str | None
    tags: str

    def identify(self, key: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """`key` if it can be one of this kind."""
        if tuple(map(type, key)) == self.types:
            return key
        wanted = ", ".join(f"{f.name} ({f.type})" for f in self.key)
        raise InvalidInput(f"{key!r} is no key in `{self.name}`", hint=f"give: {wanted}")

    def subject(self, key: tuple[str | int, ...]) -> str:
        """How events and messages name one: `model/churn`, `version/churn:3`, `alias/churn@champion`, `run/<id>`."""
        return f"{self.name}/{('@' if self.name == 'alias' else ':').join(map(str, key))}"


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it is stored."""

    key: tuple[str | int, ...]
    cells: Mapping[str, Cell]
    tags: Mapping[str, str]
    body: Mapping[str, Json]
    text: str


def shape(kind: type[Record]) -> Shape:
    """The shape of a kind that is stored."""
    known = _SHAPES.get(getattr(kind, "KIND", ""))
    if known is None or known.kind is not kind:
        raise InvalidInput(
            f"`{kind.__name__}` is no kind of record that is stored", hint=f"the kinds are {', '.join(_SHAPES)}"
        )
    return known


def _shape(name: str, kind: type[Record]) -> Shape:
    hints = typing.get_type_hints(kind)
    found = {n: _field(n, hints[n]) for n in dict.fromkeys((*kind.KEY, *kind.INDEXED))}
    key = tuple(found[n] for n in kind.KEY)
    return Shape(
        name=name,
        kind=kind,
        key=key,
        types=tuple(int if f.type == "integer" else str for f in key),
        fields=found,
        unique="id" if "id" in found and "id" not in kind.KEY else None,
        tags=kind.TAGS if kind.TAGS in hints else "",
    )


def _field(name: str, hint: object) -> Field:
    arguments = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    plain = next(a for a in arguments if a is not type(None))
    kinds: Mapping[object, Literal["text", "integer", "time"]] = {int: "integer", datetime: "time"}
    return Field(name, kinds.get(plain, "text"), type(None) in arguments)


def row(shape: Shape, body: Mapping[str, Json]) -> Row:
    """The row of a document; whatever no store could keep is refused, all of it at once."""
    cells: dict[str, Cell] = {}
    tags: dict[str, str] = {}
    wrong = []
    for name, field in shape.fields.items():
        cell = body[name]
        if _fits(cell, field):
            cells[name] = cell
        else:
            wrong.append(f"`{name}` cannot be {cell!r}")
    given = body[shape.tags] if shape.tags else {}
    assert isinstance(given, dict)
    for key, value in given.items():
        if isinstance(value, str) and check_text(key) and check_text(value):
            tags[key] = value
        else:
            wrong.append(f"no tag can be {key!r}={value!r}")
    if wrong:
        raise InvalidInput(f"this {shape.name} cannot be stored: {'; '.join(wrong)}", hint=_STORABLE)
    identity = tuple(cells[f.name] for f in shape.key)
    assert _complete(identity)
    return Row(identity, cells, tags, body, encode(shape, body))


_STORABLE = "give Unicode text without NUL, whole numbers below 2^63, and finite numbers elsewhere"


def _complete(key: tuple[Cell, ...]) -> TypeGuard[tuple[str | int, ...]]:
    return None not in key


def _fits(cell: Json, field: Field) -> TypeGuard[Cell]:
    if cell is None:
        return field.nullable
    if field.type == "integer":
        return type(cell) is int and -_LARGEST <= cell < _LARGEST
    return isinstance(cell, str) and check_text(cell)


def check_text(text: str) -> bool:
    """Whether every database can keep it: no NUL, no half of a surrogate pair."""
    if "\0" in text:
        return False
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return False
    return True


def can_be_kept(value: str | int) -> bool:
    """Whether a key may have it: whatever else is asked for is not there, and no database need be asked."""
    return check_text(value) if isinstance(value, str) else -_LARGEST <= value < _LARGEST


def encode(shape: Shape, body: Mapping[str, Json]) -> str:
    """The text of a document."""
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.isascii() or text.encode()
    except ValueError as error:
        raise InvalidInput(f"this {shape.name} cannot be stored: {error}", hint=_STORABLE) from None
    return text


def decode(kind: type[R], text: str) -> R:
    """The record whose document is `text`."""
    try:
        return restore(kind, json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, RecursionError):
        raise Corrupt(
            f"a stored {shape(kind).name} is not what was written: {text[:200]}",
            hint="restore a backup; `muster event verify` tells more",
        ) from None


def fold(text: str) -> str:
    """Text without regard to case. Every store uses this one, because no two databases agree on what case is."""
    return text.casefold()


_SHAPES: Mapping[str, Shape] = {name: _shape(name, kind) for name, kind in KINDS.items()}
