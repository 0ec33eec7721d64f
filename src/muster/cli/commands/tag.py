"""`muster tag`: set, remove."""

from __future__ import annotations

import click

from muster.cli.command import Group, pass_session
from muster.cli.documents import thing_document
from muster.cli.options import reason_option
from muster.cli.render import show_line
from muster.cli.session import Session
from muster.cli.values import pairs


@click.group("tag", cls=Group)
def tag() -> None:
    """Marks on models and versions."""


@tag.command("set", example="muster tag set churn:3 team=ops\nmuster tag set churn owner=ada cost-centre=42")
@click.argument("reference", metavar="MODEL|REF")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
@reason_option
@pass_session
def set_tags(session: Session, reference: str, tags: tuple[str, ...], reason: str) -> None:
    """Set tags of a model, or of a version."""
    given = pairs(tags, "a tag")
    thing = session.hub.tag(reference, given, reason=reason)
    show_line(session, thing_document(thing), "tagged", reference, *(f"{k}={v}" for k, v in given.items()))


@tag.command("remove", example="muster tag remove churn:3 team")
@click.argument("reference", metavar="MODEL|REF")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@reason_option
@pass_session
def remove_tags(session: Session, reference: str, keys: tuple[str, ...], reason: str) -> None:
    """Remove tags of a model, or of a version; one that is not set is no error."""
    before = session.hub.tag(reference, {}).tags
    thing = session.hub.tag(reference, dict.fromkeys(keys), reason=reason)
    gone = [k for k in dict.fromkeys(keys) if k in before]
    show_line(session, thing_document(thing), "untagged", reference, *(gone or ["nothing"]))
    absent = ", ".join(f"`{k}`" for k in dict.fromkeys(keys) if k not in before)
    if absent:
        session.say(f"note: {reference} had no tag {absent}")
