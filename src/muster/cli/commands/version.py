"""`muster version`: list, show, describe, threshold, snapshot, snapshots, download, delete, restore."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import plain, version_document
from muster.cli.endpoints import registered_again
from muster.cli.lists import Paging, View, list_command, show_all, show_page
from muster.cli.options import reason_option
from muster.cli.render import Column, show_line
from muster.cli.session import Session
from muster.cli.verbs import Deletion, Shown, delete_command, describe_command, restore_command, show_command

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import Snapshot, Version


@click.group("version", cls=Group)
def version() -> None:
    """Immutable entries of models."""


@list_command(
    version,
    over="id, model, number, origin, digest, imported, created_at, deleted_at and tag.KEY",
    example="muster version list churn\nmuster version list origin=mlflow --sort -created_at",
    restorable=True,
)
def list_versions(session: Session, paging: Paging) -> None:
    """List versions, of a model if the first FILTER is its name, the newest of it first."""
    model, view = None, _VIEW
    if paging.filters and not _OPERATOR.search(paging.filters[0]):
        model, paging = paging.filters[0], replace(paging, filters=paging.filters[1:])
        view = replace(view, begin=f"muster register {model} SOURCE")
    if paging.deleted:
        columns: list[Column[Version]] = [*view.columns, Column("deleted_at", lambda v: v.deleted_at)]
        view = replace(view, columns=columns, empty="no versions are deleted", begin="")
    listing = session.hub.versions(model, paging.filters, paging.sort, deleted=paging.deleted)
    show_page(session, listing, view, paging)


_OPERATOR = re.compile(r"[=<>~!]")
_VIEW: View[Version] = View(
    [
        Column("ref", lambda v: v.ref, "name"),
        Column("origin", lambda v: v.origin),
        Column("task", lambda v: v.task, "whole"),
        Column("aliases", lambda v: v.aliases),
        Column("threshold", lambda v: v.threshold),
        Column("size", lambda v: v.size if v.artifact else None, "bytes"),
        Column("tags", lambda v: v.tags),
        Column("created_at", lambda v: v.created_at),
        Column("created_by", lambda v: v.created_by),
        Column("description", lambda v: v.description),
    ],
    version_document,
    empty="no versions yet",
    begin="muster register MODEL SOURCE",
)


@show_command(version, "REF", example="muster version show churn@champion")
def show_version(hub: Hub, reference: str) -> Shown:
    """Show a version: what it is, what it takes and gives, where it runs, what was found out about it."""
    from muster.cli.versions import version_sheet

    found = hub.version(reference)
    usual = (
        ()
        if found.load.get("reported")
        else (f"muster score {found.ref} INPUT OUTPUT", f"muster predict {found.ref} < rows.json")
    )
    return Shown(
        version_document(found),
        lambda: version_sheet(found, {e.key: len(e.packages) for e in hub.environments.list()}),
        [*usual, *(() if found.aliases else (f"muster alias set {found.ref} champion",))],
    )


@describe_command(version, "REF", example='muster version describe churn:3 "Trained on the data of 2026"')
def describe_version(hub: Hub, reference: str) -> str:
    """Say in words what a version is."""
    return hub.version(reference).ref


@version.command(
    "threshold",
    example="muster version threshold churn:3 0.35 --reason 'costs'\nmuster version threshold churn:3 none\n"
    "muster version threshold churn:3 --best 'recall>=0.9' --evaluation 01JD4ZT7K5Q3F0W8V9X2Y6A1BC",
)
@click.argument("reference", metavar="REF")
@click.argument("value", metavar="P|none", required=False)
@click.option(
    "--best",
    metavar="GOAL",
    help="What is best for f1, mcc, `recall>=0.9`, `precision>=0.8`, `alerts<=100`, `cost`, `[[0, 1], [5, 0]]`.",
)
@click.option("--evaluation", metavar="ID", help="The evaluation of the version that tells what is best.")
@reason_option
@pass_session
def set_threshold(
    session: Session, *, reference: str, value: str | None, best: str | None, evaluation: str | None, reason: str
) -> None:
    """Set the probability from which a row is positive; `none` leaves the model's own label."""
    if (value is None) == (best is None) or (best is None) != (evaluation is None):
        raise click.UsageError("give P or none, or --best with --evaluation", click.get_current_context())
    if best is not None and evaluation is not None:
        found = session.hub.optimise(reference, evaluation, best, reason=reason)
    else:
        found = session.hub.set_threshold(reference, _threshold(value), reason=reason)
    told = "the model's own label" if found.threshold is None else f"{found.classes[-1]} from p ≥ {found.threshold:g}"
    show_line(session, version_document(found), "threshold", found.ref, told)


