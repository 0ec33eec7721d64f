"""`muster worker`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from muster.cli.command import Command, pass_session
from muster.cli.runs import show_ended
from muster.cli.session import Session
from muster.cli.text import plural

if TYPE_CHECKING:
    from muster.records import Run


@click.command("worker", cls=Command, example="muster worker --hub ./hub\nmuster worker --once --count 2")
@click.option("--once", is_flag=True, help="End when no job waits that could be begun now.")
@click.option("--count", type=click.IntRange(1, 64), default=1, show_default=True, help="How many jobs at once.")
@pass_session
def worker(session: Session, *, once: bool, count: int) -> None:
    """Work on the jobs of a shared hub.

    Jobs are what `muster score --queue` leaves. Any number of workers, on any number of machines that reach the hub and the
    data, share them; where one dies, another goes on. SIGTERM or Ctrl-C ends a worker, and lets go of what it is at.
    """
    ended = 0

    def tell(run: Run) -> None:
        nonlocal ended
        if run.status == "running":
            session.say(f"began  {run.ref}  {run.id}")
            return
        ended += run.status != "queued"
        show_ended(session, run)

    hub = session.hub
    if not once:
        session.say("waiting for jobs; Ctrl-C ends it")
    try:
        hub.work(count=count, once=once, stop=threading.Event(), tell=tell)
    except KeyboardInterrupt:  # SIGTERM too: the way a worker is meant to end
        session.say("stopped")
    session.say(f"{plural(ended, 'job')} worked on")
