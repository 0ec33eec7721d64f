"""`muster predict`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from muster.cli import values
from muster.cli.command import Command, pass_session
from muster.cli.options import mapping_option, params_option, threshold_option
from muster.cli.session import Session

if TYPE_CHECKING:
    from muster.cli.rows import Form

FORMATS = ("json", "jsonl", "csv", "arrow")


@click.command(
    "predict",
    cls=Command,
    table=True,
    example="muster predict churn < rows.json\nhead -3 rows.csv | muster predict churn@champion --csv",
)
@click.argument("reference", metavar="REF")
@click.option("--format", "form", type=click.Choice(FORMATS), help="What stdin has; recognised when not given.")
@mapping_option
@threshold_option
@params_option
@click.option(
    "--on-reject",
    type=click.Choice(["null", "fail"]),
    default="null",
    show_default=True,
    help="A row that cannot be predicted gives null and an error, or ends the command.",
)
@pass_session
def predict(
    session: Session,
    *,
    reference: str,
    form: Form | None,
    mapping: tuple[str, ...],
    threshold: float | None,
    params: tuple[str, ...],
    on_reject: str,
) -> None:
    """Predict for rows on stdin.

    Reads JSON (a list of objects, one object, or an object a line), CSV or Arrow; prints an object a line, or a table on
    a terminal. For more than fits into memory there is `muster score`.
    """
    from muster.cli import predictions, rows
    from muster.parameters import read_parameters

    hub = session.hub
    version = hub.version(reference)
    renamed = values.pairs(mapping, "--map", "MODEL_COLUMN=DATA_COLUMN")
    if sys.stdin.isatty():
        session.say("reading rows from stdin, end with Ctrl-D")
    given = rows.read(sys.stdin.buffer.read(), form, hub, version, renamed)
    if given.faults and on_reject == "fail":
        raise rows.refusal(given)
    answer = hub.predict(
        version.ref,
        given.table,
        params=read_parameters(version.signature, values.pairs(params, "--param")),
        threshold=threshold,
        mapping=renamed,
        on_reject=on_reject,
    )
    predictions.show_predictions(session, version, predictions.merged(answer, given), terminal=sys.stdout.isatty())
