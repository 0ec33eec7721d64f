"""`muster run`: list, show, cancel, resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import run_document
from muster.cli.lists import Paging, View, list_command, show_page
from muster.cli.render import Column, show_line
from muster.cli.runs import CUT_OFF, run_sheet, show_result
from muster.cli.session import Session
from muster.cli.text import plural
from muster.cli.verbs import Shown, show_command

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import Run


@click.group("run", cls=Group)
def run() -> None:
    """Pieces of work with a result."""


@list_command(
    run,
    over="id, kind, status, model, number, created_at",
    example="muster run list status=failed --sort -created_at --limit 10",
)
def list_runs(session: Session, paging: Paging) -> None:
    """List runs, the newest first."""
    hub = session.hub
    cut_off: dict[str, datetime] = {}

    def view(found: Sequence[Run]) -> View[Run]:
        cut_off.update((r.id, last) for r in found if (last := hub.cut_off(r)) is not None)
        return _view(cut_off, jobs=any(r.queue for r in found))

    show_page(session, hub.runs(paging.filters, paging.sort), view, paging)
    if cut_off and session.format == "text":
        session.say(f"note: {plural(len(cut_off), 'run')} cut off: the process is gone, and what is done is kept")
        session.next(*(f"muster run resume {identity}" for identity in list(cut_off)[:_MOST]))


_MOST = 3


_JOBS: Sequence[Column[Run]] = (
    Column("attempts", lambda r: r.attempts),
    Column("not_before", lambda r: r.not_before, head="next try"),
)


def _view(cut_off: Mapping[str, datetime], *, jobs: bool) -> View[Run]:
    """Whether somebody works on a run is no part of its record. How often one was begun is told where there are `jobs`."""
    return View(
        [
            Column("id", lambda r: r.id, "whole"),
            Column("kind", lambda r: r.kind),
            Column("status", lambda r: CUT_OFF if r.id in cut_off else r.status, "state"),
            Column("version", lambda r: r.ref),
            *(_JOBS if jobs else ()),
            Column("rows", lambda r: r.rows),
            Column("rejected", lambda r: r.rejected),
            Column("seconds", lambda r: r.seconds if r.ended_at is not None else None, "seconds", "took"),
            Column("created_at", lambda r: r.created_at),
            Column("output", lambda r: r.output),
        ],
        lambda r: run_document(r) | {"cut_off": r.id in cut_off},
        empty="no runs yet",
        begin="muster score REF INPUT OUTPUT",
    )


@show_command(run, "ID", example="muster run show 01JD4ZT7K5Q3F0W8V9X2Y6A1BC")
def show_run(hub: Hub, identity: str) -> Shown:
    """Show a run: what it did, to what, and how long it took."""
    found = hub.run(identity)
    last = hub.cut_off(found)
    broken = found.status == "failed" or (last is not None and not found.queue)
    mends = (f"muster run resume {found.id}", f"muster run cancel {found.id}") if broken else ()
    owner = hub.worker(found)
    document = run_document(found) | {"cut_off": last is not None, "worker": owner}
    return Shown(document, lambda: run_sheet(found, last, owner), mends)


@run.command("cancel", example="muster run cancel 01JD4ZT7K5Q3F0W8V9X2Y6A1BC")
@click.argument("identity", metavar="ID")
@pass_session
def cancel_run(session: Session, identity: str) -> None:
    """Stop a run; nothing of its output is left."""
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
    before = session.hub.run(identity)
    with session.meter("resuming", before.ref or before.id) as meter:
        after = session.hub.resume(identity, watch=meter.watch)
    show_result(session, after)
