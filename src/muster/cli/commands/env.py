"""`muster env`: list, gc."""

from __future__ import annotations

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import Built, environment_document
from muster.cli.lists import View, show_all
from muster.cli.render import Column, show_line
from muster.cli.session import Session
from muster.cli.text import plural, size


@click.group("env", cls=Group)
def env() -> None:
    """What versions run in."""


@env.command("list", table=True, example="muster env list")
@pass_session
def list_environments(session: Session) -> None:
    """List the environments that are built on this machine."""
    show_all(session, session.hub.environments.list(), _VIEW)


_VIEW: View[Built] = View(
    [
        Column("key", lambda e: e.key[:12], "whole"),
        Column("python", lambda e: e.python, "whole"),
        Column("packages", lambda e: len(e.packages)),
        Column("size", lambda e: e.size, "bytes"),
        Column("created_at", lambda e: e.created_at),
        Column("used_at", lambda e: e.used_at),
        Column("path", lambda e: e.path),
    ],
    environment_document,
    empty="no environments are built yet: a version's is built when it is registered, unless this Python has all of it",
)


@env.command("gc", example="muster env gc")
@pass_session
def collect(session: Session) -> None:
    """Remove the environments that no version runs in."""
    gone = session.hub.collect_environments()
    document = {"removed": [environment_document(e) for e in gone]}
    show_line(
        session, document, "removed", plural(len(gone), "environment"), size(sum(e.size for e in gone)) if gone else ""
    )
