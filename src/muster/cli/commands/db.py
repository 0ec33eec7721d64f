"""`muster db`: backup, restore, upgrade."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import plain
from muster.cli.render import show_line
from muster.cli.session import Session
from muster.cli.text import plural, size

if TYPE_CHECKING:
    from muster.registry.backup import Backup


@click.group("db", cls=Group)
def db() -> None:
    """The hub's store."""


@db.command("backup", example="muster db backup /backups/hub-2026-11-21")
@click.argument("target", metavar="FOLDER")
@pass_session
def backup_db(session: Session, target: str) -> None:
    """Back up the hub into a new folder: its records as of one moment, the audit trail, and every blob.

    Others may go on working meanwhile. A backup that was cut off goes on where it was.
    """
    made = session.hub.backup(target)
    _told(session, "backed up", made, to=made.folder)
    session.next(f"muster db restore {shlex.quote(made.folder)} --hub NEW_FOLDER")


@db.command("restore", makes_hub=True, example="muster db restore /backups/hub-2026-11-21 --hub ./hub")
@click.argument("source", metavar="FOLDER")
@pass_session
def restore_db(session: Session, source: str) -> None:
    """Restore a backup into a new hub, in SQLite or PostgreSQL, whichever it was made from.

    All is checked on the way, and nothing can be seen of it before the end.
    """
    restored = session.hub.restore(source)
    _told(session, "restored", restored, to=session.hub.name)


def _told(session: Session, verb: str, done: Backup, to: str) -> None:
    for digest in done.missing:
        session.say(f"note: the hub has lost or damaged the blob {digest}, and the backup is without it")
    parts = plural(done.records, "record"), plural(done.events, "event"), plural(done.blobs, "blob"), size(done.size)
    show_line(session, plain(done), verb, *parts, to=to)


@db.command("upgrade", example="muster db upgrade")
@pass_session
def upgrade_db(session: Session) -> None:
    """Bring the store to this release's schema. A hub that an earlier release made is read after this."""
    before, after = session.hub.upgrade()
    told = f"at {after} already" if before == after else f"from {before or 'nothing'}"
    show_line(session, {"before": before, "after": after}, "upgraded", told, to="" if before == after else after)
