"""`muster event`: list, verify, head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from muster.cli.changes import changes
from muster.cli.command import Group, pass_session
from muster.cli.documents import plain
from muster.cli.lists import Paging, View, list_command, show_page
from muster.cli.render import Column, show_line
from muster.cli.session import Session
from muster.cli.text import plural
from muster.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from muster.records import Event


@click.group("event", cls=Group)
def event() -> None:
    """The audit trail."""


@list_command(
    event, over="seq, at, actor, action, subject", example="muster event list subject~churn action=alias.changed"
)
def list_events(session: Session, paging: Paging) -> None:
    """List what was changed, when, by whom and why, the newest first."""
    show_page(session, session.hub.events(paging.filters, paging.sort), _VIEW, paging)


_VIEW: View[Event] = View(
    [
        Column("seq", lambda e: e.seq),
        Column("at", lambda e: e.at),
        Column("actor", lambda e: e.actor),
        Column("action", lambda e: e.action),
        Column("subject", lambda e: e.subject),
        Column("changes", changes),
        Column("reason", lambda e: e.reason),
    ],
    plain,
    empty="no events yet",
)


@event.command("verify", example="muster event verify\nmuster event verify --head head.json")
@click.option(
    "--head", metavar="FILE", help="A head that was exported: tells also whether the last events were removed."
)
@pass_session
def verify_events(session: Session, head: str | None) -> None:
    """Verify that no event was changed, removed or put between: each holds the hash of the one before."""
    whole, broken = session.hub.verify_events(head)
    if broken is not None:
        raise Corrupt(
            f"the audit trail breaks at event {broken.seq}: {broken.action} {broken.subject}; the {whole:,} before it hold",
            hint="compare with a backup: what stands from there on cannot be relied upon",
            details={"holds": whole, "seq": broken.seq},
        )
    show_line(session, {"holds": whole}, "verified", plural(whole, "event"), "the chain is whole")


@event.command("head", example="muster event head --output head.json")
@click.option("--output", metavar="FILE", help="A file to write it to, in place of stdout.")
@pass_session
def event_head(session: Session, output: str | None) -> None:
    """Export number and hash of the last event, as JSON: they stand for the whole trail up to now.

    Keep it where nobody who can write the hub's store can write, as in another account's bucket; `muster event verify --head`
    checks the trail against it.
    """
    head = session.hub.event_head()
    text = json.dumps(head)
    if output is None:
        session.write(text)
        return
    try:
        Path(output).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"{output} cannot be written: {error.strerror}", hint="name a file that you can write"
        ) from None
    show_line(session, head, "exported", f"event {head['seq']:,}", str(head["hash"])[:12], to=output)
