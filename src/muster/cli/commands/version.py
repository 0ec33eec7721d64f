"""`muster version`: list, show, describe, threshold, delete."""

from __future__ import annotations

import re
from dataclasses import replace

import click

from muster.cli.command import Group, pass_session
from muster.cli.confirm import confirm
from muster.cli.lists import Paging, paged, show_page
from muster.cli.options import reason_option, yes_option
from muster.cli.render import Column, show_line, show_sheet
from muster.cli.session import Session

_OPERATOR = re.compile(r"[=<>~!]")


@click.group("version", cls=Group)
def version() -> None:
    """Immutable entries of models."""


@version.command(
    "list", table=True, example="muster version list churn\nmuster version list origin=mlflow --sort -created_at"
)
@paged
@pass_session
def list_versions(session: Session, paging: Paging) -> None:
    """List versions, of a model if the first FILTER is its name, the newest of it first.

    A FILTER is FIELD=VALUE, or with != < <= > >= or ~ (contains), over id, model, number, origin, digest, created_at and
    tag.KEY.
    """
    from muster.cli.documents import version_document
    from muster.records import Version

    model = None
    if paging.filters and not _OPERATOR.search(paging.filters[0]):
        model, paging = paging.filters[0], replace(paging, filters=paging.filters[1:])
    columns: list[Column[Version]] = [
        Column("ref", lambda v: v.ref),
        Column("origin", lambda v: v.origin),
        Column("task", lambda v: v.task, "whole"),
        Column("aliases", lambda v: v.aliases),
        Column("threshold", lambda v: v.threshold),
        Column("size", lambda v: v.size if v.artifact else None, "bytes"),
        Column("tags", lambda v: v.tags),
        Column("created_at", lambda v: v.created_at),
        Column("created_by", lambda v: v.created_by),
        Column("description", lambda v: v.description),
    ]
    listing = session.hub.versions(model, paging.filters, paging.sort)
    show_page(
        session,
        listing,
        columns,
        version_document,
        paging,
        row=lambda v: v,
        empty="no versions yet",
        begin=f"muster register {model or 'MODEL'} SOURCE",
    )


@version.command("show", example="muster version show churn@champion")
@click.argument("reference", metavar="REF")
@pass_session
def show_version(session: Session, reference: str) -> None:
    """Show a version: what it is, what it takes and gives, where it runs, what was found out about it."""
    from muster.cli.documents import version_document
    from muster.cli.versions import version_sheet

    hub = session.hub
    found = hub.version(reference)
    show_sheet(
        session,
        version_document(found),
        lambda: version_sheet(found, {e.key: len(e.packages) for e in hub.environments.list()}),
    )
    usual = (f"muster score {found.ref} INPUT OUTPUT", f"muster predict {found.ref} < rows.json")
    session.next(*usual, *(() if found.aliases else (f"muster alias set {found.ref} champion",)))


@version.command("describe", example='muster version describe churn:3 "Trained on the data of 2026"')
@click.argument("reference", metavar="REF")
@click.argument("text")
@reason_option
@pass_session
def describe_version(session: Session, reference: str, text: str, reason: str) -> None:
    """Say in words what a version is."""
    from muster.cli.documents import thing_document

    ref = session.hub.version(reference).ref
    show_line(session, thing_document(session.hub.describe(ref, text, reason=reason)), "described", ref)


@version.command(
    "threshold", example="muster version threshold churn:3 0.35 --reason 'costs'\nmuster version threshold churn:3 none"
)
@click.argument("reference", metavar="REF")
@click.argument("value", metavar="P|none")
@reason_option
@pass_session
def set_threshold(session: Session, reference: str, value: str, reason: str) -> None:
    """Set the probability from which a row is positive; `none` leaves the model's own label."""
    from muster.cli.documents import version_document

    try:
        wanted = None if value == "none" else float(value)
    except ValueError:
        raise click.BadParameter(f"`{value}` is neither a number nor `none`", param_hint="P|none") from None
    found = session.hub.set_threshold(reference, wanted, reason=reason)
    told = "the model's own label" if found.threshold is None else f"{found.classes[-1]} from p ≥ {found.threshold:g}"
    show_line(session, version_document(found), "threshold", found.ref, told)


@version.command("delete", example="muster version delete churn:2 --reason 'trained on wrong data' --yes")
@click.argument("reference", metavar="REF")
@reason_option
@yes_option
@pass_session
def delete_version(session: Session, reference: str, reason: str, yes: bool) -> None:
    """Delete a version; refused while an alias points at it. Its number is not used again."""
    ref = session.hub.version(reference).ref
    confirm(f"the version {ref}", ref, yes=yes)
    session.hub.delete_version(ref, reason=reason)
    show_line(session, {"deleted": ref}, "deleted", ref)
