"""How the rows that were predicted worst are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from muster.cli.render import Column, show_list

if TYPE_CHECKING:
    from muster.cli.session import Session
    from muster.evaluation.result import Evaluation
    from muster.signature import Json

__all__ = ["show_mistakes"]


def show_mistakes(session: Session, found: Evaluation) -> None:
    """A line for each, by kind, with the values of the row; as JSON with the values apart."""
    if session.format == "json":
        show_list(session, found.mistakes.to_json(), [], lambda row: row)
        return
    rows = list(found.mistakes.rows())
    hidden = {n for n in ("file", "probability") if not any(row.get(n) for row in rows)} | {"loss"}
    names = dict.fromkeys(name for row in rows for name in row)
    shown = [n for n in names if session.format == "csv" or n not in hidden]
    show_list(session, rows, [Column(n, _value(n), "name" if n == "kind" else "text") for n in shown], lambda row: row)
    if not rows:
        session.say("no row was predicted wrong")


def _value(name: str) -> Callable[[Mapping[str, Json]], object]:
    return lambda row: row.get(name)
