"""What a query asks, checked once for all stores; and the cursor that says where a page ended."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from muster.errors import InvalidInput, near, shortened
from muster.signature import Json
from muster.store import Condition, Op, Query, Sort
from muster.stores.shape import Cell, Field, Shape, check_text, fold

__all__ = ["Order", "Plan", "Term", "plan", "terms"]

_OPS = frozenset({"=", "!=", "<", "<=", ">", ">=", "~", "in"})
_MOST = 10_000
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Term:
    """A condition with the value as it is stored. `field` is None for that of a tag; the value of `~` is folded, that of `in` a list."""

    name: str
    field: Field | None
    op: Op
    value: Cell | tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Nulls come last, whichever way."""

    field: Field
    descending: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A query that can be answered. `order` ends with the whole key, so that no two records are equal in it."""

    shape: Shape
    terms: tuple[Term, ...]
    order: tuple[Order, ...]
    limit: int
    after: tuple[Cell, ...] | None

    def cursor(self, body: Mapping[str, Json]) -> str:
        """The `next` of a page whose last record has this document."""
        place = [_print(self.shape, self.terms, self.order), *(body[o.field.name] for o in self.order)]
        return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def plan(shape: Shape, query: Query) -> Plan:
    """Check a query; everything that is wrong with it is told at once."""
    wrong: list[str] = []
    where = list(_terms(shape, query.where, wrong))
    order = _order(shape, query.sort, wrong)
    if not 1 <= query.limit <= _MOST:
        told = f"a page has 1 to {_MOST:,} records, not {shortened(f'{query.limit:,}')}"
        if not wrong:
            raise InvalidInput(told, hint="give a limit within that, and follow `next`; --all gives all")
        wrong.append(told)
    if wrong:
        raise _refusal(shape, wrong)
    after = None if query.cursor is None else _place(shape, where, order, query.cursor)
    return Plan(shape, tuple(where), order, query.limit, after)


def terms(shape: Shape, where: Sequence[Condition]) -> tuple[Term, ...]:
    """Check conditions alone."""
    wrong: list[str] = []
    found = tuple(_terms(shape, where, wrong))
    if wrong:
        raise _refusal(shape, wrong)
    return found


def _refusal(shape: Shape, wrong: list[str]) -> InvalidInput:
    known = [*shape.fields, *(["tag.KEY"] if shape.tags else [])]
    return InvalidInput("; ".join(wrong), hint=f"a {shape.name} is found by {', '.join(known)}")


def _terms(shape: Shape, where: Sequence[Condition], wrong: list[str]) -> Iterable[Term]:
    for condition in where:
        name = condition.field
        tagged = shape.tags and name.startswith("tag.")
        field = None if tagged else shape.fields.get(name)
        if field is None and not tagged:
            wrong.append(f"a {shape.name} cannot be found by `{name}`{near(name, shape.fields)}")
            continue
        if fault := _fault(condition, field):
            wrong.append(fault)
            continue
        try:
            value = _values(field, condition.value)
        except (ValueError, OverflowError):
            wrong.append(f"`{name}` is never {condition.value!r}: {_ABOUT[field.type if field else 'text']}")
            continue
        folded = fold(value) if condition.op == "~" and isinstance(value, str) else value
        yield Term(name[4:] if tagged else name, field, condition.op, folded)


_ABOUT = {"text": "it is text", "integer": "it is a whole number", "time": "it is a time, as in 2026-11-21T08:30:00Z"}


def _fault(condition: Condition, field: Field | None) -> str:
    name, op = condition.field, condition.op
    if op not in _OPS:
        return f"`{op}` compares nothing; there are {' '.join(sorted(_OPS))}"
    if condition.value is None and op not in ("=", "!="):
        return f"`{name} {op}` needs a value"
    if isinstance(condition.value, tuple) != (op == "in"):
        return f"`{name} {op}` cannot be asked of {condition.value!r}: `in` alone takes several values"
    if op == "~" and field is not None and field.type != "text":
        return f"`{name}` is no text that `~` can look in"
    if op == "~" and len(str(condition.value)) > _LONGEST:
        return f"`{name} ~` looks for up to {_LONGEST:,} characters, not {len(str(condition.value)):,}"
    return ""


def _values(field: Field | None, given: str | float | tuple[str | int, ...] | None) -> Cell | tuple[Cell, ...]:
    if isinstance(given, tuple):
        return tuple(_value(field, one) for one in given)
    return None if given is None else _value(field, given)


def _value(field: Field | None, given: str | float) -> Cell:
    """The value as the field stores it; ValueError if it could never have it."""
    match "text" if field is None else field.type:
        case "integer":
            number = int(given)
            if (number != given and isinstance(given, float)) or not -(1 << 63) <= number < 1 << 63:
                raise ValueError(given)
            return number
        case "time":
            moment = datetime.fromisoformat(str(given))
            zoned = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            return zoned.isoformat(timespec="microseconds")[:-6] + "Z"
    if not check_text(str(given)):
        raise ValueError(given)
    return str(given)


def _order(shape: Shape, sort: Sequence[Sort], wrong: list[str]) -> tuple[Order, ...]:
    order: dict[str, Order] = {}
    for part in sort:
        if part.field not in shape.fields:
            wrong.append(f"a {shape.name} cannot be sorted by `{part.field}`{near(part.field, shape.fields)}")
        elif part.field not in order:
            order[part.field] = Order(shape.fields[part.field], part.descending)
    for field in shape.key:
        order.setdefault(field.name, Order(field, descending=False))
    return tuple(order.values())


def _print(shape: Shape, where: Sequence[Term], order: Sequence[Order]) -> str:
    """What tells the cursor of one query from that of another."""
    asked = [
        shape.name,
        [(t.name, t.field is None, t.op, t.value) for t in where],
        [(o.field.name, o.descending) for o in order],
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]


def _place(shape: Shape, where: Sequence[Term], order: Sequence[Order], cursor: str) -> tuple[Cell, ...]:
    try:
        print_, *place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        kept = tuple(_kept(o.field, value) for o, value in zip(order, place, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidInput(
            f"`{cursor[:80]}` is no cursor", hint="pass on the `next` of the page before, as it was given"
        ) from None
    if print_ != _print(shape, where, order):
        raise InvalidInput(
            "the cursor belongs to another query",
            hint="keep kind, conditions and sort while you follow `next`, or begin without a cursor",
        )
    return kept


def _kept(field: Field, value: object) -> Cell:
    if value is None and field.nullable:
        return None
    if type(value) is not (int if field.type == "integer" else str):
        raise ValueError(value)
    return _value(field, value)
