"""Served: a model behind an endpoint; Deployed: an endpoint with all the models behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from muster.errors import InvalidInput, near
from muster.signature import CLASSIFICATION, Scalar, Task
from muster.testing.endpoints.server import Incoming

__all__ = [
    "Container",
    "Deployed",
    "Models",
    "Outcome",
    "Pace",
    "Predict",
    "Read",
    "Served",
    "Told",
    "Write",
    "Written",
    "deployed",
]

Predict: TypeAlias = Callable[[list[Any]], Sequence[Any]]
"""Takes rows and gives one thing for each: a value, a label, or the probabilities of the classes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model says of a row, before a container puts it in its own words."""

    prediction: Any
    probabilities: tuple[float, ...] | None = None


Written: TypeAlias = tuple[str, bytes]
"""A content type and a body."""

Read: TypeAlias = "Callable[[Incoming, Served], list[Any]]"

Write: TypeAlias = "Callable[[Told], Written]"


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be written: what the model said of the rows, and the content type that the caller would accept."""

    outcomes: list[Outcome]
    served: Served
    rows: list[Any]
    accept: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """What a model runs in: how it reads requests and writes answers."""

    read: Read
    write: Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a model is, so that an endpoint has a known capacity: `workers` requests at a time, others wait for them.

    With `most`, a request is refused as one too many when so many are in flight.
    """

    seconds: float = 0
    per_row: float = 0
    workers: int = 4
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model: `predict` gets rows as dictionaries where names are known, else as lists.

    `columns` names what comes without names, in order; values of columns that `types` calls `string` stay text, all others are
    read as numbers. `container` says in which shapes requests and answers come, in words that the provider's module lists;
    a Container of your own speaks any other.
    `classes` has them in the order in which the container lists them.
    """

    predict: Predict
    columns: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    task: Task = "binary"
    classes: tuple[Scalar, ...] = (0, 1)
    target: str = "target"
    container: str | Container = ""
    model: str = ""
    version: str = "1"
    weight: float = 100
    instance: str = ""
    count: int = 1
    pace: Pace = Pace()

    def __post_init__(self) -> None:
        if self.task in CLASSIFICATION and len(self.classes) < 2:
            raise InvalidInput(f"{len(self.classes)} classes for task {self.task}", hint="give `classes`, two at least")

    def within(self, known: Mapping[str, Container], first: str = "") -> Container:
        """The container among those of its provider; the first of them if it names none."""
        if isinstance(self.container, Container):
            return self.container
        name = self.container or first or next(iter(known))
        if name not in known:
            raise InvalidInput(f"there is no container `{name}`{near(name, known)}", hint="one of: " + ", ".join(known))
        return known[name]

    @property
    def classifies(self) -> bool:
        return self.task in CLASSIFICATION

    def is_text(self, column: str) -> bool:
        return self.types.get(column, "double") == "string"

    def outcomes(self, rows: list[Any]) -> list[Outcome]:
        answers = list(self.predict(rows))
        if len(answers) != len(rows):
            raise ValueError(f"the model answered {len(answers)} rows for {len(rows)}")
        return [self._outcome(answer) for answer in answers]

    def _outcome(self, answer: Any) -> Outcome:
        if not self.classifies or isinstance(answer, str) or not isinstance(answer, Sequence):
            return Outcome(answer)
        likely = max(range(len(answer)), key=answer.__getitem__)
        if self.task == "binary":
            likely = int(answer[1] >= 0.5)
        return Outcome(self.classes[likely], tuple(float(p) for p in answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """An endpoint. Calls go to its variants by their weights, in a sequence that is the same each time.

    `status` is in the provider's own words, and nothing but that of an endpoint in service if empty. `models` are those of a
    multi-model endpoint, by the name that a request gives. `options` are what only this provider has; its module lists them.
    """

    variants: Mapping[str, Served]
    status: str = ""
    models: Mapping[str, Served] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


Models: TypeAlias = Mapping[str, "Served | Mapping[str, Served] | Deployed"]
"""Endpoints by name: one model, several variants by name, or an endpoint with more to say of it."""


def deployed(given: Served | Mapping[str, Served] | Deployed, variant: str) -> Deployed:
    """What was given, as an endpoint; a single model is a variant of the name that the provider gives to the first."""
    if isinstance(given, Served):
        return Deployed(variants={variant: given})
    return given if isinstance(given, Deployed) else Deployed(variants=given)
