"""`muster evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muster.cli import values
from muster.cli.command import Command, pass_session
from muster.cli.evaluations import evaluation_sheet, warn_of_left_out
from muster.cli.options import mapping_option, params_option, threshold_option
from muster.cli.render import show_sheet
from muster.cli.reporting import write_report
from muster.cli.session import Session
from muster.errors import RequirementFailed

if TYPE_CHECKING:
    from muster.evaluation.requirements import Verdict


@click.command(
    "evaluate",
    cls=Command,
    example="muster evaluate churn@champion march.parquet --target churned --segments region\n"
    "muster evaluate churn:3 march.parquet --require 'roc_auc>=0.8' --require 'recall>=0.9 for tier=premium'\n"
    "muster evaluate churn:3 march.parquet --require 'counted>=0.99' --require 'rows>=1000'\n"
    "muster evaluate churn:3 march.parquet --protected sex --require 'demographic_parity_ratio>=0.8 for sex'\n"
    "muster evaluate churn:3 march.parquet --output evaluated.parquet --keep customer,region\n"
    "muster evaluate scored.parquet --target y --prediction p",
)
@click.argument("arguments", metavar="[REF] DATA", nargs=-1, required=True)
@click.option(
    "--target",
    multiple=True,
    metavar="A,B",
    help="The column with the actual values, or one for each output; else that of the model.",
)
@click.option("--segments", multiple=True, metavar="A,B*C", help="Columns whose values are looked at apart.")
@click.option(
    "--cut",
    multiple=True,
    metavar="COL:10,20",
    help="A number or a date to look at apart, with the edges to cut it at.",
)
@click.option("--protected", multiple=True, metavar="A,B*C", help="Columns whose groups have to be treated alike.")
@click.option(
    "--weak-segments", is_flag=True, help="Look for parts of the rows that are predicted worse than the rest."
)
@click.option("--weight", metavar="COL", help="The column with the weights of rows.")
@click.option("--key", multiple=True, metavar="A,B", help="Columns that tell a row from every other one.")
@click.option(
    "--prediction", multiple=True, metavar="A,B", help="The column of predictions, where the data are scored already."
)
@click.option("--probabilities", multiple=True, metavar="A,B", help="Their columns, in the order of the classes.")
@click.option("--interval", metavar="LOW,HIGH", help="The columns with the ends of predicted intervals.")
@click.option("--level", type=float, metavar="P", help="The share of rows that predicted intervals are to hold.")
@click.option("--classes", metavar="A,B", help="In order, the positive one last; of several targets as JSON.")
@click.option(
    "--task",
    type=click.Choice(["binary", "multiclass", "regression", "multilabel", "multioutput"]),
    help="Where it is not clear.",
)
@threshold_option
@click.option("--costs", metavar="MATRIX", help="Of a row, by actual and predicted class: `[[0, 1], [5, 0]]`.")
@click.option("--texts/--no-texts", default=None, help="Keep texts of the rows, or none; as profiles.texts says.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="To find it again by. May be repeated.")
@click.option("--require", multiple=True, metavar="TEXT", help="Fail unless it is met: `f1>=0.8`. May be repeated.")
@click.option("--report", metavar="FILE", help="Write all of it with charts: FILE.html, FILE.pdf or FILE.md.")
@click.option("--vs-champion", is_flag=True, help="Beside each metric the difference from the champion of the model.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="A metric of your own. May be repeated.")
@click.option("--output", metavar="PATH", help="Write every row with its prediction, and how right it is.")
@click.option("--keep", multiple=True, metavar="A,B", help="Columns that are written with it, or `all`.")
@click.option("--prefix", default="", help="Put before the names of the columns that are added.")
@click.option("--overwrite", is_flag=True, help="Replace an output that is there.")
@mapping_option
@params_option
@click.option("--runner", default="local", show_default=True, help="Where the work runs: local, ray or spark.")
@pass_session
def evaluate(
    session: Session,
    *,
    arguments: tuple[str, ...],
    target: tuple[str, ...],
    segments: tuple[str, ...],
    cut: tuple[str, ...],
    protected: tuple[str, ...],
    weak_segments: bool,
    weight: str | None,
    key: tuple[str, ...],
    prediction: tuple[str, ...],
    probabilities: tuple[str, ...],
    interval: str | None,
    level: float | None,
    classes: str | None,
    task: str | None,
    threshold: float | None,
    costs: str | None,
    texts: bool | None,
    labels: tuple[str, ...],
    require: tuple[str, ...],
    report: str | None,
    vs_champion: bool,
    metrics: tuple[str, ...],
    output: str | None,
    keep: tuple[str, ...],
    prefix: str,
    overwrite: bool,
    mapping: tuple[str, ...],
    params: tuple[str, ...],
    runner: str,
) -> None:
    """Measure how good a version is on labelled data.

    Every row is counted, and every figure comes with a 95 % interval where there is a valid one. Without REF the data are
    scored already: their columns of predictions are named, or called as `muster score` calls them.
    """
    from muster.evaluation.writing import check
    from muster.parameters import read_parameters

    if len(arguments) > 2:
        raise click.UsageError("give DATA, or REF and DATA", click.get_current_context())
    if report is not None:
        check(report)
    reference, data = arguments if len(arguments) == 2 else (None, arguments[0])
    session.makes_hub = reference is None  # as with what registers: nothing has to be there before
    hub = session.hub
    given = values.pairs(params, "--param")
    read = read_parameters(hub.version(reference).signature, given) if reference is not None and given else given
    with session.meter("evaluating", reference or data) as meter:
        found = hub.evaluate(
            reference,
            data,
            target=values.names(target),
            segments=[*values.parts(segments), *cut],
            protected=values.parts(protected),
            weak_segments=weak_segments,
            weight=weight,
            key=values.names(key),
            prediction=values.names(prediction),
            probabilities=values.names(probabilities),
            interval=values.names((interval,) if interval else ()),
            level=level,
            classes=values.classes_of(classes),
            task=task,
            threshold=threshold,
            costs=values.matrix(costs, "--costs"),
            texts=texts,
            labels=values.pairs(labels, "--label"),
            mapping=values.pairs(mapping, "--map", "MODEL_COLUMN=DATA_COLUMN"),
            params=read,
            runner=runner,
            vs_champion=vs_champion,
            metrics=values.names(metrics),
            require=require,
            output=output,
            keep="all" if values.names(keep) == ("all",) else values.names(keep),
            prefix=prefix,
            overwrite=overwrite,
            watch=meter.watch,
        )
    verdicts = found.verdicts
    document = found.to_json() | {"requirements": [v.to_json() for v in verdicts]}
    show_sheet(session, document, lambda: evaluation_sheet(found))
    warn_of_left_out(session, found)
    if output is not None:
        session.say(f"rows    → {hub.run(found.record.run).output}")
    for verdict in verdicts:
        session.say(_told(verdict))
    write_report(session, found, report, f"muster evaluation show {found.id}")
    failed = [v for v in verdicts if not v.passed]
    if failed:
        raise RequirementFailed(
            f"{len(failed)} of {len(verdicts)} requirements not met: "
            + "; ".join(f"`{v.requirement}`: {v.reason}" for v in failed),
            hint=f"see the figures with `muster evaluation show {found.id}`",
            details={"evaluation": found.id, "requirements": [v.to_json() for v in verdicts]},
        )
    session.next(f"muster evaluation show {found.id}")


def _told(verdict: Verdict) -> str:
    return f"met      {verdict.requirement}" if verdict.passed else f"not met  {verdict.requirement}: {verdict.reason}"
