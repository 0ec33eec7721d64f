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
    "muster register delays model.pkl --task binary --target late --classes no,yes --sample flights.csv --if-changed",
)
@click.argument("model")
@click.argument("source")
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
@click.option("--network", is_flag=True, help="Let the model use the network, where the policy worker.network allows it.")
@click.option(
    "--runtime",
    multiple=True,
    metavar="NAME=VALUE",
    help="A runtime parameter; a secret's is where it is: env:NAME or file:PATH. May be repeated.",
)
@click.option(
    "--if-changed", is_flag=True, help="Take the version that is there if the model is the same; it gets the aliases."
)
@pass_session
def register(
    session: Session,
    *,
    model: str,
    source: str,
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
    if_changed: bool,
) -> None:
    """Register a version of a model.

    SOURCE is an MLflow folder or archive, a Python file or folder, or a saved estimator. The model is loaded once in its
    own environment and tried; then the version is stored, or nothing is.
    """
    from muster.records import now

    began = now()
    version = session.hub.register(
        model,
        source,
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
        if_changed=if_changed,
    )
    show_line(session, version_document(version), *registered_parts(version, began), to=", ".join(version.aliases))
    for note in version.notes:
        session.say(f"note: {note}")
    session.next(f"muster version show {version.ref}", f"muster score {version.ref} DATA OUTPUT")


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
        size(version.size),
    ]
