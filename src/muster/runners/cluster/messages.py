"""What executors send to the driver: small, and errors as values, since neither Ray nor Spark hands them on as they are."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass, replace
from typing import TypeAlias

from muster import errors
from muster.errors import ClusterFailed, MusterError
from muster.profile import Profile
from muster.runner import Done
from muster.runners.chunks import Measured

__all__ = ["Cut", "Failed", "Found", "Message", "decoded", "encoded", "portable"]


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that is done; its profile beside it, encoded."""

    chunk: Done | Measured
    profile: bytes | None


@dataclass(frozen=True, slots=True)
class Failed:
    """What ends all."""

    error: MusterError


@dataclass(frozen=True, slots=True)
class Cut:
    """The last message of a task of which more is left than its time has sufficed for."""


Message: TypeAlias = Found | Failed | Cut


def encoded(what: Done | Measured | Cut | BaseException) -> bytes:
    if isinstance(what, Cut):
        return pickle.dumps(what)
    if isinstance(what, BaseException):
        return pickle.dumps(Failed(portable(what)))
    profile = None if what.profile is None else what.profile.encode()
    return pickle.dumps(Found(replace(what, profile=None), profile))


def decoded(message: bytes, profile: type[Profile] | None) -> Done | Measured | Cut | MusterError:
    """`profile` is what the chunks were measured by."""
    told: Message = pickle.loads(message)  # noqa: S301  # this very driver's executors wrote it
    if isinstance(told, Failed):
        return told.error
    if isinstance(told, Cut):
        return told
    if told.profile is None or profile is None:
        return told.chunk
    return replace(told.chunk, profile=profile.decode(told.profile))


def portable(error: BaseException) -> MusterError:
    """The error itself if it can be sent, or the next thing to it."""
    if not isinstance(error, MusterError):
        where = "".join(traceback.format_exception(error)[-2:]).strip()
        told = f"an executor failed: {type(error).__name__}: {error}"
        return ClusterFailed(told, details={"type": type(error).__name__, "traceback": where})
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # written one word before
        return error
    except Exception:  # noqa: BLE001  # whatever an error of someone's own holds
        known = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
        details = {name: str(value) for name, value in error.details.items()}
        made: MusterError = known(error.message, hint=error.hint, details=details)
        return made
