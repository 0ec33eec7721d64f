"""Every error that Muster raises for what a user did, or for what the world did to a user.

    MusterError
    ├── InvalidInput           an argument, option or file is wrong: mend it and call again
    │   ├── InvalidReference   not a model, version, alias or run reference
    │   ├── InvalidModel       the source is not a model, or not one that can be registered
    │   ├── InvalidConfig      a setting has a value that it cannot have
    │   └── SignatureMismatch  the data lacks columns, or has types that no rule casts
    ├── NotFound               nothing of that name
    │   ├── ModelNotFound
    │   ├── VersionNotFound
    │   ├── AliasNotFound
    │   ├── RunNotFound
    │   ├── DatasetNotFound
    │   ├── EvaluationNotFound
    │   └── MetricNotFound
    ├── Conflict               the thing exists, is in use, or was changed by someone else
    ├── NotApplicable          the capability does not apply to this model, and why
    ├── DatasetError           a dataset cannot be read or written
    ├── EnvironmentFailed      a version's environment cannot be resolved or built
    ├── ClusterFailed          a Ray or Spark cluster cannot be reached, or fails at its part
    ├── ModelFailed            the model's code failed
    │   ├── ModelTimeout       it did not answer in time
    │   └── ModelDied          its process ended while it worked
    ├── MetricFailed           the code of a metric of the user's own failed
    ├── RunFailed              a run ended without its result
    │   └── RunCancelled
    ├── RequirementFailed      what was measured does not reach what was asked of it
    ├── NotWritten             a report or a chart cannot be written to its file
    ├── SourceError            a place that models come from gives no model, or a wrong one
    │   ├── SourceDenied       it refuses: a wrong or missing token, or no right to this
    │   └── SourceUnavailable  it cannot be reached, or fails at whatever is asked
    ├── StoreError             the hub's store cannot be read or written
    │   ├── Corrupt            stored bytes are not those that were stored
    │   └── TooNew             made by a later release of Muster
    └── MissingExtra           an optional library is not installed

A message says what happened and what was given; a hint says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AliasNotFound",
    "ClusterFailed",
    "Conflict",
    "Corrupt",
    "DatasetError",
    "DatasetNotFound",
    "EnvironmentFailed",
    "EvaluationNotFound",
    "InvalidConfig",
    "InvalidInput",
    "InvalidModel",
    "InvalidReference",
    "MetricFailed",
    "MetricNotFound",
    "MissingExtra",
    "ModelDied",
    "ModelFailed",
    "ModelNotFound",
    "ModelTimeout",
    "MusterError",
    "NotApplicable",
    "NotFound",
    "NotWritten",
    "RequirementFailed",
    "RunCancelled",
    "RunFailed",
    "RunNotFound",
    "SignatureMismatch",
    "SourceDenied",
    "SourceError",
    "SourceUnavailable",
    "StoreError",
    "TooNew",
    "VersionNotFound",
    "near",
    "plural",
]


class MusterError(Exception):
    """The root: `message` what happened, `hint` what to do, `details` the same for programs."""

    def __init__(self, message: str, *, hint: str = "", details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, object] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.details)

    @property
    def type(self) -> str:
        """The name that `--json` and REST show."""
        return type(self).__name__


def _rebuild(kind: type[MusterError], message: str, hint: str, details: dict[str, object]) -> MusterError:
    return kind(message, hint=hint, details=details)


class InvalidInput(MusterError):
    """An argument, option or file is wrong."""


class InvalidReference(InvalidInput):
    """The text is no reference, or one that could mean several things."""


class InvalidModel(InvalidInput):
    """The source is not a model, or not one that can be registered."""


class InvalidConfig(InvalidInput):
    """A setting has a value that it cannot have."""


class SignatureMismatch(InvalidInput):
    """The data does not have the columns that the model takes. `details["columns"]` lists all that is wrong."""


class NotFound(MusterError):
    """Nothing of that name."""


class ModelNotFound(NotFound):
    """No model of that name."""


class VersionNotFound(NotFound):
    """The model has no version of that number or id."""


class AliasNotFound(NotFound):
    """The model has no alias of that name."""


class RunNotFound(NotFound):
    """No run of that id."""


class DatasetNotFound(NotFound):
    """No dataset at that path, or of that name."""


class EvaluationNotFound(NotFound):
    """No evaluation of that id."""


class MetricNotFound(NotFound):
    """No metric of the user's own of that name, or of that number."""


class Conflict(MusterError):
    """The thing exists already, is in use, or was changed by someone else meanwhile."""


class NotApplicable(MusterError):
    """The capability does not apply to this model."""


class DatasetError(MusterError):
    """A dataset cannot be read or written."""


class EnvironmentFailed(MusterError):
    """A version's environment cannot be resolved or built."""


class ClusterFailed(MusterError):
    """A cluster cannot be reached, loses its executors, or they do not see what they need."""


class ModelFailed(MusterError):
    """The model's code failed. `details["traceback"]` has the model's own frames."""


class ModelTimeout(ModelFailed):
    """The model did not load or answer in time and was ended."""


class ModelDied(ModelFailed):
    """The model's process ended while it loaded or answered."""


class MetricFailed(MusterError):
    """A metric's code failed, or gave what is no figure. `details["traceback"]` has its own frames, where it raised."""


class RunFailed(MusterError):
    """A run ended without its result. `details["run"]` is its id."""


class RunCancelled(RunFailed):
    """A run was cancelled."""


class RequirementFailed(MusterError):
    """What was measured does not reach what was asked of it."""


class NotWritten(MusterError):
    """A file that was asked for cannot be written; what was there before is there still."""


class SourceError(MusterError):
    """A place that models come from gives no model, or a wrong one."""


class SourceDenied(SourceError):
    """The place refuses who asks. `details["status"]` is 401 where it does not know them at all."""


class SourceUnavailable(SourceError):
    """The place cannot be reached, or fails at whatever is asked."""


class StoreError(MusterError):
    """The hub's store cannot be read or written."""


class Corrupt(StoreError):
    """Stored bytes are not those that were stored."""


class TooNew(StoreError):
    """A later release of Muster made this; upgrade to read it."""


class MissingExtra(MusterError):
    """An optional library is not installed."""

    @classmethod
    def named(cls, extra: str, purpose: str) -> MissingExtra:
        """The one sentence that every missing extra gets."""
        return cls(f"{purpose} needs an optional library", hint=f"install it with `pip install 'muster-ml[{extra}]'`")


def near(name: str, known: Iterable[str]) -> str:
    """A clause that names what is like `name` among `known`, in whatever case, or nothing."""
    folded: dict[str, list[str]] = {}
    for one in known:
        folded.setdefault(one.casefold(), []).append(one)
    close = [one for like in get_close_matches(name.casefold(), folded, n=3, cutoff=0.6) for one in folded[like]][:3]
    return f"; did you mean {' or '.join(f'`{c}`' for c in close)}?" if close else ""


def shortened(text: str, most: int = 80) -> str:
    """What somebody gave, as a message can repeat it: without its middle where it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2 - 1) :]}"


def plural(number: int, thing: str) -> str:
    """How many there are of a thing: 1 row, 28,243 rows."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
