"""`muster discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muster.cli.command import Command, pass_session
from muster.cli.documents import plain
from muster.cli.lists import View, show_all
from muster.cli.render import Column
from muster.cli.session import Session

if TYPE_CHECKING:
    from muster.endpoint import Listed

__all__ = ["discover"]


@click.command(
    "discover",
    cls=Command,
    table=True,
    example="muster discover aws-prod\nmuster discover aws-prod --name churn --json",
)
@click.argument("connection")
@click.option("--name", default="", metavar="TEXT", help="Those alone whose name has this in it.")
@pass_session
def discover(session: Session, connection: str, name: str) -> None:
    """List the endpoints that an account serves, as it tells of them now."""
    found = list(session.hub.discover(connection, name))
    view = View(
        _COLUMNS, plain, empty=f"{connection} serves no endpoint{f' with `{name}` in its name' if name else ''}"
    )
    show_all(session, found, view)
    if found:
        session.next(
            f"muster register MODEL {found[0].number or found[0].name} --connection {connection} --sample DATA"
        )


def _variants(listed: Listed) -> str:
    """Those that are several, with their share of the traffic where it is told."""
    if len(listed.variants) < 2:
        return ", ".join(listed.variants)
    shares = {n: told.get("weight", told.get("traffic")) for n, told in listed.variants.items()}
    return ", ".join(
        n if share is None else f"{n} {share:g}" for n, share in shares.items() if not isinstance(share, str)
    )


_COLUMNS: list[Column[Listed]] = [
    Column("name", lambda e: e.name, "name"),
    Column("number", lambda e: e.number),
    Column("status", lambda e: e.status),
    Column("model", lambda e: e.model),
    Column("version", lambda e: e.version),
    Column("variants", _variants),
    Column("instance", lambda e: e.instance),
    Column("changed_at", lambda e: e.changed_at),
]
