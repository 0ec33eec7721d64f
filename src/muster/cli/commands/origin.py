"""`muster origin`: list, check."""

from __future__ import annotations

import click

from muster.cli import errors
from muster.cli.command import Group, pass_session
from muster.cli.render import Column, show_line, show_list
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


@origin.command(
    "check",
    example="muster origin check my_package:MyOrigin\nmuster origin check my_package:MyOrigin ./a-model-of-it",
)
@click.argument("where", metavar="PACKAGE:CLASS")
@click.argument("source", required=False)
@pass_session
def check_origin(session: Session, where: str, source: str | None) -> None:
    """Check that an origin of your own keeps its contract.

    Runs the suite of muster.testing with pytest; with a SOURCE that the origin claims also what needs one. CLASS may also
    be a suite that you subclassed yourself.
    """
    from muster.cli import suites

    outcomes = suites.check_origin(where, source)
    counted = suites.counts(outcomes)
    document = {
        "origin": where,
        **{name: counted[name] for name in ("passed", "failed", "skipped")},
        "tests": [{"test": o.test, "outcome": o.outcome, "reason": o.reason or None} for o in outcomes],
    }
    told = [f"{counted[name]} {name}" for name in ("passed", "failed", "skipped") if counted[name]]
    show_line(session, document, "failed" if counted["failed"] else "checked", where, *told)
    if counted["failed"]:
        click.get_current_context().exit(errors.FAILED)
