"""`muster discover`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from muster.cli import values
from muster.cli.command import Command, pass_session
from muster.cli.commands.register import TASKS
from muster.cli.documents import plain
from muster.cli.lists import View, show_all
from muster.cli.render import Column, show_line
from muster.cli.session import Session
from muster.cli.text import plural

if TYPE_CHECKING:
    from muster.endpoint import Listed
    from muster.signature import Task

__all__ = ["discover"]


@click.command(
    "discover",
    cls=Command,
    table=True,
    example="muster discover aws-prod\nmuster discover aws-prod --name churn --json\n"
    "muster discover aws-prod --register --task binary --target left --classes no,yes --sample people.parquet",
)
@click.argument("connection")
@click.option("--name", default="", metavar="TEXT", help="Those alone whose name has this in it.")
@click.option("--register", "registering", is_flag=True, help="Register each as a model of its name.")
@click.option("--task", type=click.Choice(TASKS), help="With --register: what all of them answer.")
@click.option("--target", metavar="COLUMN", help="With --register: the column that they predict.")
@click.option(
    "--classes", metavar="A,B", help="With --register: the classes in order; in binary the positive one last."
)
@click.option("--sample", metavar="DATA", help="With --register: rows to try them on.")
@pass_session
def discover(
    session: Session,
    *,
    connection: str,
    name: str,
    registering: bool,
    task: Task | None,
    target: str | None,
    classes: str | None,
    sample: str | None,
) -> None:
    """List the endpoints that an account serves.

    With --register each becomes a version of a model of its name; those that fail are told, and keep nobody else out.
    """
    found = list(session.hub.discover(connection, name))
    if registering:
        declared = {"task": task, "target": target, "classes": values.classes(classes), "sample": sample}
        _register(session, found, declared)
        return
    view = View(
        _COLUMNS, plain, empty=f"{connection} serves no endpoint{f' with `{name}` in its name' if name else ''}"
    )
    show_all(session, found, view)
    if found:
        first = found[0].number or found[0].name
        session.next(f"muster register MODEL {first} --connection {connection} --sample DATA")


def _register(session: Session, found: list[Listed], declared: Mapping[str, Any]) -> None:
    """One after the other; those that fail are told at the end, and keep nobody else out."""
    from muster.errors import MusterError, SourceError

    done, failed = [], []
    for listed in found:
        model = re.sub(r"[^a-z0-9._-]+", "-", listed.name.lower()).strip("-._")
        try:
            version = session.hub.register(model, listed, if_changed=True, **declared)
        except MusterError as error:
            failed.append({"name": listed.name, "error": error.message, "hint": error.hint})
            session.say(f"failed  {listed.name}: {error.message}")
            continue
        done.append(version)
        session.say(f"registered  {version.ref}  {version.task}")
    document = {"registered": [v.ref for v in done], "failed": failed}
    show_line(session, document, "registered", f"{len(done)} of {plural(len(found), 'endpoint')}")
    if failed:
        raise SourceError(
            f"{plural(len(failed), 'endpoint')} of {len(found)} could not be registered: {failed[0]['error']}",
            hint=failed[0]["hint"] or "register them one by one, with what they do not tell",
            details={"failed": failed},
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
