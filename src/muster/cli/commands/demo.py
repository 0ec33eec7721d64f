"""`muster demo`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from muster.cli.command import Command, pass_session
from muster.cli.documents import run_document
from muster.cli.program import program
from muster.cli.render import line, show_line
from muster.cli.runs import from_here, result_parts
from muster.cli.session import Session

if TYPE_CHECKING:
    from muster.records import Run, Version


@click.command("demo", cls=Command, makes_hub=True, example="muster demo\nmuster demo /tmp/flights")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="muster-demo")
@pass_session
def demo(session: Session, folder: Path) -> None:
    """Do the main job on real data, from nothing.

    Trains a model on flights from New York, registers it and a second one of plain Python, scores a month, and leaves a
    hub in FOLDER (muster-demo) to go on with. Safe to run twice.
    """
    from muster.cli.commands.register import registered_parts
    from muster.demo.tour import Told, next_steps, tour

    def registered(version: Version, began: datetime) -> None:
        session.say(line(*registered_parts(version, began), to=", ".join(version.aliases)))

    def scored(run: Run) -> None:
        session.say(line(*result_parts(run), to=from_here(run.output or "")))

    folder.mkdir(parents=True, exist_ok=True)
    session.target = str(folder.absolute() / ".muster")
    run = tour(session.hub, folder.absolute(), Told(session.say, registered, scored))
    session.say(next_steps(folder, program(folder)))
    if session.format == "json":  # people were told by the tour
        show_line(session, run_document(run), "scored")
