"""`muster model`: list, show, describe, delete, restore."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from muster.cli.command import Group
from muster.cli.documents import model_document
from muster.cli.lists import Paging, View, list_command, show_page
from muster.cli.program import program
from muster.cli.render import Column, Sheet
from muster.cli.session import Session
from muster.cli.text import exact, listed
from muster.cli.verbs import Deletion, Shown, delete_command, describe_command, restore_command, show_command

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import Model, Version


@click.group("model", cls=Group)
def model() -> None:
    """Named lines of versions."""


@list_command(
    model,
    over="id, name, project, task, target, created_at, updated_at, deleted_at and tag.KEY",
    example="muster model list name~churn task=binary tag.team=ops --sort -created_at",
    restorable=True,
)
def list_models(session: Session, paging: Paging) -> None:
    """List models."""
    hub = session.hub
    view = partial(_view, hub, deleted=paging.deleted)
    show_page(session, hub.models(paging.filters, paging.sort, deleted=paging.deleted), view, paging)


def _view(hub: Hub, models: Sequence[Model], *, deleted: bool) -> View[Model]:
    """Aliases are no part of a model's record."""
    aliases = hub.aliases_of([m.name for m in models])
    return View(
        [
            Column("name", lambda m: m.name, "name"),
            Column("task", lambda m: m.task, "whole"),
            Column("target", lambda m: m.target),
            Column("classes", lambda m: m.classes),
            Column("aliases", lambda m: aliases[m.name]),
            Column("tags", lambda m: m.tags),
            Column("updated_at", lambda m: m.updated_at),
            *(_DELETED if deleted else ()),
            Column("description", lambda m: m.description),
        ],
        lambda m: model_document(m, aliases[m.name]),
        empty="no models are deleted" if deleted else "no models yet",
        begin="" if deleted else "muster register MODEL SOURCE",
    )


_DELETED: Sequence[Column[Model]] = (Column("deleted_at", lambda m: m.deleted_at),)


@show_command(model, "MODEL", example="muster model show churn")
def show_model(hub: Hub, name: str) -> Shown:
    """Show a model: what it answers, its versions and aliases."""
    found = hub.model(name)
    aliases = hub.aliases(found.name)
    newest = hub.versions(found.name).page(_NEWEST)
    return Shown(
        model_document(found, aliases),
        lambda: _sheet(found, aliases, newest.items, more=newest.next is not None),
        [f"muster version show {newest.items[0].ref}" if newest.items else f"muster register {found.name} SOURCE"],
    )


_NEWEST = 10
_VERSIONS: Sequence[Column[Version]] = (
    Column("version", lambda v: v.ref, "name"),
    Column("origin", lambda v: v.origin),
    Column("aliases", lambda v: v.aliases),
    Column("created_at", lambda v: v.created_at),
    Column("by", lambda v: v.created_by),
    Column("description", lambda v: v.description),
)


def _sheet(found: Model, aliases: Mapping[str, int], newest: Sequence[Version], *, more: bool) -> Sheet:
    sheet = Sheet(found.name)
    sheet.fact("", found.description)
    sheet.fact("task", found.task)
    sheet.unknown("target", found.target)
    sheet.fact("classes", listed(found.classes) if found.classes else "")
    sheet.fact("aliases", *(f"{alias} → {found.name}:{number}" for alias, number in aliases.items()))
    sheet.fact("tags", *(f"{k}={v}" for k, v in found.tags.items()))
    sheet.table("versions", newest, _VERSIONS)
    sheet.fact("", f"… all of them: {program()} version list {found.name}" if more else "")
    sheet.fact("created", f"{exact(found.created_at)} by {found.created_by}")
    sheet.fact("updated", exact(found.updated_at))
    sheet.fact("id", found.id)
    return sheet


@describe_command(model, "MODEL", example='muster model describe churn "Who leaves within three months?"')
def describe_model(hub: Hub, name: str) -> str:
    """Say in words what a model is."""
    return hub.model(name).name


@delete_command(model, "MODEL", example="muster model delete churn --reason 'replaced by retention' --yes")
def delete_model(hub: Hub, name: str) -> Deletion:
    """Delete a model and all its versions; refused while it has aliases. They can be restored until they are collected."""
    found = hub.model(name, deleted=True).name
    return Deletion(found, f"the model {found} and all its versions", partial(hub.delete_model, found))


@restore_command(model, "MODEL", example="muster model restore churn")
def restore_model(hub: Hub) -> Callable[..., int]:
    """Bring back a deleted model, with the versions that were deleted with it."""
    return hub.restore_model
