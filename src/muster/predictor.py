"""CONTRACT Predictor: any model, wherever it lives; and Origin: a place that versions come from.

An answer has exactly the rows of the batch, in order. Its columns are those of `Output.schema` (`prediction`; for
classification `probabilities`, in the registered class order), and where known `prediction_low`, `prediction_high`,
`explanations`, `served_by`, and `error`: a string that says why this row has no prediction, null elsewhere; where it is
not null, `prediction` and `probabilities` are null.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from muster.config import Settings
from muster.records import Connection, Environment, Probe, Reading, StoredAnswer, Version
from muster.sharing import Shares
from muster.signature import Json, Output, Scalar, Signature, Task

__all__ = [
    "Answers",
    "Around",
    "Call",
    "Declared",
    "Description",
    "Draft",
    "Finding",
    "Observed",
    "OpenPredictor",
    "Origin",
    "Predictor",
    "ProviderJobs",
    "Sending",
    "Site",
    "Talk",
]

Talk = Callable[[str], None]
"""Takes one line of progress for a person."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Call:
    """What goes with one prediction. `deadline` is a `time.monotonic()`; `cancelled` is asked between requests."""

    params: Mapping[str, Json] = field(default_factory=dict)
    id: str = ""
    deadline: float | None = None
    cancelled: Callable[[], bool] = _never

    def within(self, part: int, index: int) -> Call:
        """The call for one chunk of a run."""
        return replace(self, id=f"{self.id}/{part}/{index}") if self.id else self

    def left(self, most: float) -> float:
        """Seconds that this call may still take, `most` at most."""
        return most if self.deadline is None else max(0.0, min(most, self.deadline - time.monotonic()))


class Predictor(Protocol):
    """A batch of rows in, a batch of predictions out.

    `predict` blocks, is safe from several threads, is never called on an event loop, and bounds its own threads. It raises
    ModelFailed only if no row could be tried; what is wrong with some rows stands in their `error`. The batch has the
    columns of `signature` by name, of their types, in their order.
    """

    @property
    def signature(self) -> Signature: ...
    @property
    def output(self) -> Output: ...
    @property
    def abilities(self) -> frozenset[str]:
        """Facts of this version: "probabilities", "explanations", "intervals", "params"."""
        ...

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch: ...
    def close(self) -> None: ...


