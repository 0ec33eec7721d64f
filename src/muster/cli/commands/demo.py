"""`muster demo`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from muster.cli.command import Command, pass_session
from muster.cli.documents import run_document
from muster.cli.endpoints import endpoint_parts
from muster.cli.program import program
from muster.cli.render import line, show_line
from muster.cli.runs import from_here, result_parts
from muster.cli.session import Session

if TYPE_CHECKING:
    from muster.evaluation.comparison import Comparison
    from muster.records import Run, Version


@click.command("demo", cls=Command, makes_hub=True, example="muster demo\nmuster demo --external /tmp/flights")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="muster-demo")
@click.option("--external", is_flag=True, help="The tour of models that someone else runs; no account is needed.")
@pass_session
def demo(session: Session, folder: Path, *, external: bool) -> None:
    """Do the main job on real data, from nothing.

    Trains a model on flights from New York, registers it and a second one of plain Python, scores a month, evaluates and
    compares both on it with a report, and leaves a hub in FOLDER (muster-demo) to go on with. Safe to run twice.

    With --external the model stands behind endpoints of SageMaker, Vertex AI, Databricks, Open Inference and plain HTTP:
    local servers that end with the command. They are connected to, registered, compared, scored with and watched.
    """
    from muster.cli.commands.register import registered_parts
    from muster.cli.comparisons import comparison_parts
    from muster.demo import external as elsewhere
    from muster.demo import tour as main
    from muster.demo.told import Told

    def registered(version: Version, began: datetime) -> None:
        parts = (*registered_parts(version, began), *endpoint_parts(version))
        session.say(line(*parts, to=", ".join(version.aliases)))

    def scored(run: Run) -> None:
        session.say(line(*result_parts(run), to=from_here(run.output or "")))

    def compared(found: Comparison) -> None:
        for parts in comparison_parts(found):
            session.say(line(*parts))

    def reported(path: Path) -> None:
        session.say(line("reported", to=from_here(str(path))))

    folder.mkdir(parents=True, exist_ok=True)
    session.target = str(folder.absolute() / ".muster")
    told = Told(session.say, registered, scored, compared, reported)
    if external:
        run = elsewhere.tour(session.hub, folder.absolute(), told)
        session.say(elsewhere.next_steps(folder, program(folder), run))
    else:
        run = main.tour(session.hub, folder.absolute(), told)
        session.say(main.next_steps(folder, program(folder)))
    if session.format == "json":  # people were told by the tour
        show_line(session, run_document(run), "scored")
