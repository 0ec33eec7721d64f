"""`muster gc`."""

from __future__ import annotations

from dataclasses import asdict

import click

from muster.cli.command import Command, pass_session
from muster.cli.render import show_line
from muster.cli.session import Session
from muster.cli.text import plural, size


@click.command("gc", cls=Command, example="muster gc --dry-run\nmuster gc --set retention.deleted_days=7")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@pass_session
def gc(session: Session, *, dry_run: bool) -> None:
    """Collect what nothing refers to.

    What was deleted longer ago than retention.deleted_days goes for good, and all bytes that only it used; so do chunks of runs
    that ended longer ago than retention.runs_days, the rejects of those that ended longer ago than retention.rejects_days,
    copies and environments on this machine that no version needs, and what killed processes left. It may be cut off, and
    done by several at once.
    """
    found = session.hub.collect(dry_run=dry_run)
    for ref in (*found.versions, *(f"{m} (model)" for m in found.models)):
        session.say(f"{'would remove' if dry_run else 'removed'}  {ref}")
    if found.young:
        stay = "stays until it is" if found.young == 1 else "stay until they are"
        session.say(f"note: {plural(found.young, 'blob')} that nothing refers to {stay} older")
    for fault in found.faults:
        session.say(f"note: out of reach, and kept: {fault}")
    counted = ((found.versions, "version"), (found.models, "model"), (found.runs, "run"))
    parts = [plural(len(things), what) for things, what in counted if things]
    show_line(
        session,
        asdict(found) | {"freed": found.freed},
        "would collect" if dry_run else "collected",
        *parts,
        f"rejects of {plural(len(found.rejects), 'run')}" if found.rejects else "",
        plural(found.leftovers, "leftover") if found.leftovers else "",
        plural(found.blobs, "blob"),
        size(found.freed),
    )
