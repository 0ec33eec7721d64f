"""`muster score`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from muster.cli import values
from muster.cli.command import Command, pass_session
from muster.cli.documents import run_document
from muster.cli.options import mapping_option, params_option, threshold_option
from muster.cli.render import show_line
from muster.cli.runs import show_result
from muster.cli.session import Session

if TYPE_CHECKING:
    from muster.records import Progress


@click.command(
    "score",
    cls=Command,
    example="muster score churn@champion rows.parquet scored/\n"
    "muster score churn:3 'parts/*.csv.gz' scored.parquet --keep customer,region --on-reject fail",
)
@click.argument("reference", metavar="REF")
@click.argument("data", metavar="INPUT")
@click.argument("output", metavar="OUTPUT")
@click.option("--keep", multiple=True, metavar="A,B", help="Columns to pass through, or `all`.")
@mapping_option
@threshold_option
@params_option
@click.option("--prefix", default="", help="Put before the names of what is predicted.")
@click.option(
    "--on-reject",
    type=click.Choice(["skip", "fail"]),
    default="skip",
    show_default=True,
    help="Rows that cannot be scored are set apart with the reason, or end the run.",
)
@click.option("--overwrite", is_flag=True, help="Replace an output that is there.")
@click.option("--runner", default="local", show_default=True, help="Where the work runs: local, ray or spark.")
@click.option(
    "--via",
    type=click.Choice(["calls", "batch"]),
    default="calls",
    show_default=True,
    help="Ask an endpoint by calls, or by its provider's batch jobs through object storage.",
)
@click.option("--queue", is_flag=True, help="Leave it to a worker of the hub, and wait for it.")
@click.option("--no-wait", is_flag=True, help="Leave it to a worker of the hub, and return at once.")
@pass_session
def score(
    session: Session,
    *,
    reference: str,
    data: str,
    output: str,
    keep: tuple[str, ...],
    mapping: tuple[str, ...],
    threshold: float | None,
    params: tuple[str, ...],
    prefix: str,
    on_reject: Literal["skip", "fail"],
    overwrite: bool,
    runner: str,
    via: str,
    queue: bool,
    no_wait: bool,
) -> None:
    """Score a dataset into a dataset.

    INPUT is a file, folder, glob or data:NAME of Parquet, CSV, JSON lines or Arrow; OUTPUT a file of one of these, or a
    folder. It appears when it is complete. A run that is cut off goes on with `muster run resume`. What is left to
    workers is done where `muster worker` runs, by one after the other until it is done.
    """
    from muster.parameters import read_parameters

    kept = values.names(keep)
    with session.meter("scoring", reference) as meter:

        def watch(progress: Progress) -> None:
            meter.watch(progress)
            if queue:  # whoever stops waiting for a worker stops no run
                session.run = None

        run = session.hub.score(
            reference,
            data,
            output,
            keep="all" if kept == ("all",) else kept,
            params=read_parameters(session.hub.version(reference).signature, values.pairs(params, "--param")),
            threshold=threshold,
            mapping=values.pairs(mapping, "--map", "MODEL_COLUMN=DATA_COLUMN"),
            prefix=prefix,
            on_reject=on_reject,
            overwrite=overwrite,
            runner=runner,
            via=via,
            queue=queue or no_wait,
            wait=not no_wait,
            watch=watch,
        )
    if no_wait:
        show_line(session, run_document(run), "queued", run.ref or "", run.id)
        session.next(f"muster run show {run.id}", "muster worker")
    else:
        show_result(session, run)
