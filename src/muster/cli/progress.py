"""How far a run is: one line that moves on a terminal, a line now and then in a log. On stderr."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import click

from muster.cli.text import count, duration, percent, plural

if TYPE_CHECKING:
    from rich.text import Text

    from muster.records import Progress

__all__ = ["Meter"]

_REDRAWS = 10
_LOG_SECONDS = 10.0
_WINDOW_SECONDS = 15.0


class _Display(Protocol):
    def update(self, progress: Progress) -> None: ...
    def above(self, line: str) -> None: ...
    def close(self) -> None: ...


class Meter:
    """Use it in a `with` block, and hand `watch` to the hub."""

    def __init__(
        self,
        verb: str,
        what: str,
        *,
        shown: bool,
        attach: Callable[[Meter | None], None],
        working_on: Callable[[str], None],
    ) -> None:
        self._attach = attach
        self._working_on = working_on
        self._display: _Display
        if not shown or os.environ.get("MUSTER_NO_PROGRESS", "") not in ("", "0"):
            self._display = _Nothing()
        elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._display = _Live(verb, what)
        else:
            self._display = _Log(verb, what)

    def __enter__(self) -> Self:
        self._attach(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._attach(None)
        self._display.close()

    def watch(self, progress: Progress) -> None:
        self._working_on(progress.run)
        self._display.update(progress)

    def above(self, line: str) -> None:
        """Talk that must not tear the moving line."""
        self._display.above(line)


class _Nothing:
    def update(self, progress: Progress) -> None:
        return None

    def above(self, line: str) -> None:
        click.echo(line, err=True)

    def close(self) -> None:
        return None


class _Speed:
    """Rows per second over the last while: neither a slow start nor what an earlier call did counts for long."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, rows: int) -> float | None:
        self._seen.append((now, rows))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()
        (began, before) = self._seen[0]
        return (rows - before) / (now - began) if now > began and rows > before else None


class _Log(_Nothing):
    """Plain lines, the first at once, then every ten seconds, and at the end."""

    def __init__(self, verb: str, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._lead = (verb, what)
        self._clock = clock
        self._speed = _Speed()
        self._told: float | None = None
        self._untold = ""

    def update(self, progress: Progress) -> None:
        now = self._clock()
        self._untold = "  ".join((*self._lead, *_parts(progress, self._speed.add(now, progress.rows))))
        if self._told is None or now - self._told >= _LOG_SECONDS:
            self._told = now
            self.close()

    def close(self) -> None:
        if self._untold:
            click.echo(self._untold, err=True)
            self._untold = ""


def _parts(progress: Progress, speed: float | None) -> list[str]:
    """Rows, share, rejects, speed, time left: those that are known."""
    rows, total = progress.rows, progress.total
    parts = [plural(rows, "row") if total is None else f"{count(rows)} of {plural(total, 'row')}"]
    if total:
        parts.append(percent(min(rows, total), total))
    if progress.rejected:
        parts.append(f"{count(progress.rejected)} rejected")
    if speed is not None:
        parts.append(f"{count(round(speed))} rows/s")
        if total is not None and total > rows:
            parts.append(f"{duration((total - rows) / speed)} left")
    return parts


class _Live:
    """One line at the foot of the terminal, redrawn at most ten times a second, gone at the end."""

    def __init__(self, verb: str, what: str) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self._lead = (verb, what)
        self._told: list[str] = []
        self._began = time.monotonic()
        self._speed = _Speed()
        self._text = Text
        self._live = Live(
            get_renderable=self._line,
            console=Console(file=sys.stderr),
            refresh_per_second=_REDRAWS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def update(self, progress: Progress) -> None:
        self._told = _parts(progress, self._speed.add(time.monotonic(), progress.rows))

    def above(self, line: str) -> None:
        self._live.console.print(self._text.from_ansi(line), soft_wrap=True)

    def close(self) -> None:
        self._live.stop()

    def _line(self) -> Text:
        parts = (*self._lead, *self._told, duration(time.monotonic() - self._began))
        return self._text("  ".join(parts), no_wrap=True, overflow="ellipsis")
