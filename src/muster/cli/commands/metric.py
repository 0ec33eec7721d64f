"""`muster metric`: register, list, show, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from muster.cli.command import Group, pass_session
from muster.cli.confirm import confirm
from muster.cli.documents import plain
from muster.cli.lists import Paging, View, list_command, show_page
from muster.cli.options import reason_option, yes_option
from muster.cli.render import Column, Sheet, show_line
from muster.cli.session import Session
from muster.cli.text import exact, size
from muster.cli.verbs import Shown, show_command

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import MetricRecord


@click.group("metric", cls=Group)
def metric() -> None:
    """Metrics of your own."""


@metric.command(
    "register",
    makes_hub=True,
    example="muster metric register profit profit.py --better higher\n"
    "muster metric register youden youden.py --kind profile --within -1 1",
)
@click.argument("name")
@click.argument("source", metavar="FILE.py")
@click.option(
    "--kind",
    type=click.Choice(["batch", "profile"]),
    default="batch",
    show_default=True,
    help="A number for each row, or one of all that was counted.",
)
@click.option("--better", type=click.Choice(["higher", "lower"]), help="Where it is the better, if either.")
@click.option("--title", default="", help="What it is called where there is room.")
@click.option("--within", type=float, nargs=2, metavar="LOW HIGH", help="The least and the greatest that it can be.")
@click.option("--environment", default="auto", show_default=True, help="What it runs in, as for `muster register`.")
@pass_session
def register_metric(
    session: Session,
    *,
    name: str,
    source: str,
    kind: Literal["batch", "profile"],
    better: Literal["higher", "lower"] | None,
    title: str,
    within: tuple[float, float] | None,
    environment: str,
) -> None:
    """Register a function of the name NAME, or `metric`, in a Python file.

    It runs apart, in an environment of its own, as models do. Another function under the same name is the next number of it.
    """
    found = session.hub.register_metric(
        name, source, kind=kind, better=better or "", title=title, within=within, environment=environment
    )
    show_line(session, _document(found), "registered", found.ref, f"over {_over(found)}")
    for note in found.notes:
        session.say(f"note  {note}")
    session.next(f"muster evaluate REF DATA --metric {found.name}")


@list_command(
    metric, over="id, name, number, kind, digest and created_at", example="muster metric list kind=batch --sort name"
)
def list_metrics(session: Session, paging: Paging) -> None:
    """List metrics of your own."""
    show_page(session, session.hub.metrics(paging.filters, paging.sort), _view, paging)


def _view(_found: object) -> View[MetricRecord]:
    return View(
        [
            Column("metric", lambda m: m.ref, "name"),
            Column("kind", lambda m: m.kind),
            Column("better", lambda m: m.better),
            Column("title", lambda m: m.title),
            Column("created_at", lambda m: m.created_at),
            Column("source", lambda m: m.source),
        ],
        _document,
        empty="no metrics of your own yet",
        begin="muster metric register NAME FILE.py",
    )


@show_command(metric, "NAME[:NUMBER]", example="muster metric show profit")
def show_metric(hub: Hub, reference: str) -> Shown:
    """Show a metric: what it is a function of, its digest, and what it runs in."""
    found = hub.metric(reference)
    return Shown(_document(found), lambda: _sheet(found))


def _sheet(found: MetricRecord) -> Sheet:
    sheet = Sheet(f"metric  {found.ref}")
    sheet.fact("", found.title)
    sheet.fact("over", _over(found))
    sheet.fact("better", found.better)
    sheet.fact("within", "" if found.within is None else "{:g} to {:g}".format(*found.within))
    sheet.fact("source", found.source)
    sheet.fact("runs in", f"Python {found.environment.python}", ", ".join(found.environment.requirements))
    sheet.fact("size", size(found.size))
    sheet.fact("digest", found.digest)
    sheet.fact("notes", *found.notes)
    sheet.fact("registered", f"{exact(found.created_at)} by {found.created_by}")
    return sheet


def _over(found: MetricRecord) -> str:
    return "evaluated rows" if found.kind == "batch" else "what was counted of them"


def _document(found: MetricRecord) -> dict[str, object]:
    return {**plain(found), "ref": found.ref}


@metric.command("delete", example="muster metric delete profit --reason 'counted twice'")
@click.argument("reference", metavar="NAME[:NUMBER]")
@reason_option
@yes_option
@pass_session
def delete_metric(session: Session, reference: str, reason: str, yes: bool) -> None:
    """Delete a metric, with its name alone all numbers of it. Evaluations keep the figures that they have."""
    hub = session.hub
    found = hub.metric(reference)
    named = found.name if reference == found.name else found.ref
    confirm(f"the metric {named}", named, yes=yes)
    hub.delete_metric(named, reason=reason)
    show_line(session, {"deleted": named}, "deleted", named)
