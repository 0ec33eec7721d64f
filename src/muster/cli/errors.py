"""How what went wrong is shown, and with which number the program then ends.

| exit | when |
| --- | --- |
| 0 | done |
| 1 | failed: nothing of that name, a conflict, or a model, dataset, run, environment or the store failed |
| 2 | misuse: a flag, argument, setting or file is wrong (`InvalidInput` and all below it) |
| 130 | interrupted by Ctrl-C |
| 141 | whoever read the output closed it |
| 143 | ended by SIGTERM |
"""

from __future__ import annotations

import errno
import json
import os
import select
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click
from click.exceptions import NoArgsIsHelpError

from muster.cli.paint import paint
from muster.cli.program import called_here
from muster.cli.session import Session
from muster.errors import InvalidInput, MetricFailed, ModelFailed, MusterError

__all__ = ["DONE", "Terminated", "show"]

DONE, FAILED, MISUSE, INTERRUPTED, CLOSED, TERMINATED = 0, 1, 2, 130, 141, 143


_SYSTEM: Mapping[int, str] = {
    errno.EACCES: "use an account that may do this, or another place",
    errno.EPERM: "use an account that may do this, or another place",
    errno.ENOENT: "see that it is there, and that the folder you are in is",
    errno.ENOSPC: "make room on the disk, then try again",
    errno.EDQUOT: "make room on the disk, then try again",
    errno.EROFS: "the disk is read-only: use another",
    errno.EMFILE: "raise the number of files that may be open, with `ulimit -n`",
    errno.ENAMETOOLONG: "use a shorter name",
}
"""What to do about what the system said."""


class Terminated(KeyboardInterrupt):
    """SIGTERM ends a command as Ctrl-C does, so that all it holds is let go."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a person or a program is told, and the exit."""

    exit: int
    type: str
    message: str
    hint: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    trace: str = ""


def show(error: BaseException, session: Session, arguments: Sequence[str]) -> int:
    """Tell what went wrong on stderr; the exit code. Never raises."""
    if isinstance(error, BrokenPipeError) and _reader_gone():
        _give_up_stdout()
        return CLOSED
    if isinstance(error, NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return MISUSE
    told = _unwritable(error) or _told(error, session)
    hint = called_here(told.hint)
    if _wants_json(session, arguments):
        body = {"type": told.type, "message": told.message, "hint": hint or None, "details": dict(told.details)}
        click.echo(json.dumps({"error": body}, ensure_ascii=False, default=str), err=True)
    else:
        click.echo(f"{paint(told.type, 'fail', sys.stderr)}: {told.message}", err=True)
        if hint:
            click.echo(f"\n{paint('hint:', 'accent', sys.stderr)} {hint}", err=True)
    if told.trace and _debugging():
        click.echo(f"\n{told.trace.rstrip()}", err=True)
    return told.exit


def _told(error: BaseException, session: Session) -> _Told:
    match error:
        case MusterError():
            return _failed(error)
        case click.UsageError():
            path = error.ctx.command_path if error.ctx is not None else "muster"
            return _Told(MISUSE, "InvalidInput", _sentence(error.format_message()), f"see `{path} --help`")
        case click.ClickException():
            return _Told(FAILED, "Failed", _sentence(error.format_message()))
        case KeyboardInterrupt() | EOFError() | click.Abort():
            return _interrupted(error, session)
        case OSError(strerror=str(reason)):
            where = f": `{error.filename}`" if error.filename is not None else ""
            hint = _SYSTEM.get(error.errno or 0, "MUSTER_DEBUG=1 shows where it came from")
            return _Told(FAILED, "OSError", f"{reason}{where}", hint, {"errno": error.errno}, trace=_trace(error))
    return _Told(
        FAILED,
        "InternalError",
        f"Muster met something that it does not expect: {type(error).__name__}: {error}",
        "this is a defect of Muster: report it with what the command shows under MUSTER_DEBUG=1",
        trace=_trace(error),
    )


def _unwritable(error: BaseException) -> _Told | None:
    """Where it is stdout that takes no more, as on a full disk."""
    if not isinstance(error, OSError) or error.filename is not None or not _from_printing(error):
        return None
    _give_up_stdout()
    return _Told(
        FAILED,
        "OSError",
        f"what is printed cannot be written: {error.strerror}",
        "see where stdout goes; what the command did is done",
        {"errno": error.errno},
    )


def _from_printing(error: OSError) -> bool:
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1] is click.echo.__code__


def _failed(error: MusterError) -> _Told:
    """Muster's own frames are never shown; a model's are, to those who ask."""
    trace = str(error.details.get("traceback") or "") if _from_model(error) else ""
    hint = error.hint
    if trace and not _debugging():
        whose = "metric" if "metric" in error.details else "model"
        hint += f"{'; ' if hint else ''}MUSTER_DEBUG=1 shows where in the {whose}'s code"
    return _Told(
        MISUSE if isinstance(error, InvalidInput) else FAILED, error.type, error.message, hint, error.details, trace
    )


def _from_model(error: MusterError) -> bool:
    return any(isinstance(e, (MetricFailed, ModelFailed)) for e in (error, error.__cause__))


def _interrupted(error: BaseException, session: Session) -> _Told:
    terminated = isinstance(error, Terminated)
    code, name = (TERMINATED, "Terminated") if terminated else (INTERRUPTED, "Interrupted")
    if not session.run:
        return _Told(code, name, "stopped by SIGTERM" if terminated else "stopped by you")
    return _Told(
        code,
        name,
        f"run {session.run} stopped, and keeps what is done",
        f"go on with `muster run resume {session.run}`, or give it up with `muster run cancel {session.run}`",
        {"run": session.run},
    )


def _wants_json(session: Session, arguments: Sequence[str]) -> bool:
    """Also when the command line could not be read to its end."""
    before = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    return session.format == "json" or "--json" in before


def _sentence(message: str) -> str:
    return message.strip().removesuffix(".")


def _debugging() -> bool:
    return os.environ.get("MUSTER_DEBUG", "") not in ("", "0")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _reader_gone() -> bool:
    """Whether it was stdout that broke, as it does when `head` has seen enough; any other pipe is another matter."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return False
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _give_up_stdout() -> None:
    """Nobody reads it any more; what Python would still flush at its end goes nowhere."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)
