"""`muster`: the commands by name, each imported when it is used, and the one way that a call begins and ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from types import FrameType
from typing import Any, NoReturn

import click

from muster.cli import errors
from muster.cli.command import Group
from muster.cli.session import Session

__all__ = ["main", "root"]

# What `muster --help` shows; a test compares it with the commands' own words. A name is that of its module in commands/.
_WORK: Mapping[str, str] = {
    "demo": "Do the main job on real data, from nothing.",
    "init": "Write a small working model folder to start from.",
    "register": "Register a version of a model.",
    "score": "Score a dataset into a dataset.",
    "evaluate": "Measure how good a version is on labelled data.",
    "compare": "Compare versions or evaluations, the first as the reference.",
    "predict": "Predict for rows on stdin.",
    "discover": "List the endpoints that an account serves.",
    "worker": "Work on the jobs of a shared hub.",
}
_HOUSE: Mapping[str, str] = {
    "model": "Named lines of versions.",
    "version": "Immutable entries of models.",
    "alias": "Movable names of versions.",
    "tag": "Marks on models and versions.",
    "connection": "Named accounts and endpoints of providers, databases and buckets.",
    "dataset": "Names for tables.",
    "origin": "Where versions come from.",
    "run": "Pieces of work with a result.",
    "evaluation": "What was measured of predictions.",
    "metric": "Metrics of your own.",
    "env": "What versions run in.",
    "event": "The audit trail.",
    "config": "Settings, and where each came from.",
    "db": "The hub's store.",
    "gc": "Collect what nothing refers to.",
    "completion": "Complete commands with the tab key.",
}


class _Root(Group):
    """All commands; the table above stands for those that are not imported yet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_WORK, *_HOUSE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _WORK and cmd_name not in _HOUSE:
            return None
        command = getattr(import_module(f"muster.cli.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in (("Work", _WORK), ("Keep house", _HOUSE)):
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        if os.environ.get("_MUSTER_COMPLETE"):
            super().main(args, "muster")
        sys.exit(_call(sys.argv[1:] if args is None else args))


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"muster {version('muster-ml')}")
        ctx.exit()


@click.group(
    cls=_Root,
    name="muster",
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    example="muster register churn ./model --sample rows.parquet\nmuster score churn rows.parquet scored/",
)
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="The version of Muster."
)
def root() -> None:
    """One roll call for every model you run."""


def main() -> NoReturn:
    """What the command `muster` runs."""
    root.main()


def _call(arguments: Sequence[str]) -> int:
    """One call, to its exit code: whatever ends it is shown here and nowhere else."""
    _open_streams()
    _speak_all_characters()
    session = Session()
    try:
        with _terminable(), session:
            code = _invoke(session, arguments)
            sys.stdout.flush()
        return code
    except BaseException as error:  # noqa: BLE001  # the one place that shows what went wrong
        return errors.show(error, session, arguments)


def _invoke(session: Session, arguments: Sequence[str]) -> int:
    try:
        with root.make_context("muster", list(arguments), obj=session) as context:
            root.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return errors.DONE


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is raised like Ctrl-C, in the main thread, where it can be."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    before: Callable[[int, FrameType | None], Any] | int | None = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise errors.Terminated


def _open_streams() -> None:
    """What was closed leads nowhere. Left free, its number would be given to the next file, and be printed into."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            sink = os.open(os.devnull, os.O_RDWR)
            if sink != number:
                os.dup2(sink, number)
                os.close(sink)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # for good


def _speak_all_characters() -> None:
    """A name that the stream's encoding lacks is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
