"""The verbs that nouns share: show, describe, delete. A noun says what it finds; the rest is here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import click

from muster.cli.command import Group, pass_session
from muster.cli.confirm import confirm
from muster.cli.documents import thing_document
from muster.cli.options import reason_option, yes_option
from muster.cli.render import Sheet, show_line, show_sheet
from muster.cli.session import Session
from muster.cli.text import plural

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import Version

__all__ = ["Deletion", "Shown", "delete_command", "describe_command", "restore_command", "show_command"]

T = TypeVar("T")
_Find: TypeAlias = "Callable[[Hub, str], T]"
_Decorator: TypeAlias = "Callable[[_Find[T]], click.Command]"


@dataclass(frozen=True, slots=True)
class Shown:
    """A record: as JSON, for people, and what to try next."""

    document: object
    sheet: Callable[[], Sheet]
    next: Sequence[str] = ()


class _Delete(Protocol):
    def __call__(self, *, reason: str, for_good: bool) -> int | None: ...


class _Restore(Protocol):
    def __call__(self, name: str, *, reason: str) -> Version | int: ...


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is to be deleted: its name, what it is in words, and how; that may give how many versions went with it."""

    name: str
    what: str
    delete: _Delete


def show_command(group: Group, what: str, *, example: str) -> _Decorator[Shown]:
    """The decorated function finds what is shown."""

    def decorate(find: _Find[Shown]) -> click.Command:
        @group.command("show", example=example, help=find.__doc__)
        @click.argument("name", metavar=what)
        @pass_session
        def command(session: Session, name: str) -> None:
            found = find(session.hub, name)
            show_sheet(session, found.document, found.sheet)
            session.next(*found.next)

        return command

    return decorate


def describe_command(group: Group, what: str, *, example: str) -> _Decorator[str]:
    """The decorated function gives the full reference of what is described."""

    def decorate(find: _Find[str]) -> click.Command:
        @group.command("describe", example=example, help=find.__doc__)
        @click.argument("name", metavar=what)
        @click.argument("text")
        @reason_option
        @pass_session
        def command(session: Session, name: str, text: str, reason: str) -> None:
            found = find(session.hub, name)
            thing = session.hub.describe(found, text, reason=reason)
            show_line(session, thing_document(thing), "described", found)

        return command

    return decorate


def delete_command(group: Group, what: str, *, example: str) -> _Decorator[Deletion]:
    """The decorated function finds what is deleted, once that is confirmed."""

    def decorate(find: _Find[Deletion]) -> click.Command:
        @group.command("delete", example=example, help=find.__doc__)
        @click.argument("name", metavar=what)
        @click.option("--for-good", is_flag=True, help="Now, and never to be restored; also what was deleted before.")
        @reason_option
        @yes_option
        @pass_session
        def command(session: Session, name: str, for_good: bool, reason: str, yes: bool) -> None:
            found = find(session.hub, name)
            confirm(found.what, found.name, yes=yes)
            versions = found.delete(reason=reason, for_good=for_good)
            if versions is None:
                show_line(session, {"deleted": found.name}, "deleted", found.name)
            else:
                document = {"deleted": found.name, "versions": versions}
                show_line(session, document, "deleted", found.name, plural(versions, "version"))
            if not for_good:
                session.next(f"muster {group.name} restore {found.name}")

        return command

    return decorate


def restore_command(group: Group, what: str, *, example: str) -> Callable[[Callable[[Hub], _Restore]], click.Command]:
    """The decorated function gives the hub's method that restores."""

    def decorate(choose: Callable[[Hub], _Restore]) -> click.Command:
        @group.command("restore", example=example, help=choose.__doc__)
        @click.argument("name", metavar=what)
        @reason_option
        @pass_session
        def command(session: Session, name: str, reason: str) -> None:
            back = choose(session.hub)(name, reason=reason)
            if isinstance(back, int):
                show_line(session, {"restored": name, "versions": back}, "restored", name, plural(back, "version"))
            else:
                show_line(session, {"restored": back.ref}, "restored", back.ref)

        return command

    return decorate
