"""The statements of the SQL store, in portable SQLAlchemy Core. Each is built once; values are always bound.

Bound names: `k_<field>` the key, `<column>` what is written, `v<n>` and `t<n>` the value and the tag of a condition, `a<n>` where
the page before ended.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Delete,
    FromClause,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)

from muster.store import Op
from muster.stores.folding import casefold
from muster.stores.query import Order, Plan, Term
from muster.stores.shape import Shape
from muster.stores.tables import tables

__all__ = ["FEW", "by_key", "change", "claimed", "count", "is_tag", "page", "remove", "remove_tags", "tagged"]


FEW = 500


class _Asked(NamedTuple):
    """A condition without its values: what decides the statement. `name` is None for a tag.

    Where `few` have the tag, they are taken from its index and sorted; where many have it, records are walked in order until
    a page of them is found. Each way takes a hundred times longer in the other case, and SQLite cannot tell which it is.
    """

    name: str | None
    op: Op
    null: bool
    few: bool = False


@cache
def by_key(shape: Shape) -> Select[Any]:
    """The document of one record."""
    table = tables(shape).records
    return select(table.c.document).where(_is_key(table, shape))


@cache
def claimed(shape: Shape) -> Select[Any]:
    """Whether another record has the unique value."""
    table = tables(shape).records
    assert shape.unique is not None
    return select(table.c[shape.unique]).where(table.c[shape.unique] == bindparam("value"), not_(_is_key(table, shape)))


@cache
def change(shape: Shape) -> Update:
    """Write all but the key."""
    table = tables(shape).records
    key = {f.name for f in shape.key}
    written: dict[str, Any] = {c.name: bindparam(c.name) for c in table.c if c.name not in key}
    return update(table).where(_is_key(table, shape)).values(written)


@cache
def remove(shape: Shape) -> Delete:
    """Remove one record."""
    table = tables(shape).records
    return delete(table).where(_is_key(table, shape))


@cache
def remove_tags(shape: Shape) -> Delete:
    """Remove the tags of one record."""
    table = tables(shape).tags
    assert table is not None
    return delete(table).where(_is_key(table, shape))


@cache
def tagged(shape: Shape) -> Select[Any]:
    """How many records have the value `v` of the tag `t`, counted no further than to one more than few."""
    table = tables(shape).tags
    assert table is not None
    some = select(table.c.tag).where(table.c.tag == bindparam("t"), table.c.value == bindparam("v")).limit(FEW + 1)
    return select(func.count()).select_from(some.subquery("some"))


def page(plan: Plan, few: Collection[Term]) -> tuple[Select[Any], dict[str, Any]]:
    """The documents of a page and one more. `few` are the conditions on tags that few records meet."""
    values = {**_values(plan.terms), "limit": plan.limit + 1}
    nulls = None
    if plan.after is not None:
        nulls = tuple(value is None for value in plan.after)
        values |= {f"a{n}": value for n, value in enumerate(plan.after) if value is not None}
    return _page(plan.shape, _asked(plan.terms, few), plan.order, nulls), values


def count(shape: Shape, terms: Sequence[Term]) -> tuple[Select[Any], dict[str, Any]]:
    """How many records meet the conditions."""
    return _count(shape, _asked(terms, [t for t in terms if is_tag(t)])), _values(terms)


def is_tag(term: Term) -> bool:
    """Whether it asks for one value of a tag."""
    return term.field is None and term.op == "=" and term.value is not None


def _asked(terms: Sequence[Term], few: Collection[Term]) -> tuple[_Asked, ...]:
    return tuple(_Asked(None if t.field is None else t.name, t.op, t.value is None, t in few) for t in terms)


def _values(terms: Sequence[Term]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for n, term in enumerate(terms):
        if term.field is None:
            values[f"t{n}"] = term.name
        if term.value is not None:
            values[f"v{n}"] = _pattern(str(term.value)) if term.op == "~" else term.value
    return values


def _pattern(part: str) -> str:
    for special in ("\\", "%", "_"):
        part = part.replace(special, f"\\{special}")
    return f"%{part}%"


@lru_cache(512)
def _page(
    shape: Shape, asked: tuple[_Asked, ...], order: tuple[Order, ...], nulls: tuple[bool, ...] | None
) -> Select[Any]:
    table = tables(shape).records
    key = [f.name for f in shape.key]
    if all(a.name in key for a in asked) and all(o.field.name in key for o in order):
        return _chosen(shape, [table.c.document], asked, order, nulls)
    # First which ones, from the indexes alone; then their documents. Else each record that is looked at is read whole.
    columns = [table.c[n] for n in dict.fromkeys([*key, *(o.field.name for o in order)])]
    found = _chosen(shape, columns, asked, order, nulls).subquery("found")
    here = [table.c[k] == found.c[k] for k in key]
    return select(table.c.document).join(found, and_(*here)).order_by(*(_sorted(found, o) for o in order))


def _chosen(
    shape: Shape,
    columns: Sequence[ColumnElement[Any]],
    asked: tuple[_Asked, ...],
    order: tuple[Order, ...],
    nulls: tuple[bool, ...] | None,
) -> Select[Any]:
    table = tables(shape).records
    by_key = order[0].field in shape.key
    statement = select(*columns).where(*_clauses(shape, asked, by_key=by_key))
    if nulls is not None:
        statement = statement.where(_after(table, order, nulls))
    return statement.order_by(*(_sorted(table, o) for o in order)).limit(bindparam("limit"))


@lru_cache(512)
def _count(shape: Shape, asked: tuple[_Asked, ...]) -> Select[Any]:
    return select(func.count()).select_from(tables(shape).records).where(*_clauses(shape, asked))


def _is_key(table: Table, shape: Shape) -> ColumnElement[bool]:
    return and_(*(table.c[f.name] == bindparam(f"k_{f.name}") for f in shape.key))


def _clauses(shape: Shape, asked: tuple[_Asked, ...], *, by_key: bool = False) -> list[ColumnElement[bool]]:
    table = tables(shape).records
    return [_tag(shape, n, a) if a.name is None else _field(table, n, a, by_key=by_key) for n, a in enumerate(asked)]


def _field(table: Table, n: int, asked: _Asked, *, by_key: bool) -> ColumnElement[bool]:
    assert asked.name is not None
    column = table.c[asked.name]
    if asked.null and asked.op == "=":
        # Most records lack what can be lacking: SQLite, which takes an equality for rare, would sort all that its index gives
        # rather than read the first few by their key.
        return column.is_(None) == true() if by_key else column.is_(None)
    if asked.null:
        return column.is_not(None)
    if asked.op == "!=":
        differs = column != bindparam(f"v{n}")
        return or_(differs, column.is_(None)) if column.nullable else differs
    return _compare(column, n, asked.op)


def _tag(shape: Shape, n: int, asked: _Asked) -> ColumnElement[bool]:
    """A tag that is not set has no row, and differs from every value."""
    records, tags = tables(shape)
    assert tags is not None
    here = [tags.c[f.name] == records.c[f.name] for f in shape.key] + [tags.c.tag == bindparam(f"t{n}")]
    if asked.few:
        meant = select(*(tags.c[f.name] for f in shape.key)).where(
            tags.c.tag == bindparam(f"t{n}"), tags.c.value == bindparam(f"v{n}")
        )
        return tuple_(*(records.c[f.name] for f in shape.key)).in_(meant)
    if asked.null:
        found = exists().where(*here)
        return found if asked.op == "!=" else not_(found)
    found = exists().where(*here, _compare(tags.c.value, n, "=" if asked.op == "!=" else asked.op))
    return not_(found) if asked.op == "!=" else found


def _compare(column: ColumnElement[Any], n: int, op: Op) -> ColumnElement[bool]:
    if op == "in":
        return column.in_(bindparam(f"v{n}", expanding=True))
    value: ColumnElement[Any] = bindparam(f"v{n}")
    if op == "~":
        return casefold(column).like(value, escape="\\")
    return column.op(op, is_comparison=True)(value)


def _sorted(table: FromClause, order: Order) -> ColumnElement[Any]:
    column: ColumnElement[Any] = table.c[order.field.name]
    column = column.desc() if order.descending else column.asc()
    return column.nulls_last() if order.field.nullable else column


def _after(table: Table, order: tuple[Order, ...], nulls: tuple[bool, ...]) -> ColumnElement[bool]:
    """What comes after the values `a0`, `a1`, …: later in the first field, or equal there and later in the next, and so on."""
    later: ColumnElement[bool] = false()
    places: list[ColumnElement[Any]] = [bindparam(f"a{n}") for n in range(len(order))]
    for part, null, place in reversed(list(zip(order, nulls, places, strict=True))):
        column = table.c[part.field.name]
        if null:
            later = and_(column.is_(None), later)
            continue
        beyond = column < place if part.descending else column > place
        if part.field.nullable:
            beyond = or_(beyond, column.is_(None))
        later = or_(beyond, and_(column == place, later))
    if order[0].field.nullable:
        return later
    # Says nothing new; but from an OR alone SQLite does not see where to begin in the index.
    first = table.c[order[0].field.name]
    return and_(first <= places[0] if order[0].descending else first >= places[0], later)
