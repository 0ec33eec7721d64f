"""`muster model`: list, show, describe, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import click

from muster.cli.command import Group, pass_session
from muster.cli.confirm import confirm
from muster.cli.lists import Paging, paged, show_page
from muster.cli.options import reason_option, yes_option
from muster.cli.render import Column, Sheet, show_line, show_sheet
from muster.cli.session import Session

if TYPE_CHECKING:
    from muster.records import Model, Version

_Named: TypeAlias = "tuple[Model, Mapping[str, int]]"


@click.group("model", cls=Group)
def model() -> None:
    """Named lines of versions."""


@model.command("list", table=True, example="muster model list name~churn task=binary tag.team=ops --sort -created_at")
@paged
@pass_session
def list_models(session: Session, paging: Paging) -> None:
    """List models.

    A FILTER is FIELD=VALUE, or with != < <= > >= or ~ (contains), over id, name, project, task, target, created_at,
    updated_at and tag.KEY. All that are given must hold.
    """
    from muster.cli.documents import model_document

    columns: list[Column[_Named]] = [
        Column("name", lambda m: m[0].name),
        Column("task", lambda m: m[0].task, "whole"),
        Column("target", lambda m: m[0].target),
        Column("classes", lambda m: m[0].classes),
        Column("aliases", lambda m: m[1]),
        Column("tags", lambda m: m[0].tags),
        Column("updated_at", lambda m: m[0].updated_at),
        Column("description", lambda m: m[0].description),
    ]
    hub = session.hub
    show_page(
        session,
        hub.models(paging.filters, paging.sort),
        columns,
        lambda m: model_document(*m),
        paging,
        row=lambda m: (m, hub.aliases(m.name)),
        empty="no models yet",
        begin="muster register MODEL SOURCE",
    )


@model.command("show", example="muster model show churn")
@click.argument("name", metavar="MODEL")
@pass_session
def show_model(session: Session, name: str) -> None:
    """Show a model: what it answers, its versions and aliases."""
    from muster.cli.documents import model_document

    hub = session.hub
    found = hub.model(name)
    aliases = hub.aliases(found.name)
    newest = hub.versions(found.name).page(_NEWEST)
    show_sheet(
        session,
        model_document(found, aliases),
        lambda: _sheet(found, aliases, list(newest.items), more=newest.next is not None),
    )
    session.next(
        *([f"muster version show {newest.items[0].ref}"] if newest.items else [f"muster register {found.name} SOURCE"])
    )


_NEWEST = 10


def _sheet(found: Model, aliases: Mapping[str, int], newest: list[Version], *, more: bool) -> Sheet:
    from muster.cli.text import exact, listed

    sheet = Sheet(found.name)
    sheet.fact("", found.description)
    sheet.fact("task", found.task)
    sheet.unknown("target", found.target)
    sheet.fact("classes", listed(found.classes) if found.classes else "")
    sheet.fact("aliases", *(f"{alias} → {found.name}:{number}" for alias, number in aliases.items()))
    sheet.fact("tags", *(f"{k}={v}" for k, v in found.tags.items()))
    columns: list[Column[Version]] = [
        Column("version", lambda v: v.ref),
        Column("origin", lambda v: v.origin),
        Column("aliases", lambda v: v.aliases),
        Column("created_at", lambda v: v.created_at),
        Column("by", lambda v: v.created_by),
        Column("description", lambda v: v.description),
    ]
    sheet.table("versions", newest, columns)
    sheet.fact("", f"… all of them: muster version list {found.name}" if more else "")
    sheet.fact("created", f"{exact(found.created_at)} by {found.created_by}")
    sheet.fact("updated", exact(found.updated_at))
    sheet.fact("id", found.id)
    return sheet


@model.command("describe", example='muster model describe churn "Who leaves within three months?"')
@click.argument("name", metavar="MODEL")
@click.argument("text")
@reason_option
@pass_session
def describe_model(session: Session, name: str, text: str, reason: str) -> None:
    """Say in words what a model is."""
    from muster.cli.documents import thing_document

    name = session.hub.model(name).name
    show_line(session, thing_document(session.hub.describe(name, text, reason=reason)), "described", name)


@model.command("delete", example="muster model delete churn --reason 'replaced by retention' --yes")
@click.argument("name", metavar="MODEL")
@reason_option
@yes_option
@pass_session
def delete_model(session: Session, name: str, reason: str, yes: bool) -> None:
    """Delete a model and all its versions; refused while it has aliases."""
    from muster.cli.text import plural

    name = session.hub.model(name).name
    confirm(f"the model {name} and all its versions", name, yes=yes)
    versions = session.hub.delete_model(name, reason=reason)
    show_line(session, {"deleted": name, "versions": versions}, "deleted", name, plural(versions, "version"))
