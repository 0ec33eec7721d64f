"""Reports, written once the figures are shown: where one fails, nothing else is lost."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from muster.errors import MusterError

if TYPE_CHECKING:
    from muster.cli.session import Session

__all__ = ["write_report"]


class _Reports(Protocol):
    def report(self, path: str | Path) -> None: ...


def write_report(session: Session, found: _Reports, path: str | None, again: str) -> None:
    """`again` is the command that has all of it but the report, without a pass over the rows."""
    if path is None:
        return
    told = f"the figures are kept: write the report with `{again} --report {shlex.quote(path)}`"
    try:
        found.report(path)
    except MusterError as error:
        error.hint = f"{error.hint}; {told}" if error.hint else told
        raise
    except Exception:
        session.say(told)
        raise
    session.say(f"report  → {path}")
