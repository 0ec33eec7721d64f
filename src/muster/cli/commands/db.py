"""`muster db`: upgrade."""

from __future__ import annotations

import click

from muster.cli.command import Group, pass_session
from muster.cli.render import show_line
from muster.cli.session import Session


@click.group("db", cls=Group)
def db() -> None:
    """The hub's store."""


@db.command("upgrade", example="muster db upgrade")
@pass_session
def upgrade_db(session: Session) -> None:
    """Bring the store to this release's schema. A hub that an earlier release made is read after this."""
    before, after = session.hub.upgrade()
    told = f"at {after} already" if before == after else f"from {before or 'nothing'}"
    show_line(session, {"before": before, "after": after}, "upgraded", told, to="" if before == after else after)
