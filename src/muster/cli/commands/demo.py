"""`muster demo`."""

from __future__ import annotations

from pathlib import Path

import click

from muster.cli.command import Command, pass_session
from muster.cli.documents import run_document
from muster.cli.program import program
from muster.cli.render import show_line
from muster.cli.session import Session


@click.command("demo", cls=Command, makes_hub=True, example="muster demo\nmuster demo /tmp/flights")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="muster-demo")
@pass_session
def demo(session: Session, folder: Path) -> None:
    """Do the main job on real data, from nothing.

    Trains a model on flights from New York, registers it and a second one of plain Python, scores a month, and leaves a
    hub in FOLDER (muster-demo) to go on with. Safe to run twice.
    """
    from muster.demo.tour import next_steps, tour

    folder.mkdir(parents=True, exist_ok=True)
    session.target = str(folder.absolute() / ".muster")
    run = tour(session.hub, folder.absolute(), session.say)
    session.say(next_steps(folder, program(folder)))
    if session.format == "json":  # people were told by the tour
        show_line(session, run_document(run), "scored")
