"""`muster evaluation`: list, show, thresholds, history, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muster.cli import values
from muster.cli.command import Group, pass_session
from muster.cli.confirm import confirm
from muster.cli.documents import plain
from muster.cli.evaluations import evaluation_sheet
from muster.cli.figures import interval, number, value
from muster.cli.histories import history_columns
from muster.cli.lists import Paging, View, list_command, show_page
from muster.cli.mistakes import show_mistakes
from muster.cli.options import reason_option, yes_option
from muster.cli.render import Column, show_line, show_list, show_sheet
from muster.cli.reporting import write_report
from muster.cli.session import Session
from muster.cli.text import plural
from muster.cli.thresholds import spread, threshold_columns
from muster.errors import InvalidInput, RequirementFailed, near
from muster.evaluation.telling import first_metric

if TYPE_CHECKING:
    from muster.records import EvaluationRecord


@click.group("evaluation", cls=Group)
def evaluation() -> None:
    """What was measured of predictions."""


@list_command(
    evaluation,
    over="id, model, number, task, data, created_at and tag.KEY",
    example="muster evaluation list model=churn tag.month=2 --sort -created_at",
)
def list_evaluations(session: Session, paging: Paging) -> None:
    """List evaluations, the newest first."""
    show_page(session, session.hub.evaluations(paging.filters, paging.sort), _view, paging)


def _main(record: EvaluationRecord) -> str:
    name = first_metric(record.metrics)
    return "" if name is None else f"{name} {number(record.metrics[name])}"


def _view(_found: object) -> View[EvaluationRecord]:
    return View(
        [
            Column("id", lambda e: e.id, "whole"),
            Column("version", lambda e: e.ref),
            Column("target", lambda e: e.target),
            Column("rows", lambda e: e.counted),
            Column("figure", _main),
            Column("labels", lambda e: e.labels),
            Column("created_at", lambda e: e.created_at),
            Column("data", lambda e: e.data),
        ],
        lambda e: plain(e) | {"ref": e.ref},
        empty="no evaluations yet",
        begin="muster evaluate REF DATA --target COLUMN",
    )


@evaluation.command(
    "show",
    table=True,
    example="muster evaluation show 01JD4ZT7K5Q3F0W8V9X2Y6A1BC\n"
    "muster evaluation show 01JD4ZT7K5Q3F0W8V9X2Y6A1BC --mistakes --csv\n"
    "muster evaluation show 01JD4ZT7K5Q3F0W8V9X2Y6A1BC --report evaluation.html",
)
@click.argument("identity", metavar="ID")
@click.option("--mistakes", is_flag=True, help="The rows that were predicted worst, by kind, in place of the figures.")
@click.option("--report", metavar="FILE", help="Write all of it with charts: FILE.html, FILE.pdf or FILE.md.")
@pass_session
def show_evaluation(session: Session, identity: str, mistakes: bool, report: str | None) -> None:
    """Show an evaluation: every figure, with its interval and whether it is exact."""
    from muster.evaluation.writing import check

    if session.format == "csv" and not mistakes:
        raise click.UsageError("figures are no table: leave --csv out, or add --mistakes", click.get_current_context())
    if report is not None:
        check(report)
    found = session.hub.evaluation(identity)
    if mistakes:
        show_mistakes(session, found)
    else:
        show_sheet(session, found.to_json(), lambda: evaluation_sheet(found))
    write_report(session, found, report, f"muster evaluation show {found.id}")


@evaluation.command(
    "thresholds",
    table=True,
    example="muster evaluation thresholds 01JD4ZT7K5Q3F0W8V9X2Y6A1BC --best f1\n"
    "muster evaluation thresholds 01JD4ZT7K5Q3F0W8V9X2Y6A1BC --rows 0 --csv\n"
    "muster evaluation thresholds 01JD4ZT7K5Q3F0W8V9X2Y6A1BC --output spam",
)
@click.argument("identity", metavar="ID")
@click.option("--best", metavar="GOAL", help="Also the best for f1, mcc, `recall>=0.9`, `cost`, `[[0, 1], [5, 0]]`.")
@click.option(
    "--rows", type=click.IntRange(0), default=20, show_default=True, help="How many, evenly by rows; 0 for all."
)
@click.option("--output", metavar="NAME", help="One label, or a target of two classes, where there are several.")
@pass_session
def show_thresholds(session: Session, identity: str, best: str | None, rows: int, output: str | None) -> None:
    """Show what each threshold would do: rows right and wrong, and the metrics of its labels."""
    found = session.hub.evaluation(identity)
    if output is not None and output not in found.outputs:
        raise InvalidInput(f"`{output}` is no label and no target of it{near(output, found.outputs)}")
    of = found if output is None else found.outputs[output]
    chosen = None if best is None else of.best(best)
    shown = spread(of.thresholds, rows).to_pylist()
    best_of: Any = {} if chosen is None else {"best": chosen.to_json()}
    show_list(session, shown, threshold_columns(shown), dict, **best_of)
    if chosen is None:
        session.next(f"muster evaluation thresholds {found.id} --best f1")
    elif chosen.threshold is None:
        session.say(f"no threshold is best for {chosen.goal}: {chosen.reason}")
    else:
        told = f"{chosen.figure.name} {value(chosen.figure)}  {interval(chosen.figure)}"
        session.say(f"best for {chosen.goal}  from p ≥ {chosen.threshold:.4g}  {told}")
        if found.record.ref is not None and output is None:
            session.next(f"muster version threshold {found.record.ref} --best '{best}' --evaluation {found.id}")


@evaluation.command(
    "history",
    table=True,
    example="muster evaluation history churn:3 --metric roc_auc\n"
    "muster evaluation history churn --by month --where tag.region=north --require 'roc_auc>=0.8'",
)
@click.argument("reference", metavar="REF")
@click.option("--metric", "metrics", multiple=True, metavar="A,B", help="What to look at; else the main metrics.")
@click.option("--by", metavar="LABEL", help="In the order of a label, and not of time.")
@click.option("--where", multiple=True, metavar="FILTER", help="Which evaluations, as for `list`. May be repeated.")
@click.option("--require", multiple=True, metavar="TEXT", help="Fail unless the newest of each version meet it.")
@click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True, help="How many at most.")
@pass_session
def show_history(
    session: Session,
    *,
    reference: str,
    metrics: tuple[str, ...],
    by: str | None,
    where: tuple[str, ...],
    require: tuple[str, ...],
    limit: int,
) -> None:
    """Show how good a version was found one time after the other.

    REF is a version, or the name of a model for all of its versions.
    """
    found = session.hub.history(reference, values.names(metrics), where, by=by, require=require, limit=limit)
    rest: dict[str, Any] = {key: value for key, value in found.to_json().items() if key not in ("items", "next")}
    show_list(session, found, history_columns(found), lambda row: row.to_json(), **rest)
    if found.unlabelled and len(found):
        session.say(f"{plural(found.unlabelled, 'evaluation')} without the label `{by}`")
    if found.older:
        session.say(f"there are older ones: give a `--limit` above {limit}")
    if not len(found):
        session.say(found.nothing)
        session.next(f"muster evaluate {found.of} DATA --target COLUMN")
    if found.faults:
        hint = (
            f"see `muster evaluation show {next(iter(found.unmet))}`"
            if found.unmet
            else "list them with `muster evaluation list`"
        )
        raise RequirementFailed("; ".join(found.faults), hint=hint)


@evaluation.command("delete", example="muster evaluation delete 01JD4ZT7K5Q3F0W8V9X2Y6A1BC")
@click.argument("identity", metavar="ID")
@reason_option
@yes_option
@pass_session
def delete_evaluation(session: Session, identity: str, reason: str, yes: bool) -> None:
    """Delete an evaluation, with all its figures."""
    hub = session.hub
    found = hub.evaluation(identity)
    confirm(f"the evaluation {found.id} of {found.record.ref or found.record.data}", found.id, yes=yes)
    hub.delete_evaluation(found.id, reason=reason)
    show_line(session, {"deleted": found.id}, "deleted", found.id)
