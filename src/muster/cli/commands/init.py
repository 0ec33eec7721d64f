"""`muster init`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from muster.cli.command import Command, pass_session
from muster.cli.program import program
from muster.cli.render import show_line
from muster.cli.session import Session


@click.command(
    "init",
    cls=Command,
    example="muster init churn-model\nmuster register churn churn-model --sample churn-model/sample.csv",
)
@click.argument("folder", type=click.Path(path_type=Path))
@pass_session
def init(session: Session, folder: Path) -> None:
    """Write a small working model folder to start from.

    It has a model of plain Python with all its hooks, what Muster needs to know of it, a sample, and a README with what to
    type next.
    """
    from muster.cli.starter import commands, write

    written = write(folder, _name(folder), program(folder.absolute().parent))
    show_line(
        session,
        {"folder": str(folder), "files": [p.name for p in written]},
        "wrote",
        *(p.name for p in written),
        to=str(folder),
    )
    session.next(*commands(_name(folder), str(folder)))


def _name(folder: Path) -> str:
    """The folder's own, as the names of models are."""
    return re.sub(r"[^a-z0-9._-]+", "-", folder.absolute().name.lower()).strip("-._")[:128] or "model"
