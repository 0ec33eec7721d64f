"""`muster dataset`: register, list, show, remove."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import plain
from muster.cli.lists import Paging, View, list_command, show_page
from muster.cli.options import reason_option, tag_option
from muster.cli.render import Column, Sheet, show_line
from muster.cli.session import Session
from muster.cli.text import count, exact, plural
from muster.cli.values import pairs
from muster.cli.verbs import Shown, show_command

if TYPE_CHECKING:
    from muster.hub import Hub
    from muster.records import DatasetRecord
    from muster.registry.datasets import DatasetUse


@click.group("dataset", cls=Group)
def dataset() -> None:
    """Names for tables."""


@dataset.command(
    "register", makes_hub=True, example="muster dataset register march 'flights/2013-03/*.parquet' --tag team=ops"
)
@click.argument("name")
@click.argument("data", metavar="DATA")
@click.option("--description", default="", help="What it is, in words.")
@tag_option
@click.option("--replace", is_flag=True, help="Give the name to this data, whatever it meant before.")
@pass_session
def register_dataset(
    session: Session, *, name: str, data: str, description: str, tags: tuple[str, ...], replace: bool
) -> None:
    """Register a name for a file, folder, glob or URL; from then on data:NAME means it."""
    found = session.hub.dataset(name, data, description=description, tags=pairs(tags, "--tag"), replace=replace)
    rows = plural(found.rows, "row") if found.rows is not None else ""
    show_line(
        session,
        plain(found),
        "registered",
        f"data:{found.name}",
        plural(len(found.schema), "column"),
        rows,
        to=found.uri,
    )


@list_command(dataset, over="name, created_at and tag.KEY", example="muster dataset list name~flights")
def list_datasets(session: Session, paging: Paging) -> None:
    """List registered datasets."""
    show_page(session, session.hub.datasets(paging.filters, paging.sort), _VIEW, paging)


_VIEW: View[DatasetRecord] = View(
    [
        Column("name", lambda d: d.name, "name"),
        Column("rows", lambda d: d.rows),
        Column("columns", lambda d: len(d.schema)),
        Column("uri", lambda d: d.uri),
        Column("tags", lambda d: d.tags),
        Column("created_at", lambda d: d.created_at),
        Column("description", lambda d: d.description),
    ],
    plain,
    empty="no datasets yet",
    begin="muster dataset register NAME DATA",
)


@show_command(dataset, "NAME", example="muster dataset show march")
def show_dataset(hub: Hub, name: str) -> Shown:
    """Show a registered dataset: where it is, its columns, and the runs that read or wrote it."""
    found = hub.dataset(name.removeprefix("data:"))
    uses = list(islice(hub.dataset_uses(found.name), _USES))
    told = [_told(found, use) for use in uses]
    return Shown({**plain(found), "uses": told}, lambda: _sheet(found, uses))


def _told(found: DatasetRecord, use: DatasetUse) -> dict[str, object]:
    run = {"run": use.run.id, "status": use.run.status, "version": use.run.ref}
    return {"how": use.how, **run, "same": _same(found, use), "created_at": exact(use.run.created_at)}


_USES = 20
"""The newest that are shown."""


def _same(found: DatasetRecord, use: DatasetUse) -> bool | None:
    """Whether a run read what the dataset was when it was registered; None where that is not known."""
    return use.run.fingerprint == found.fingerprint if use.how == "read" and use.run.fingerprint else None


def _sheet(found: DatasetRecord, uses: Sequence[DatasetUse]) -> Sheet:
    sheet = Sheet(f"data:{found.name}")
    sheet.fact("", found.description)
    sheet.fact("uri", found.uri)
    sheet.unknown("rows", None if found.rows is None else count(found.rows))
    sheet.table("columns", found.schema, [Column("name", lambda c: c["name"]), Column("type", lambda c: c["type"])])
    sheet.fact("tags", *(f"{k}={v}" for k, v in found.tags.items()))
    sheet.fact("registered", f"{exact(found.created_at)} by {found.created_by}")
    sheet.fact("fingerprint", found.fingerprint)
    if uses:
        sheet.table(
            "used by",
            uses,
            [
                Column("run", lambda u: u.run.id),
                Column("", lambda u: u.how),
                Column("version", lambda u: u.run.ref),
                Column("status", lambda u: u.run.status),
                Column("data", lambda u: {True: "as registered", False: "changed", None: ""}[_same(found, u)]),
                Column("when", lambda u: u.run.created_at),
            ],
        )
    return sheet


@dataset.command("remove", example="muster dataset remove march")
@click.argument("name")
@reason_option
@pass_session
def remove_dataset(session: Session, name: str, reason: str) -> None:
    """Forget a name; the data stays where it is."""
    name = name.removeprefix("data:")
    session.hub.remove_dataset(name, reason=reason)
    show_line(session, {"removed": name}, "removed", f"data:{name}")
