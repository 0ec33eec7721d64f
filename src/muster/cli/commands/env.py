"""`muster env`: list, show, build, gc."""

from __future__ import annotations

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import Built, environment_document
from muster.cli.lists import View, show_all
from muster.cli.render import Column, show_line, show_sheet
from muster.cli.session import Session
from muster.cli.text import plural, size
from muster.errors import NotApplicable


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


@env.command("show", example="muster env show churn@champion\nmuster env show 3f9a1c")
@click.argument("environment", metavar="REF|KEY")
@pass_session
def show(session: Session, environment: str) -> None:
    """Show a version's environment, or one by the beginning of its key: its packages, its size, and who uses it."""
    from muster.cli.environments import environment_sheet, find

    found = find(session.hub, environment)
    show_sheet(session, found.document(), lambda: environment_sheet(found))
    versions = [name for name in found.used_by if not name.startswith("metric ")]
    if found.built is None and versions and not found.serves:
        session.next(f"muster env build {versions[0]}")


@env.command("build", example="muster env build churn@champion")
@click.argument("reference", metavar="REF")
@pass_session
def build(session: Session, reference: str) -> None:
    """Build a version's environment ahead of its first use."""
    version = session.hub.version(reference)
    if version.environment is None:
        raise NotApplicable(f"`{version.ref}` runs no code here, so it has no environment", hint="it needs none")
    python = session.hub.environments.interpreter(version.environment)
    what = "nothing to build" if session.hub.environments.serves(version.environment) else "ready"
    document = {"ref": version.ref, "key": version.environment.key, "interpreter": str(python)}
    show_line(session, document, what, version.ref, f"Python {version.environment.python}", to=str(python))


@env.command("gc", example="muster env gc")
@pass_session
def collect(session: Session) -> None:
    """Remove the environments that no version runs in."""
    gone = session.hub.collect_environments()
    document = {"removed": [environment_document(e) for e in gone]}
    show_line(
        session, document, "removed", plural(len(gone), "environment"), size(sum(e.size for e in gone)) if gone else ""
    )
