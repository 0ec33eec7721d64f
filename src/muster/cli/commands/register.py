"""`muster register`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from muster.cli import values
from muster.cli.command import Command, pass_session
from muster.cli.documents import version_document
from muster.cli.options import tag_option, threshold_option
from muster.cli.render import show_line
from muster.cli.session import Session
from muster.cli.text import listed, plural, size

if TYPE_CHECKING:
    from muster.records import Version
    from muster.signature import Task

TASKS = ("binary", "multiclass", "multilabel", "regression", "multioutput", "other")


@click.command(
    "register",
    cls=Command,
    makes_hub=True,
    example="muster register churn ./model --sample rows.parquet --alias champion\n"
    "muster register delays model.pkl --task binary --target late --classes no,yes --sample flights.csv --if-changed\n"
    "muster register churn models:/Churn@champion\n"
    "muster register --all https://mlflow.example --dry-run",
)
@click.argument("model", required=False, metavar="MODEL")
@click.argument("source", required=False, metavar="SOURCE")
@click.option(
    "--task", type=click.Choice(TASKS), help="What kind of question it answers; taken from the model where it tells."
)
@click.option("--target", metavar="COLUMN", help="The column that the model predicts.")
@click.option("--classes", metavar="A,B", help="The classes in order; in binary the positive one last.")
@click.option("--sample", metavar="DATA", help="Rows to try the model on; they complete its signature.")
@click.option("--origin", help="What kind of model it is; recognised when not given.")
@click.option("--alias", "aliases", multiple=True, help="A name for the version. May be repeated.")
@tag_option
@threshold_option
@click.option(
    "--environment",
    default="auto",
    show_default=True,
    metavar="ENV",
    help="auto, current, a requirements file, or a Python executable.",
)
@click.option("--description", default="", help="What it is, in words.")
@click.option("--signature", metavar="FILE", help="The columns that it takes, as JSON: a file, or the object itself.")
@click.option("--output", metavar="FILE", help="How its answer is read, as JSON: a file, or the object itself.")
@click.option(
    "--network", is_flag=True, help="Let the model use the network, where the policy worker.network allows it."
)
@click.option(
    "--runtime",
    multiple=True,
    metavar="NAME=VALUE",
    help="A runtime parameter; a secret's is where it is: env:NAME or file:PATH. May be repeated.",
)
@click.option(
    "--connection",
    metavar="NAME",
    help="SOURCE is an endpoint of this connection; left out where the connection is one.",
)
@click.option("--variant", help="Of an endpoint: one of the models behind it.")
@click.option(
    "--request", metavar="FORMAT", help="How an endpoint is asked: a format's name, or JSON, or a file of it."
)
@click.option("--response", metavar="FORMAT", help="How its answers are read: the same.")
@click.option(
    "--probe-calls",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="The most requests that finding out about an endpoint may take.",
)
@click.option("--evaluate", metavar="DATA", help="Labelled data to evaluate it on in the same act.")
@click.option(
    "--optimise",
    metavar="GOAL",
    help="With --evaluate: take the threshold that is best there for f1, mcc, `recall>=0.9`.",
)
@click.option(
    "--if-changed", is_flag=True, help="Take the version that is there if the model is the same; it gets the aliases."
)
@click.option(
    "--all",
    "everything",
    is_flag=False,
    flag_value="",
    metavar="[URI]",
    help="Instead of one: a whole MLflow or Databricks registry; of MLFLOW_TRACKING_URI without an address.",
)
@click.option(
    "--filter", "filters", multiple=True, metavar="FILTER", help="With --all: name~churn, alias=champion, tag.team=ops."
)
@click.option("--declare", metavar="FILE", help="With --all: what models do not tell themselves, as TOML or JSON.")
@click.option(
    "--parallel", type=click.IntRange(1, 8), default=2, show_default=True, help="With --all: how many models at a time."
)
@click.option("--dry-run", is_flag=True, help="With --all: show what would be imported.")
@click.pass_context
@pass_session
def register(
    session: Session,
    context: click.Context,
    *,
    model: str | None,
    source: str | None,
    task: Task | None,
    target: str | None,
    classes: str | None,
    sample: str | None,
    origin: str | None,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    threshold: float | None,
    environment: str,
    description: str,
    signature: str | None,
    output: str | None,
    network: bool,
    runtime: tuple[str, ...],
    connection: str | None,
    variant: str | None,
    request: str | None,
    response: str | None,
    probe_calls: int,
    evaluate: str | None,
    optimise: str | None,
    if_changed: bool,
    everything: str | None,
    filters: tuple[str, ...],
    declare: str | None,
    parallel: int,
    dry_run: bool,
) -> None:
    """Register a version of a model.

    SOURCE is an MLflow folder or archive, a model on a tracking server (models:/…, runs:/…), a Python file or folder, or a
    saved estimator. The model is loaded once in its own environment and tried; then the version is stored, or nothing is.
    With --connection it is the name of an endpoint there, which is asked about the sample.
    """
    from muster.endpoint import Endpoint
    from muster.records import now

    _check_given(context, alone=everything is None, reached=connection is not None)
    if everything is not None:
        from muster.cli.importing import import_all

        import_all(
            session,
            everything,
            filters=filters,
            declare=declare,
            environment=environment,
            dry_run=dry_run,
            parallel=parallel,
        )
        return
    assert model is not None
    began = now()
    version = session.hub.register(
        model,
        source if connection is None else Endpoint(connection, source, variant),
        origin=origin,
        task=task,
        target=target,
        classes=values.classes(classes),
        sample=sample,
        threshold=threshold,
        aliases=aliases,
        tags=values.pairs(tags, "--tag"),
        description=description,
        environment=environment,
        signature=values.object_of(signature, "--signature") if signature else None,
        output=values.object_of(output, "--output") if output else "auto",
        network=network,
        runtime=values.pairs(runtime, "--runtime"),
        request=values.format_of(request, "--request"),
        response=values.format_of(response, "--response"),
        probe_calls=probe_calls,
        evaluate=evaluate,
        optimise=optimise,
        if_changed=if_changed,
    )
    show_line(session, version_document(version), *registered_parts(version, began), to=", ".join(version.aliases))
    for note in version.notes:
        session.say(f"note: {note}")
    if version.threshold is not None and optimise is not None:
        session.say(f"note: positive from p ≥ {version.threshold:g}, best for {optimise} on {evaluate}")
    asked = () if version.load.get("reported") else (f"muster score {version.ref} DATA OUTPUT",)
    session.next(f"muster version show {version.ref}", *asked)


_OF_ALL = ("filters", "declare", "parallel", "dry_run")
_OF_BOTH = ("everything", "environment")


_OF_ENDPOINTS = ("variant", "request", "response", "probe_calls")


def _check_given(context: click.Context, *, alone: bool, reached: bool) -> None:
    """What goes with one model does not go with all, and the other way round; an endpoint comes with its connection."""
    parameters = {p.name: p for p in context.command.params}
    given = [
        p
        for n, p in parameters.items()
        if n and context.get_parameter_source(n) is click.core.ParameterSource.COMMANDLINE
    ]
    if alone:
        for name in ("model",) if reached else ("model", "source"):
            if context.params[name] is None:
                raise click.MissingParameter(ctx=context, param=parameters[name])
    wrong = [p for p in given if p.name not in _OF_BOTH and (p.name in _OF_ALL) == alone]
    if wrong:
        told = ", ".join(p.opts[0] if isinstance(p, click.Option) else p.human_readable_name for p in wrong)
        raise click.UsageError(f"{told} {'needs' if alone else 'does not go with'} --all", context)
    lacking = [p for p in given if p.name in _OF_ENDPOINTS and not reached]
    if lacking:
        told = ", ".join(p.opts[0] for p in lacking)
        raise click.UsageError(f"{told} {'goes' if len(lacking) == 1 else 'go'} with --connection", context)


def registered_parts(version: Version, began: datetime) -> list[str]:
    """What is told of a version, whether it was made just now or was there before."""
    verb = "registered" if version.created_at >= began else "unchanged"
    classes = listed(version.classes, 4) if version.classes else ""
    return [
        verb,
        version.ref,
        version.origin,
        version.task,
        classes,
        plural(len(version.signature.columns), "column"),
        size(version.size) if version.artifact else "",
    ]
