"""`muster register --all`: progress as it goes, then what became of each version."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muster.cli.paint import paint
from muster.cli.render import Column, line, show_list
from muster.cli.session import Session
from muster.cli.text import count
from muster.errors import InvalidInput

if TYPE_CHECKING:
    from muster.cli.paint import Token
    from muster.registry.importing import Imported, ImportReport, Outcome

__all__ = ["declarations", "import_all"]

_COLUMNS: Sequence[Column[Imported]] = (
    Column("ref", lambda i: i.ref, "name"),
    Column("outcome", lambda i: i.outcome, "state"),
    Column("from", lambda i: f"{i.name}:{i.number}"),
    Column("aliases", lambda i: i.aliases or None),
    Column("reason", lambda i: i.reason or "; ".join(i.notes) or None),
)
_TOKENS: Mapping[str, Token] = {"imported": "ok", "planned": "accent", "failed": "fail", "waiting": "quiet"}


def import_all(
    session: Session,
    uri: str,
    *,
    filters: Sequence[str],
    declare: str | None,
    environment: str,
    dry_run: bool,
    parallel: int,
) -> None:
    """Ends with 1 if a version failed or was not come to: calling again goes on there."""
    report = session.hub.register_all(
        uri or None,
        filter=filters,
        declare=declarations(declare) if declare else None,
        environment=environment,
        dry_run=dry_run,
        parallel=parallel,
        watch=lambda item, done, total: _tell(session, item, done, total),
    )
    shown = report.items if session.format == "json" else [i for i in report.items if i.outcome != "there" or i.notes]
    show_list(
        session, shown, _COLUMNS, asdict, server=report.server, stopped=report.stopped or None, hint=report.hint or None
    )
    _sum_up(session, report)
    if not report.complete:
        raise click.exceptions.Exit(1)


def _tell(session: Session, item: Imported, done: int, total: int) -> None:
    """A line for each that something happened to; what is there already or waits stands in the table."""
    if item.outcome == "imported":
        session.say(
            line(_outcome(item.outcome), item.ref, f"{count(done)} of {count(total)}", to=", ".join(item.aliases))
        )
    if item.outcome == "failed":
        session.say(line(_outcome("failed"), item.ref, item.reason))
        session.say(f"  hint: {item.hint}")


def _outcome(outcome: Outcome) -> str:
    return paint(outcome, _TOKENS.get(outcome, "quiet"), sys.stderr)


def _sum_up(session: Session, report: ImportReport) -> None:
    words = {
        "imported": "imported",
        "planned": "to import",
        "there": "already there",
        "failed": "failed",
        "waiting": "not come to",
    }
    told = [f"{count(n)} {word}" for outcome, word in words.items() if (n := report.count(outcome))]  # type: ignore[arg-type]
    session.say(f"{report.server}: {', '.join(told) or 'no versions'}")
    if report.stopped:
        session.say(f"stopped: {report.stopped}")
        session.say(f"hint: {report.hint}; then give the same command again, which goes on here")
    elif report.count("planned"):
        session.next("the same command without --dry-run")


def declarations(file: str) -> Mapping[str, Mapping[str, Any]]:
    """A table for each model, of a TOML or JSON file."""
    try:
        text = Path(file).read_text(encoding="utf-8")
        told = json.loads(text) if file.endswith(".json") else tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidInput(f"--declare cannot read `{file}`: {reason}", hint="give a TOML or JSON file") from None
    except ValueError as error:
        raise InvalidInput(
            f"--declare: {file} is no {'JSON' if file.endswith('.json') else 'TOML'}: {error}",
            hint='write a table for each model: [churn], then classes = ["no", "yes"]',
        ) from None
    if not isinstance(told, dict):
        raise InvalidInput(f"--declare: {file} holds no object", hint='write {"churn": {"classes": ["no", "yes"]}}')
    return told
