"""`muster alias`: set, remove, list."""

from __future__ import annotations

from typing import TypeAlias

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import version_document
from muster.cli.lists import View, show_all
from muster.cli.options import reason_option
from muster.cli.render import Column, show_line
from muster.cli.session import Session
from muster.errors import InvalidReference

_Alias: TypeAlias = dict[str, str | int]


@click.group("alias", cls=Group)
def alias() -> None:
    """Movable names of versions."""


@alias.command("set", example="muster alias set churn:3 champion --reason 'better on March'")
@click.argument("reference", metavar="REF")
@click.argument("name", metavar="ALIAS")
@reason_option
@pass_session
def set_alias(session: Session, reference: str, name: str, reason: str) -> None:
    """Make an alias mean a version, whatever it meant before."""
    hub = session.hub
    before = hub.aliases(hub.version(reference).model).get(name)
    version = hub.set_alias(reference, name, reason=reason)
    meant = "" if before is None else "already" if before == version.number else f"{version.model}:{before}"
    show_line(session, version_document(version), "set", f"{version.model}@{name}", meant, to=version.ref)


@alias.command("remove", example="muster alias remove churn@champion")
@click.argument("reference", metavar="MODEL@ALIAS")
@reason_option
@pass_session
def remove_alias(session: Session, reference: str, reason: str) -> None:
    """Remove an alias; the version stays."""
    model, mark, name = reference.partition("@")
    if not (model and mark and name):
        raise InvalidReference(
            f"`{reference}` is no alias of a model", hint="write MODEL@ALIAS, such as churn@champion"
        )
    session.hub.remove_alias(model, name, reason=reason)
    show_line(session, {"removed": reference}, "removed", reference)


@alias.command("list", table=True, example="muster alias list churn")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@pass_session
def list_aliases(session: Session, models: tuple[str, ...]) -> None:
    """List the aliases of models; of all of them when none is named."""
    hub = session.hub
    found: list[_Alias] = [
        {"model": model, "alias": name, "number": number, "ref": f"{model}:{number}"}
        for model in models or [m.name for m in hub.models()]
        for name, number in hub.aliases(model).items()
    ]
    show_all(session, found, _VIEW)


_VIEW: View[_Alias] = View(
    [Column("alias", lambda a: f"{a['model']}@{a['alias']}", "name"), Column("version", lambda a: a["ref"], "name")],
    lambda a: a,
    empty="no aliases yet",
    begin="muster alias set REF champion",
)
