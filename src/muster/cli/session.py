"""What the options of every command say, and what a command works with: the hub, and where data and talk go."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import click

from muster.cli.paint import paint
from muster.cli.program import called_here
from muster.errors import NotFound

if TYPE_CHECKING:
    from muster.cli.progress import Meter
    from muster.hub import Hub

__all__ = ["Format", "Session"]

Format: TypeAlias = Literal["text", "json", "csv"]


class Session:
    """One call of `muster`. Options fill it in before the command runs."""

    def __init__(self) -> None:
        self.target: str | None = None
        self.settings: dict[str, str] = {}
        self.format: Format = "text"
        self.quiet = False
        self.makes_hub = False
        """Whether the command makes a hub where there is none."""
        self.run: str | None = None
        """The run that is being worked on, which can be resumed if this call is cut off."""
        self._meter: Meter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "hub" in self.__dict__:
            self.hub.close()

    @property
    def arguments(self) -> dict[str, str]:
        """The settings that flags gave."""
        return self.settings | ({"hub": self.target} if self.target is not None else {})

    @cached_property
    def hub(self) -> Hub:
        """The hub, opened on first use and closed at the end; who made a new one by a slip sees it at once."""
        from muster.cli.spared import spare_pandas
        from muster.config import Settings
        from muster.connect import opened, place

        settings = Settings.load(self.arguments)
        for told in Settings.unheard():
            self.say(f"note: {told}")
        where = place(settings)
        if where.made is False and not self.makes_hub:
            raise _no_hub(Path(where.database), settings.source("hub"))
        spare_pandas()
        hub = opened(settings, make=self.makes_hub)
        hub.talk_to(self.say)
        if not hub.upgrade()[0]:
            self.say(f"{paint('made', 'ok', sys.stderr)}  a new hub in {hub.name}")
        return hub

    @property
    def talks(self) -> bool:
        """Whether people are spoken to: with `--json` only on a terminal, so that stderr has nothing but the error."""
        return not self.quiet and (self.format != "json" or sys.stderr.isatty())

    def say(self, line: str) -> None:
        """Talk, on stderr."""
        if not self.talks:
            return
        if self._meter is not None:
            self._meter.above(line)
        else:
            click.echo(line, err=True)

    def next(self, *commands: str) -> None:
        """What to try next."""
        for number, command in enumerate(commands):
            lead = "next:" if number == 0 else "     "
            self.say(f"{paint(lead, 'accent', sys.stderr)} {called_here(command)}")

    def meter(self, verb: str, what: str) -> Meter:
        """Shows how far a run is, for as long as the `with` block lasts."""
        from muster.cli.progress import Meter

        def attach(meter: Meter | None) -> None:
            self._meter = meter

        def working_on(run: str) -> None:
            self.run = run

        return Meter(verb, what, shown=self.talks, attach=attach, working_on=working_on)

    def write(self, text: str) -> None:
        """Data, on stdout."""
        click.echo(text)


def _no_hub(database: Path, source: str) -> NotFound:
    """A command that only looks makes nothing: the folder may just be the wrong one."""
    if database.name == "muster.db":
        database = database.parent
    named = {
        "default": "where it is when neither --hub nor MUSTER_HUB nor a muster.toml names one",
        "argument": "named by --hub",
        "environment": "named by MUSTER_HUB",
    }.get(source, f"named in {source}")
    return NotFound(
        f"there is no hub at {database.absolute()} ({named})",
        hint="go to the folder that has one, name it with --hub or MUSTER_HUB, or make one with"
        " `muster register MODEL SOURCE` or `muster demo`",
    )
