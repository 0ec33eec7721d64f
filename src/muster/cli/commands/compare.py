"""`muster compare`."""

from __future__ import annotations

import click

from muster.cli import values
from muster.cli.command import Command, pass_session
from muster.cli.comparisons import comparison_sheet
from muster.cli.options import threshold_option
from muster.cli.render import show_sheet
from muster.cli.reporting import write_report
from muster.cli.session import Session


@click.command(
    "compare",
    cls=Command,
    example="muster compare churn:3 churn:4 --data march.parquet --target churned\n"
    "muster compare churn@champion churn:4 churn:5 --data march.parquet --report compared.html\n"
    "muster compare churn:3 churn:4 --data march.parquet --agreement\n"
    "muster compare 01JD4ZT7K5Q3F0W8V9X2Y6A1BC churn:4",
)
@click.argument("items", metavar="A B [...]", nargs=-1, required=True)
@click.option("--data", metavar="DATA", help="What versions are evaluated on; else what the evaluations named were.")
@click.option("--target", metavar="COL", help="The column with the actual values; else that of the model.")
@click.option("--segments", multiple=True, metavar="A,B*C", help="Columns whose values are looked at apart.")
@click.option("--weight", metavar="COL", help="The column with the weights of rows.")
@click.option("--key", multiple=True, metavar="A,B", help="Columns that tell a row from every other one.")
@threshold_option
@click.option("--report", metavar="FILE", help="Write all of it with charts: FILE.html, FILE.pdf or FILE.md.")
@click.option("--agreement", is_flag=True, help="Hold each against A row by row too: which rows moved, and how far.")
@pass_session
def compare(
    session: Session,
    *,
    items: tuple[str, ...],
    data: str | None,
    target: str | None,
    segments: tuple[str, ...],
    weight: str | None,
    key: tuple[str, ...],
    threshold: float | None,
    report: str | None,
    agreement: bool,
) -> None:
    """Compare versions or evaluations, the first as the reference.

    A and B are ids of evaluations, or versions, which are evaluated on the data unless that was done before. Differences on
    the same rows come with paired intervals; the last lines say who is better by the first metric, and whether by more than
    chance.
    """
    from muster.evaluation.writing import check

    if report is not None:
        check(report)
    with session.meter("comparing", items[0]) as meter:
        found = session.hub.compare(
            list(items),
            data,
            target=target,
            segments=values.parts(segments),
            weight=weight,
            key=values.names(key),
            threshold=threshold,
            agreement=agreement,
            watch=meter.watch,
        )
    show_sheet(session, found.to_json(), lambda: comparison_sheet(found))
    again = ["muster compare", *(e.id for e in found.evaluations), *(["--agreement"] if agreement else [])]
    write_report(session, found, report, " ".join(again))
    session.next(*(f"muster evaluation show {e.id}" for e in found.evaluations[:2]))
