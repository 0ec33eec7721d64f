"""Lists: what all of them take, and how one is shown."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import click

from muster.cli.command import Group, pass_session
from muster.cli.render import Column, show_list
from muster.cli.session import Session

if TYPE_CHECKING:
    from muster.records import Record
    from muster.registry.search import Listing

__all__ = ["Paging", "View", "list_command", "show_all", "show_page"]

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
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """How things are listed. Where there are none, what is said of that, and the command that begins."""

    columns: Sequence[Column[T]]
    document: Callable[[T], object]
    empty: str
    begin: str = ""


_List: TypeAlias = Callable[[Session, Paging], None]


def list_command(
    group: Group, *, over: str, example: str, restorable: bool = False
) -> Callable[[_List], click.Command]:
    """The decorated function becomes the group's `list`, over fields that can be searched; `restorable`: of what is deleted too."""

    def decorate(function: _List) -> click.Command:
        filters = f"A FILTER is FIELD=VALUE, or with != < <= > >= or ~ (contains), over {over}."
        about = f"{inspect.getdoc(function)}\n\n{filters} All that are given must hold."

        @group.command("list", table=True, example=example, help=about)
        @click.argument("filters", nargs=-1, metavar="[FILTER]...")
        @click.option(
            "--sort", multiple=True, metavar="FIELD", help="Sort by a field; -FIELD turns it round. May be repeated."
        )
        @click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
        @click.option("--cursor", help="Go on where an earlier list ended.")
        @click.option("--all", "everything", is_flag=True, help="All of them, page after page.")
        @pass_session
        def command(
            session: Session,
            *,
            filters: tuple[str, ...],
            sort: tuple[str, ...],
            limit: int,
            cursor: str | None,
            everything: bool,
            deleted: bool = False,
        ) -> None:
            function(session, Paging(filters, sort, limit, cursor, everything, deleted))

        if restorable:
            command.params.append(
                click.Option(["--deleted"], is_flag=True, help="What is deleted and can still be restored.")
            )
        return command

    return decorate


def show_page(
    session: Session, listing: Listing[R], view: View[R] | Callable[[Sequence[R]], View[R]], paging: Paging
) -> None:
    """A page, or all of it. The view may be made of what is shown."""
    page = None if paging.all else listing.page(paging.limit, paging.cursor)
    found, cursor = (list(listing), None) if page is None else (page.items, page.next)
    show_all(session, found, view if isinstance(view, View) else view(found), paging.filters, cursor)
    if session.format == "text" and cursor is not None:
        session.next("the same command with --all, or with --cursor and the `next` that --json prints")


def show_all(
    session: Session, found: Sequence[T], view: View[T], filters: Sequence[str] = (), cursor: str | None = None
) -> None:
    show_list(session, found, view.columns, view.document, cursor=cursor)
    if found or session.format != "text":
        return
    if filters:
        session.say(f"nothing matches {' '.join(filters)}")
        return
    session.say(view.empty)
    session.next(*filter(None, [view.begin]))
