"""How a run is shown, by the verb that made it and by `muster run`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from muster.cli.documents import run_document
from muster.cli.program import called_here
from muster.cli.render import Sheet, show_line
from muster.cli.text import count, duration, exact, listed, percent, plural, scalar

if TYPE_CHECKING:
    from muster.cli.session import Session
    from muster.records import Run
    from muster.signature import Json

__all__ = ["CUT_OFF", "DONE", "from_here", "result_parts", "run_sheet", "show_ended", "show_result"]

DONE = {"score": "scored"}
"""What a finished run of a kind is said to have done."""


CUT_OFF = "cut off"
"""What people read for the status of a run whose process is gone without having ended it."""


def show_result(session: Session, run: Run) -> None:
    """A run that was waited for, in one line."""
    show_line(session, run_document(run), *result_parts(run), to=from_here(run.output or ""))
    if run.rejects is not None:
        session.say(f"note: rejected rows, each with its reason, are in {from_here(run.rejects)}")
    session.next(f"muster run show {run.id}")


def show_ended(session: Session, run: Run) -> None:
    """A run that a worker is through with, in one line: also one that failed, or is to be done later."""
    if run.status == "done":
        show_line(session, run_document(run), *result_parts(run), to=from_here(run.output or ""))
        return
    again = f"tried again from {exact(run.not_before)}" if run.not_before is not None else "let go of"
    told = again if run.status == "queued" else ""
    show_line(session, run_document(run), run.status, run.ref or "", run.id, told, run.error or "")


def result_parts(run: Run) -> tuple[str, ...]:
    """The parts of that line, but for where the output is."""
    rejected = f"{count(run.rejected)} rejected" if run.rejected else ""
    return DONE.get(run.kind, run.status), run.ref or "", plural(run.rows, "row"), rejected, duration(run.seconds)


def run_sheet(run: Run, cut_off: datetime | None = None, owner: str | None = None) -> Sheet:
    """What it did, to what, how far it is, and what it took; `cut_off` is when its process, that is gone, went on last."""
    sheet = Sheet(f"{run.kind}  {run.id}")
    sheet.fact("status", run.status if cut_off is None else f"{CUT_OFF}: its process is gone; what is done is kept")
    sheet.fact("went on", f"until {exact(cut_off)}" if cut_off is not None else "")
    sheet.fact("begun", plural(run.attempts, "time") if run.attempts > 1 or run.queue else "")
    sheet.fact("next try", f"from {exact(run.not_before)}" if run.not_before is not None else "")
    sheet.fact("worked on by", owner)
    sheet.fact("error", run.error)
    sheet.fact("hint", called_here(run.hint or ""))
    sheet.fact("version", run.ref)
    sheet.fact("input", run.input)
    sheet.fact("output", run.output)
    sheet.fact("rows", count(run.rows))
    sheet.fact("rejected", count(run.rejected), run.rejects, _collected(run))
    sheet.fact("predicted", _figures(run.summary))
    sheet.fact("served by", _served(run.summary))
    sheet.fact("asked", _asked(run.summary))
    sheet.fact("took", duration(run.seconds) if run.ended_at is not None else "")
    sheet.fact("of which", _shares(run))
    sheet.fact("cast", *run.casts)
    sheet.fact("isolation", run.isolation or "")
    told = {k: v for k, v in run.settings.items() if k not in _INNER and v not in _USUAL}
    sheet.fact("settings", *(f"{k} = {_told(v)}" for k, v in told.items()))
    sheet.fact("began", f"{exact(run.created_at)} by {run.created_by}")
    sheet.fact("ended", exact(run.ended_at) if run.ended_at is not None else "")
    sheet.fact("fingerprint", run.fingerprint)
    return sheet


_INNER = frozenset({"columns", "estimate", "stamp"})
"""Settings that a resume needs and no person: what follows from the others, and how the input is known again."""

_USUAL: tuple[object, ...] = (None, "", [], {}, False)
"""Settings that say nothing."""


def _collected(run: Run) -> str:
    """Where the rejects went, if they are no longer where they were."""
    return f"collected {exact(run.rejects_collected_at)}" if run.rejects_collected_at is not None else ""


def from_here(path: str) -> str:
    """As one would type it in this folder."""
    here = f"{Path.cwd()}{os.sep}"
    return path.removeprefix(here) or path


def _served(summary: Mapping[str, Json]) -> str:
    """Which of the models behind an endpoint gave how many rows."""
    told = summary.get("served_by")
    return listed(f"{name} {count(int(str(rows)))}" for name, rows in told.items()) if isinstance(told, dict) else ""


_ASKED = {
    "kept": "were kept from before",
    "throttled": "tries refused for want of room",
    "failed": "tries failed",
    "refused": "refused for their rows",
}


def _asked(summary: Mapping[str, Json]) -> str:
    """How many requests an endpoint was sent, and what came in between."""
    told = summary.get("asked")
    if not isinstance(told, dict):
        return ""
    number = {name: int(float(str(value))) for name, value in told.items()}
    parts = [f"{count(number[name])} {words}" for name, words in _ASKED.items() if number.get(name)]
    twice = number.get("paid_twice", 0)
    return ", ".join(
        [plural(number.get("calls", 0), "call"), *parts, *([f"{count(twice)} perhaps paid twice"] if twice else [])]
    )


def _figures(summary: Mapping[str, Json]) -> str:
    """How many rows of each class, or the mean and range of numbers."""
    match summary:
        case {"classes": list(classes)}:
            counted = [(c["class"], int(str(c["rows"]))) for c in classes if isinstance(c, dict)]
            whole = sum(rows for _, rows in counted)
            return listed(f"{scalar(name)} {count(rows)} ({percent(rows, whole)})" for name, rows in counted)
        case {"mean": float(mean), "min": float(low), "max": float(high)}:
            return f"mean {mean:.6g}, from {low:.6g} to {high:.6g}"
    return ""


def _told(value: object) -> str:
    match value:
        case list():
            return listed(value)
        case dict():
            return listed(f"{k}={v}" for k, v in value.items())
        case bool():
            return "yes" if value else "no"
        case int():
            return count(value)
    return str(value)


def _shares(run: Run) -> str:
    """Where the time went; the seconds of all workers together, so that their sum may be more than the run took."""
    total = sum(run.timings.values())
    return ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in run.timings.items()) if total > 0 else ""