def _threshold(value: str | None) -> float | None:
    try:
        return None if value is None or value == "none" else float(value)
    except ValueError:
        raise click.BadParameter(f"`{value}` is neither a number nor `none`", param_hint="P|none") from None


@version.command("snapshot", example="muster version snapshot churn@champion")
@click.argument("reference", metavar="REF")
@pass_session
def take_snapshot(session: Session, reference: str) -> None:
    """Look at what stands behind an endpoint now: its configuration, and how it answers pinned rows.

    What has changed since the last look is told, marks the version, and is an event.
    """
    taken = session.hub.snapshot(reference)
    ref = f"{taken.model}:{taken.number}"
    show_line(session, plain(taken), "changed" if taken.changes else "unchanged", ref)
    for change in taken.changes:
        session.say(f"note: {change}")
    if taken.changes:
        found = session.hub.version(ref)
        session.next(*registered_again(found), f"muster version snapshots {ref}")


@version.command("snapshots", table=True, example="muster version snapshots churn:3")
@click.argument("reference", metavar="REF")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@pass_session
def list_snapshots(session: Session, reference: str, limit: int) -> None:
    """List the looks that were taken at what stands behind an endpoint, the newest first."""
    found = list(session.hub.snapshots(reference, limit))
    show_all(session, found, _SNAPSHOTS)


_SNAPSHOTS: View[Snapshot] = View(
    [
        Column("created_at", lambda s: s.created_at),
        Column("digest", lambda s: s.digest[:12], "whole"),
        Column("noise", lambda s: s.noise),
        Column("changes", lambda s: "; ".join(s.changes)),
        Column("created_by", lambda s: s.created_by),
    ],
    plain,
    empty="no snapshots: the version runs here",
)


@version.command(
    "download",
    example="muster version download churn:3 ./churn-3\nmuster version download churn@champion ./export --format mlflow --sample rows.csv",
)
@click.argument("reference", metavar="REF")
@click.argument("target", metavar="FOLDER")
@click.option(
    "--format",
    "form",
    type=click.Choice(("native", "mlflow")),
    default="native",
    show_default=True,
    help="As it was registered, or as an MLflow folder.",
)
@click.option("--sample", metavar="DATA", help="Rows for the input example of an MLflow folder.")
@pass_session
def download_version(session: Session, reference: str, target: str, form: str, sample: str | None) -> None:
    """Write a version's files into a new folder, each checked against its digest.

    An MLflow folder is loaded by plain MLflow, and predicts there what it predicts here.
    """
    found = session.hub.version(reference)
    folder = session.hub.download(found.ref, target, format=form, sample=sample)
    show_line(
        session, {"ref": found.ref, "format": form, "folder": str(folder)}, "downloaded", found.ref, to=str(folder)
    )


@delete_command(version, "REF", example="muster version delete churn:2 --reason 'trained on wrong data' --yes")
def delete_version(hub: Hub, reference: str) -> Deletion:
    """Delete a version; refused while an alias points at it. It can be restored until it is collected, and its number is
    not used again.
    """
    ref = hub.version(reference, deleted=True).ref
    return Deletion(ref, f"the version {ref}", partial(hub.delete_version, ref))


@restore_command(version, "REF", example="muster version restore churn:2")
def restore_version(hub: Hub) -> Callable[..., Version]:
    """Bring back a deleted version, by its number."""
    return hub.restore_version
