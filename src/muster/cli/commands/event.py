"""`muster event`: list, verify."""

from __future__ import annotations

import click

from muster.cli.command import Group, pass_session
from muster.cli.lists import Paging, paged, show_page
from muster.cli.render import Column, show_line
from muster.cli.session import Session


@click.group("event", cls=Group)
def event() -> None:
    """The audit trail."""


@event.command("list", table=True, example="muster event list subject~churn action=alias.changed")
@paged
@pass_session
def list_events(session: Session, paging: Paging) -> None:
    """List what was changed, when, by whom and why, the newest first.

    A FILTER is FIELD=VALUE, or with != < <= > >= or ~ (contains), over seq, at, actor, action, subject.
    """
    from muster.cli.documents import plain
    from muster.records import Event

    columns: list[Column[Event]] = [
        Column("seq", lambda e: e.seq),
        Column("at", lambda e: e.at),
        Column("actor", lambda e: e.actor),
        Column("action", lambda e: e.action),
        Column("subject", lambda e: e.subject),
        Column("reason", lambda e: e.reason),
    ]
    listing = session.hub.events(paging.filters, paging.sort)
    show_page(session, listing, columns, plain, paging, row=lambda e: e, empty="no events yet")


@event.command("verify", example="muster event verify")
@pass_session
def verify_events(session: Session) -> None:
    """Verify that no event was changed, removed or put between: each holds the hash of the one before."""
    from muster.cli.text import plural
    from muster.errors import Corrupt

    whole, broken = session.hub.verify_events()
    if broken is not None:
        raise Corrupt(
            f"the audit trail breaks at event {broken.seq}: {broken.action} {broken.subject}; the {whole:,} before it hold",
            hint="compare with a backup: what stands from there on cannot be relied upon",
            details={"holds": whole, "seq": broken.seq},
        )
    show_line(session, {"holds": whole}, "verified", plural(whole, "event"), "the chain is whole")
