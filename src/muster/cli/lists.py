"""What all lists take and how a page of one is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from muster.cli.render import Column, show_list

if TYPE_CHECKING:
    from muster.cli.session import Session
    from muster.records import Record
    from muster.registry.search import Listing

__all__ = ["Paging", "paged", "show_page"]

R = TypeVar("R", bound="Record")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is wanted."""

    filters: tuple[str, ...]
    sort: tuple[str, ...]
    limit: int
    cursor: str | None
    all: bool


def paged(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments of lists, as `paging`."""

    @click.argument("filters", nargs=-1, metavar="[FILTER]...")
    @click.option(
        "--sort", multiple=True, metavar="FIELD", help="Sort by a field; -FIELD turns it round. May be repeated."
    )
    @click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
    @click.option("--cursor", help="Go on where an earlier list ended.")
    @click.option("--all", "everything", is_flag=True, help="All of them, page after page.")
    @wraps(function)
    def command(
        *arguments: Any,
        filters: tuple[str, ...],
        sort: tuple[str, ...],
        limit: int,
        cursor: str | None,
        everything: bool,
        **options: Any,
    ) -> None:
        function(*arguments, paging=Paging(filters, sort, limit, cursor, everything), **options)

    return command


def show_page(
    session: Session,
    listing: Listing[R],
    columns: Sequence[Column[T]],
    document: Callable[[T], object],
    paging: Paging,
    *,
    row: Callable[[R], T],
    empty: str,
    begin: str = "",
) -> None:
    """A page, or all of it. An empty list says what would be here, and the command that begins it."""
    if paging.all:
        found, cursor = list(listing), None
    else:
        page = listing.page(paging.limit, paging.cursor)
        found, cursor = list(page.items), page.next
    show_list(session, [row(r) for r in found], columns, document, cursor=cursor)
    if session.format != "text":
        return
    if not found:
        session.say(f"nothing matches {' '.join(paging.filters)}" if paging.filters else empty)
        if begin and not paging.filters:
            session.next(begin)
    if cursor is not None:
        session.next(f"the same command with --cursor {cursor}")
