"""`muster connection`: add, list, show, test, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muster.cli import values
from muster.cli.command import Group, pass_session
from muster.cli.documents import plain
from muster.cli.lists import Paging, View, list_command, show_page
from muster.cli.options import reason_option, tag_option
from muster.cli.render import Column, Sheet, show_line
from muster.cli.session import Session
from muster.cli.text import exact, listed
from muster.cli.verbs import Shown, show_command

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import Connection

__all__ = ["connection"]


@click.group("connection", cls=Group)
def connection() -> None:
    """Named accounts and endpoints of providers, databases and buckets."""


@connection.command(
    "add",
    makes_hub=True,
    example="muster connection add aws-prod sagemaker region=eu-west-1 profile=prod\n"
    "muster connection add scores http url=https://models.example/score auth=bearer secret=env:SCORES_TOKEN\n"
    "muster connection add warehouse sql url=postgresql://ada@db.example/sales password=env:WAREHOUSE_PASSWORD\n"
    "muster connection add lake objects url=s3://acme-ml/lake key_id=AKIA… secret=file:/run/secrets/lake",
)
@click.argument("name")
@click.argument("kind")
@click.argument("settings", nargs=-1, metavar="[SETTING=VALUE]…")
@click.option("--concurrency", type=click.IntRange(1), help="The most requests at once.")
@click.option("--rate", type=float, help="The most requests a second.")
@click.option("--price-per-call", type=float, help="What a request costs.")
@click.option("--price-per-hour", type=float, help="What an hour of the endpoint costs.")
@click.option("--spend", type=float, help="The most that all calls over it may ever cost.")
@click.option("--description", default="", help="What it is, in words.")
@tag_option
@click.option("--replace", is_flag=True, help="Give the name to this one, whatever it meant before.")
@pass_session
def add_connection(
    session: Session,
    *,
    name: str,
    kind: str,
    settings: tuple[str, ...],
    description: str,
    tags: tuple[str, ...],
    replace: bool,
    concurrency: int | None,
    rate: float | None,
    price_per_call: float | None,
    price_per_hour: float | None,
    spend: float | None,
) -> None:
    """Add a connection. Secrets are given as where they are, env:NAME or file:PATH, and read when they are needed."""
    found = session.hub.connect(
        name,
        kind,
        **values.pairs(settings, "settings"),
        concurrency=concurrency,
        rate=rate,
        price_per_call=price_per_call,
        price_per_hour=price_per_hour,
        spend=spend,
        description=description,
        tags=values.pairs(tags, "--tag"),
        replace=replace,
    )
    show_line(session, plain(found), "added", found.name, found.kind)
    more = [] if found.holds_data else [f"muster discover {found.name}"]
    session.next(f"muster connection test {found.name}", *more)


@list_command(connection, over="name, kind, created_at and tag.KEY", example="muster connection list kind=sagemaker")
def list_connections(session: Session, paging: Paging) -> None:
    """List connections."""
    show_page(session, session.hub.connections(paging.filters, paging.sort), _VIEW, paging)


_VIEW: View[Connection] = View(
    [
        Column("name", lambda c: c.name, "name"),
        Column("kind", lambda c: c.kind),
        Column("settings", lambda c: ", ".join(f"{k}={v}" for k, v in c.settings.items())),
        Column("tags", lambda c: c.tags),
        Column("created_at", lambda c: c.created_at),
        Column("description", lambda c: c.description),
    ],
    plain,
    empty="no connections yet",
    begin="muster connection add NAME KIND SETTING=VALUE…",
)


@show_command(connection, "NAME", example="muster connection show aws-prod")
def show_connection(hub: Hub, name: str) -> Shown:
    """Show a connection: its settings, its caps, what was spent over it, and what uses it."""
    found, uses, spent = hub.connection(name), hub.connection_uses(name), hub.connection_spent(name)
    return Shown({**plain(found), "spent": spent, "uses": list(uses)}, lambda: _sheet(found, list(uses), spent))


def _sheet(found: Connection, uses: list[str], spent: float) -> Sheet:
    sheet = Sheet(found.name)
    sheet.fact("", found.description)
    sheet.fact("kind", found.kind)
    sheet.fact("settings", *(f"{k} = {v}" for k, v in found.settings.items()))
    sheet.fact("caps", *(f"{k.replace('_', ' ')} {v:g}" for k, v in found.caps.items()))
    cap = found.caps.get("spend")
    if spent or cap is not None:
        sheet.fact("spent", f"{spent:,.2f}{'' if cap is None else f' of {cap:,.2f}'}")
    sheet.fact("tags", *(f"{k}={v}" for k, v in found.tags.items()))
    sheet.fact("used by", listed(uses, 20) if uses else "nothing")
    sheet.fact("added", f"{exact(found.created_at)} by {found.created_by}")
    return sheet


@connection.command("test", example="muster connection test aws-prod\nmuster connection test aws-prod churn-endpoint")
@click.argument("name")
@click.argument("endpoint", required=False)
@pass_session
def test_connection(session: Session, name: str, endpoint: str | None) -> None:
    """Test a connection step by step: its name, TLS, the login, the permission, and an endpoint if one is given.

    That of a database or bucket: its name, the login, and whether it can be read.
    """
    from muster.errors import SourceError

    steps = session.hub.test_connection(name, endpoint)
    failed = [s for s in steps if not s.passed]
    for step in steps:
        session.say(f"{'ok    ' if step.passed else 'failed'}  {step.name}{f': {step.told}' if step.told else ''}")
    if failed:
        raise SourceError(
            f"the connection `{name}` fails at: {failed[0].name}: {failed[0].told}",
            hint=failed[0].hint or "mend what it says, and test again",
            details={"step": failed[0].name},
        )
    show_line(session, {"connection": name, "steps": [plain(s) for s in steps]}, "works", name)


@connection.command("remove", example="muster connection remove aws-old")
@click.argument("name")
@reason_option
@pass_session
def remove_connection(session: Session, name: str, reason: str) -> None:
    """Forget a connection; refused while something uses it."""
    session.hub.remove_connection(name, reason=reason)
    show_line(session, {"removed": name}, "removed", name)
