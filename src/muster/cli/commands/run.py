"""`muster run`: list, show, cancel, resume."""

from __future__ import annotations

import click

from muster.cli.command import Group, pass_session
from muster.cli.lists import Paging, paged, show_page
from muster.cli.render import Column, show_line, show_sheet
from muster.cli.session import Session


@click.group("run", cls=Group)
def run() -> None:
    """Pieces of work with a result."""


@run.command("list", table=True, example="muster run list status=failed --sort -created_at --limit 10")
@paged
@pass_session
def list_runs(session: Session, paging: Paging) -> None:
    """List runs, the newest first.

    A FILTER is FIELD=VALUE, or with != < <= > >= or ~ (contains), over id, kind, status, model, number, created_at.
    """
    from muster.cli.documents import run_document
    from muster.records import Run

    columns: list[Column[Run]] = [
        Column("id", lambda r: r.id, "whole"),
        Column("kind", lambda r: r.kind),
        Column("status", lambda r: r.status, "state"),
        Column("version", lambda r: r.ref),
        Column("rows", lambda r: r.rows),
        Column("rejected", lambda r: r.rejected),
        Column("seconds", lambda r: r.seconds if r.ended_at is not None else None, "seconds"),
        Column("created_at", lambda r: r.created_at),
        Column("output", lambda r: r.output),
    ]
    listing = session.hub.runs(paging.filters, paging.sort)
    show_page(
        session,
        listing,
        columns,
        run_document,
        paging,
        row=lambda r: r,
        empty="no runs yet",
        begin="muster score REF INPUT OUTPUT",
    )


@run.command("show", example="muster run show 01JD4ZT7K5Q3F0W8V9X2Y6A1BC")
@click.argument("identity", metavar="ID")
@pass_session
def show_run(session: Session, identity: str) -> None:
    """Show a run: what it did, to what, and how long it took."""
    from muster.cli.documents import run_document
    from muster.cli.runs import run_sheet

    found = session.hub.run(identity)
    show_sheet(session, run_document(found), lambda: run_sheet(found))
    if found.status == "failed":
        session.next(f"muster run resume {found.id}", f"muster run cancel {found.id}")


@run.command("cancel", example="muster run cancel 01JD4ZT7K5Q3F0W8V9X2Y6A1BC")
@click.argument("identity", metavar="ID")
@pass_session
def cancel_run(session: Session, identity: str) -> None:
    """Stop a run; nothing of its output is left."""
    from muster.cli.documents import run_document

    found = session.hub.cancel(identity)
    stopped = found.status == "cancelled"
    show_line(session, run_document(found), "cancelled" if stopped else "asked to stop", found.id)
    if not stopped:
        session.next(f"muster run show {found.id}")


@run.command("resume", example="muster run resume 01JD4ZT7K5Q3F0W8V9X2Y6A1BC")
@click.argument("identity", metavar="ID")
@pass_session
def resume_run(session: Session, identity: str) -> None:
    """Go on with a run that was cut off or failed."""
    from muster.cli.runs import show_result

    before = session.hub.run(identity)
    with session.meter("resuming", before.ref or before.id) as meter:
        after = session.hub.resume(identity, watch=meter.watch)
    show_result(session, after)
