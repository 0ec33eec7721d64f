"""Filters and sorting as people write them: `name~fraud`, `task=binary`, `tag.team=ops`, `-created_at`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

from muster.documents import document
from muster.errors import InvalidInput, MissingExtra, near, shortened
from muster.records import Record, RunStatus, Version
from muster.signature import Task
from muster.store import Condition, Op, Page, Query, Reader, Sort

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Listing", "conditions", "every", "holds", "query", "sorting"]

R = TypeVar("R", bound=Record)
_MANY = 1_000
_FILTER = re.compile(r"(?P<field>tag\.[^=!<>~]+?|[\w.-]+?)\s*(?P<op>!=|<=|>=|=|<|>|~)\s*(?P<value>.*)", re.DOTALL)
_OPS: Mapping[str, Op] = {op: op for op in get_args(Op)}
_NUMBERS = frozenset({"number", "seq"})
_WORDS: Mapping[str, tuple[str, ...]] = {"status": get_args(RunStatus), "task": get_args(Task)}
_NUMBER = re.compile(r"-?[0-9]{1,18}")


def conditions(kind: type[Record], filters: Sequence[str]) -> tuple[Condition, ...]:
    """All filters as conditions; everything that is wrong with them is told at once."""
    found, wrong = [], []
    for text in _texts("filters", filters, "name~fraud"):
        match = _FILTER.fullmatch(text.strip())
        if match is None:
            wrong.append(f"`{shortened(text)}` is no filter")
        elif not _known(kind, field := match["field"]):
            wrong.append(f"`{field}` cannot be searched{near(field, kind.INDEXED)}")
        elif field in _NUMBERS and not _NUMBER.fullmatch(match["value"]):
            wrong.append(f"`{field}` is a number, not `{shortened(match['value'])}`")
        elif match["op"] in ("=", "!=") and match["value"] not in (known := _WORDS.get(field, (match["value"],))):
            wrong.append(
                f"`{field}` is never `{shortened(match['value'])}`{near(match['value'], known)}; there are"
                f" {', '.join(known)}"
            )
        else:
            found.append(
                Condition(field, _OPS[match["op"]], int(match["value"]) if field in _NUMBERS else match["value"])
            )
    if wrong:
        fields = ", ".join([*kind.INDEXED, "tag.KEY"])
        raise InvalidInput("; ".join(wrong), hint=f"write `name~part` or `tag.team=ops`, over: {fields}")
    return tuple(found)


def sorting(kind: type[Record], fields: Sequence[str]) -> tuple[Sort, ...]:
    """Fields to sort by; a minus in front turns one round."""
    fields = _texts("sort", fields, "-created_at")
    wrong = [f for f in fields if f.removeprefix("-") not in kind.INDEXED]
    if wrong:
        raise InvalidInput(
            f"cannot sort by {', '.join(f'`{f}`' for f in wrong)}", hint=f"sort by {', '.join(kind.INDEXED)}"
        )
    return tuple(Sort(f.removeprefix("-"), f.startswith("-")) for f in fields)


def _texts(name: str, given: object, example: str) -> Sequence[str]:
    """A list of texts as it is, and one text as a list of it."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, (list, tuple)) or not all(isinstance(text, str) for text in given):
        raise InvalidInput(
            f"`{name}` takes a list of texts, and not {shortened(repr(given))}", hint=f'write `{name}=["{example}"]`'
        )
    return given


def query(kind: type[Record], filters: Sequence[str], sort: Sequence[str], limit: int, cursor: str | None) -> Query:
    return Query(conditions(kind, filters), sorting(kind, sort), limit, cursor)


def holds(values: Mapping[str, Sequence[object]], condition: Condition) -> bool:
    """Whether a condition holds of something that no store keeps, given the values of each of its fields."""
    wanted, found = condition.value, values.get(condition.field, ())
    match condition.op:
        case "=":
            return any(v == wanted for v in found)
        case "!=":
            return all(v != wanted for v in found)
        case "~":
            return any(str(wanted).casefold() in str(v).casefold() for v in found)
        case "in":
            return isinstance(wanted, tuple) and any(v in wanted for v in found)
    return any(_ORDER[condition.op](v, wanted) for v in found if type(v) is type(wanted))


_ORDER: Mapping[Op, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def every(reader: Reader, kind: type[R], where: tuple[Condition, ...] = (), sort: tuple[Sort, ...] = ()) -> Iterator[R]:
    """All records for which these hold, page after page."""
    page = reader.find(kind, Query(where, sort, _MANY))
    while page.next is not None:
        yield from page.items
        page = reader.find(kind, Query(where, sort, _MANY, page.next))
    yield from page.items


def _known(kind: type[Record], field: str) -> bool:
    return field in kind.INDEXED or (
        field.startswith("tag.") and kind.TAGS in getattr(kind, "__dataclass_fields__", {})
    )


class Listing(Generic[R]):
    """A list that is read page by page while it is walked. `page()` gives one page with its cursor."""

    def __init__(self, page: Callable[[int, str | None], Page[R]], limit: int | None = None) -> None:
        if limit is not None and limit < 0:
            raise InvalidInput(f"a list cannot have {limit} records", hint="give a limit of 0 or more, or none")
        self._page = page
        self._limit = limit

    def __iter__(self) -> Iterator[R]:
        cursor, left = None, self._limit
        while left is None or left > 0:
            page = self._page(500 if left is None else min(500, left), cursor)
            yield from page.items
            left = None if left is None else left - len(page.items)
            cursor = page.next
            if cursor is None:
                return

    def page(self, limit: int = 100, cursor: str | None = None) -> Page[R]:
        return self._page(limit, cursor)

    def to_frame(self) -> pd.DataFrame:
        """All of it as a pandas DataFrame, a row per record."""
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtra.named("pandas", "`to_frame()`") from None
        return pd.DataFrame([_row(r) for r in self]).drop(columns="format", errors="ignore")

    def __repr__(self) -> str:
        items = list(self._page(11, None).items)
        shown = ", ".join(repr(getattr(r, "ref", None) or getattr(r, "name", None) or r.identity) for r in items[:10])
        return f"<{shown}{', …' if len(items) > 10 else ''}>"


def _row(record: Record) -> dict[str, object]:
    """A record's document, and the aliases of a version, which are no part of it."""
    return {**document(record), **({"aliases": list(record.aliases)} if isinstance(record, Version) else {})}
