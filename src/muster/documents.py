"""Records as the JSON in which they are stored, and back.

A document names its format first. Reading takes what an earlier release wrote; what a later one wrote is refused.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import TypeAlias, TypeVar

from muster.errors import Corrupt, TooNew
from muster.records import Record, Version
from muster.signature import Json, Output, Signature

__all__ = ["document", "restore"]

R = TypeVar("R")


def document(record: object) -> dict[str, Json]:
    """A record as JSON, with its format first. `aliases` of a version are left out: they are records of their own."""
    body = _encode(record)
    assert isinstance(body, dict)
    if isinstance(record, Version):
        body.pop("aliases")
    if isinstance(record, Record) and hasattr(record, "KIND"):
        return {"format": f"muster.{record.KIND}/{record.FORMAT}", **body}
    return body


def restore(kind: type[R], body: Mapping[str, Json]) -> R:
    """The record that `document` wrote, also by an earlier release; a later release's is refused."""
    if isinstance(kind, type) and issubclass(kind, Record) and "format" in body:
        name, _, version = str(body["format"]).rpartition("/")
        if name != f"muster.{kind.KIND}" or not version.isdigit():
            raise Corrupt(f"expected a muster.{kind.KIND} document, found `{body['format']}`")
        if int(version) > kind.FORMAT:
            raise TooNew(f"this {kind.KIND} was written as `{body['format']}`", hint="upgrade Muster to read it")
    value = _build(kind, body)
    assert isinstance(value, kind)
    return value


_PLAIN = frozenset({bool, int, float, str, type(None)})
_Decoder: TypeAlias = Callable[[object], object]


def _encode(value: object) -> Json:
    if type(value) in _PLAIN:
        return value  # type: ignore[return-value]  # one of the plain types
    match value:
        case bool() | int() | float() | str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
        case Signature() | Output():
            return value.to_json()
        case list() | tuple():
            return [_encode(v) for v in value]
        case Mapping():
            return {str(k): _encode(v) for k, v in value.items()}
    assert is_dataclass(value), value
    assert not isinstance(value, type), value
    return {name: _encode(getattr(value, name)) for name in _names(type(value))}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


@cache
def _decoder(hint: object) -> _Decoder | None:
    """How a stored value becomes the annotated type `hint`; None where it is that already. Found once for each type."""
    if hint is Signature or hint is Output:
        return typing.cast(_Decoder, hint.from_json)
    if hint is datetime:
        return _time
    if isinstance(hint, type) and is_dataclass(hint):
        return partial(_build, hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        inner = _decoder(arguments[0])
        return partial(_tuple, inner)
    if origin in (typing.Union, types.UnionType) and type(None) in arguments:
        inner = _decoder(next(a for a in arguments if a is not type(None))) if len(arguments) == 2 else None
        return None if inner is None else lambda value: None if value is None else inner(value)
    return None


def _tuple(inner: _Decoder | None, values: object) -> tuple[object, ...]:
    assert isinstance(values, list)
    return tuple(values) if inner is None else tuple(map(inner, values))


def _time(value: object) -> datetime:
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)


@cache
def _plan(kind: type) -> tuple[tuple[tuple[str, _Decoder | None], ...], frozenset[str]]:
    """Each field with its decoder, and the fields that must be there."""
    hints = typing.get_type_hints(kind)
    required = frozenset(f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
    return tuple((name, _decoder(hints[name])) for name in _names(kind)), required


def _build(kind: type, body: object) -> object:
    """Unknown keys are left out, missing ones take their default."""
    assert isinstance(body, dict)
    plan, required = _plan(kind)
    if missing := sorted(required - body.keys()):
        raise Corrupt(f"a stored {kind.__name__} lacks {', '.join(missing)}")
    return kind(**{n: body[n] if decode is None else decode(body[n]) for n, decode in plan if n in body})