class Around:
    """What a Predictor that stands before another one hands on of it: all but its answers."""

    def __init__(self, inner: Predictor) -> None:
        self._inner = inner

    @property
    def signature(self) -> Signature:
        return self._inner.signature

    @property
    def output(self) -> Output:
        return self._inner.output

    @property
    def abilities(self) -> frozenset[str]:
        return self._inner.abilities

    @property
    def isolation(self) -> str | None:
        """That of what is behind it, where it runs code here."""
        return getattr(self._inner, "isolation", None)

    def asked(self) -> Mapping[str, float]:
        """What was asked of an endpoint since this was last called, where one is behind it."""
        told = getattr(self._inner, "asked", None)
        return {} if told is None else told()

    def give_back(self) -> None:
        """Nothing is asked for a while: what is lent to this process of an endpoint's caps is given back, where one is behind it."""
        give = getattr(self._inner, "give_back", None)
        if give is not None:
            give()

    def close(self) -> None:
        self._inner.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the user says of a model. None, or empty, is "take it from the model". `output` has the keys of Reading, or is empty.

    `inherited`: the classes are those of the model's earlier versions; nobody said so of this one. `request` and `response`
    are the formats of an endpoint, and `probe_calls` the most that may be asked of it to find out what is not declared.
    """

    task: Task | None = None
    target: str | None = None
    classes: tuple[Scalar, ...] = ()
    inherited: bool = False
    signature: Signature | None = None
    threshold: float | None = None
    output: Mapping[str, Json] = field(default_factory=dict)
    request: Json = "auto"
    response: Json = "auto"
    probe_calls: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a source tells without running any of its code.

    `folder` is what to store as the artifact (None for an endpoint; `specification` then identifies it). `requirements` are
    pip requirements, `python` a minor such as `3.11`. `exact_python`: the artifact loads under that minor alone (a pickle).
    `example` is the model's own input example. `load` is kept with the version and given back to `open`, as are `lineage`,
    `imported` and `findings` (see Version).
    """

    source: str
    folder: Path | None = None
    specification: Mapping[str, Json] = field(default_factory=dict)
    task: Task | None = None
    target: str | None = None
    classes: tuple[Scalar, ...] = ()
    signature: Signature | None = None
    requirements: tuple[str, ...] = ()
    python: str | None = None
    exact_python: bool = False
    example: pa.Table | None = None
    load: Mapping[str, Json] = field(default_factory=dict)
    output: Mapping[str, Json] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lineage: Mapping[str, Json] = field(default_factory=dict)
    imported: str | None = None
    findings: tuple[Mapping[str, Json], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version in the making: described, declared, its artifact stored and its environment resolved."""

    description: Description
    declared: Declared
    digest: str
    environment: Environment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What stands behind a version that someone else runs, at one time.

    `answers` has pinned rows as the struct `row`, and what was predicted of each beside it; `noise` is how far two answers of
    this moment to one row are apart.
    """

    configuration: Mapping[str, Json]
    answers: pa.Table | None = None
    noise: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known once the model was loaded and asked: all that the version still needs."""

    task: Task
    target: str | None
    signature: Signature
    output: Output
    reading: Reading
    probe: Probe
    notes: tuple[str, ...] = ()
    load: Mapping[str, Json] = field(default_factory=dict)
    """What the version's `load` holds beside the description's: what would else depend on where it is opened."""
    specification: Mapping[str, Json] = field(default_factory=dict)
    """What identifies an endpoint beside the description's: how it is asked, and how its answers are read."""
    observed: Observed | None = None
    """What stands behind it now, where someone else runs it."""


class Answers(Protocol):
    """What endpoints answered to chunks that are not finished. Safe from several threads."""

    def of(self, run: str, chunk: str) -> Sequence[StoredAnswer]:
        """Those of one chunk, with what was answered."""
        ...

    def put(self, answer: StoredAnswer) -> None:
        """Keep one, in place of another to the same rows; it outlives this process once this returns."""
        ...


class Site(Protocol):
    """What the machine that opens a version offers: it may not be the one that registered it."""

    @property
    def settings(self) -> Settings: ...

    def artifact(self, digest: str) -> Path:
        """A read-only folder with the artifact's files, verified against the digest."""
        ...

    def discard(self, digest: str) -> None:
        """Remove the folder of an artifact that no version has, if this site made it."""
        ...

    def interpreter(self, environment: Environment) -> Path:
        """The Python executable of the environment, which is built now if it does not exist."""
        ...

    def surplus(self, environment: Environment) -> Mapping[str, Sequence[str]]:
        """What that Python has beyond the environment's lock: `modules` and `packages`, in `folders`. Empty where it has the lock alone."""
        ...

    @property
    def talk(self) -> Talk: ...

    def connection(self, name: str) -> Connection:
        """The connection of this name, without its secrets."""
        ...

    @property
    def answers(self) -> Answers | None:
        """Where runs keep what they paid for; None where nothing is kept."""
        ...

    @property
    def shares(self) -> Shares | None:
        """Who lends the caps of connections to processes; None where each process has them to itself."""
        ...


class Origin(Protocol):
    """One place that versions come from: recognises, describes, probes and opens them."""

    name: str

    def claims(self, source: object) -> bool:
        """Whether the source is one of this origin's. Imports nothing heavy, runs nothing of the source, and never raises."""
        ...

    def describe(self, source: object, scratch: Path) -> Description:
        """What the source tells. `scratch` is an empty folder that lives until the registration ends.

        InvalidModel says all that is wrong.
        """
        ...

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        """Load the model once and predict on the sample, else on its own example.

        InvalidInput names everything that must be declared.
        """
        ...

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        """A predictor of the version that can work on `workers` batches at a time."""
        ...


OpenPredictor = Callable[[], Predictor]
"""A picklable value that opens a predictor where it is called."""


SENT = "it is sent to a batch job"


@dataclass(frozen=True, slots=True)
class Sending:
    """What is to be sent before the next job: each chunk that is not `done` goes through a predictor of `open`.

    It predicts nothing: its rows that are on their way have the error `SENT`, and others one that says why they cannot be.

    `finished` are parts of which no chunk is to be read. `sealed`: all of it was sent already.
    """

    number: int
    open: OpenPredictor
    done: frozenset[tuple[int, int]] = frozenset()
    finished: frozenset[int] = frozenset()
    sealed: bool = False


class ProviderJobs(Protocol):
    """Another way to a version's answers, for one run: jobs of whoever runs the model, over rows that are put where they are read from.

    What was sent, started and answered is kept there, by names that follow from the run: whoever opens this again goes on.
    """

    def next(self) -> Sending | None:
        """What is to be sent now; None once every row is answered or refused."""
        ...

    def run(self, sending: Sending, cancelled: Callable[[], bool]) -> None:
        """Have answered what was sent. RunCancelled if nobody waits any more, while the job works on.

        ModelFailed if it seems to take no row at all.
        """
        ...

    @property
    def answers(self) -> OpenPredictor:
        """Predictors that answer the run's chunks by what the jobs gave, once all is decided."""
        ...

    def clear(self) -> None:
        """End the jobs that still work, and remove all that is kept for the run."""
        ...

    def close(self) -> None: ...
