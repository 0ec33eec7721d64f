"""`muster origin`: list, check."""

from __future__ import annotations

import click

from muster.cli.command import Group, pass_session
from muster.cli.render import Column, show_list
from muster.cli.session import Session


@click.group("origin", cls=Group)
def origin() -> None:
    """Where versions come from."""


@origin.command("list", table=True, example="muster origin list")
@pass_session
def list_origins(session: Session) -> None:
    """List the origins that there are: Muster's, and those of other packages."""
    from muster.hub import Hub

    columns: list[Column[tuple[str, str]]] = [
        Column("name", lambda o: o[0], "whole"),
        Column("class", lambda o: o[1], "whole"),
        Column("from", lambda o: o[1].partition(".")[0].partition(":")[0]),
    ]
    show_list(session, list(Hub.origins().items()), columns, lambda o: {"name": o[0], "class": o[1]})
