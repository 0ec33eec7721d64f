"""An exception of the model's, as what Muster is told of it. Nothing in it can be trusted: not even its text can be had safely."""

from __future__ import annotations

import os
import traceback

from .wire import Head

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_MESSAGE, _TRACEBACK = 2_000, 16_000


def report(error: BaseException) -> Head:
    """Its type, one line that says what it is, and the frames from the model's first one on."""
    name = type(error).__name__
    text = _text(error)
    return {
        "kind": "error",
        "type": name,
        "error": _cut(f"{name}: {text}" if text else name, _MESSAGE),
        "memory": isinstance(error, MemoryError),
        "traceback": _cut(_frames(error), _TRACEBACK),
    }


def _text(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the model's code called sys.exit({error.code!r})"
    try:
        return str(error).strip()
    except BaseException as another:  # noqa: BLE001  # it is the model's code that runs here
        return f"its text cannot be had, since that raises {type(another).__name__}"


def _frames(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HERE):
        trace = trace.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))
    except BaseException as another:  # noqa: BLE001  # formatting calls the model's code, and needs memory
        return f"no traceback: {type(another).__name__}"


def _cut(text: str, most: int) -> str:
    """Its beginning and its end where it is too long."""
    return text if len(text) <= most else f"{text[: most // 4]} […] {text[-(most - most // 4) :]}"
