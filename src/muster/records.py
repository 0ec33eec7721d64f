"""What Muster knows, as frozen values.

Each kind names its `KEY` (the fields that identify one) and `INDEXED` (the fields that lists filter and sort by).
Kinds with `AUDITED = False` (progress, leases, checkpoints, counters) are no change of state and make no event.
`muster.documents` turns a record into its stored JSON and back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Literal, TypeAlias

from muster.signature import Json, Output, Scalar, Signature, Task

__all__ = [
    "DATA_KINDS",
    "KINDS",
    "Alias",
    "Chunk",
    "Connection",
    "Counter",
    "DatasetRecord",
    "Environment",
    "EvaluationRecord",
    "Event",
    "Lease",
    "MetricRecord",
    "Model",
    "Probe",
    "Progress",
    "Reading",
    "Record",
    "Run",
    "RunStatus",
    "Share",
    "Snapshot",
    "StoredAnswer",
    "Usage",
    "Version",
    "new_id",
    "now",
]

DATA_KINDS = ("sql", "objects")
"""Kinds of connections that lead to data, and not to models."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_last = 0
_lock = threading.Lock()


def new_id() -> str:
    """An upper-case ULID, larger than every one that this process made before."""
    global _last  # noqa: PLW0603  # the last id of this process keeps ids in the order they were made
    fresh = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    with _lock:
        _last = value = max(fresh, _last + 1)
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def now() -> datetime:
    """The time in UTC, to the microsecond that the store keeps."""
    return datetime.now(UTC)


class Record:
    """The base of all kinds; it has no fields."""

    __slots__ = ()
    KIND: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]
    INDEXED: ClassVar[tuple[str, ...]] = ()
    AUDITED: ClassVar[bool] = True
    FORMAT: ClassVar[int] = 1
    TAGS: ClassVar[str] = "tags"
    """The field whose pairs of key and value lists can be filtered by, where the kind has one."""

    @property
    def identity(self) -> tuple[str | int, ...]:
        return tuple(getattr(self, name) for name in self.KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Record):
    """A named line of versions that answer one question. One with `deleted_at` can be restored until it is collected."""

    KIND = "model"
    KEY = ("name",)
    INDEXED = ("id", "name", "project", "task", "target", "created_at", "updated_at", "deleted_at")

    id: str
    name: str
    project: str = "default"
    task: Task
    target: str | None = None
    classes: tuple[Scalar, ...] = ()
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime
    created_by: str
    updated_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(Record):
    """What a version runs in. `lock` is the digest of a blob: a requirements file with exact versions and hashes.

    `kind` is `built` (made from the lock), or `executable` (a Python that the user named and keeps).
    `key` is shared by all versions whose environment is the same.
    """

    kind: Literal["built", "executable"] = "built"
    python: str
    lock: str | None = None
    key: str
    executable: str | None = None
    requirements: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Record):
    """How a model's raw answer becomes the one prediction shape. A name is that of a column of the raw answer.

    `label` holds labels, `probabilities` one column per class or one list column, `value` a number (or anything, for task `other`).
    `activation` turns raw scores into probabilities: `softmax`, `sigmoid`, `exp`, or `normalise`, which divides a row by its sum.
    `classes` are in the model's own order; where `codes`, a label of the model is the place of its class among them, 0, 1, ….
    """

    label: str | None = None
    probabilities: tuple[str, ...] = ()
    value: str | None = None
    activation: Literal["none", "sigmoid", "softmax", "exp", "normalise"] = "none"
    classes: tuple[Scalar, ...] = ()
    codes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Record):
    """What one prediction at registration showed."""

    rows: int
    source: Literal["sample", "example", "none"]
    seconds_to_load: float
    seconds_to_predict: float
    python: str
    libraries: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Json] = field(default_factory=dict)
    first: tuple[Json, ...] = ()
    notes: tuple[str, ...] = ()
    isolation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(Record):
    """One immutable entry of a model; only `threshold`, `description` and `tags` change, each by an audited act.

    `load` is what the origin needs to open it; `aliases` is filled in when a version is read, and not stored with it.
    `lineage` is what its source tells of it: server, name, number, run, tags, metrics. `imported` identifies what it was
    imported from, as `<server>/<name>:<number>`, so that it is imported once, and found by it. `findings` are what scanning
    its files for code showed. `marks` tell what became of it since, such as that its endpoint has changed. One with
    `deleted_at` can be restored until it is collected.
    """

    KIND = "version"
    KEY = ("model", "number")
    INDEXED = ("id", "model", "number", "origin", "digest", "imported", "created_at", "deleted_at")

    id: str
    model: str
    number: int
    origin: str
    source: str
    task: Task
    target: str | None = None
    signature: Signature
    output: Output
    reading: Reading
    threshold: float | None = None
    digest: str
    artifact: bool = True
    size: int = 0
    load: Mapping[str, Json] = field(default_factory=dict)
    environment: Environment | None = None
    probe: Probe | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lineage: Mapping[str, Json] = field(default_factory=dict)
    imported: str | None = None
    findings: tuple[Mapping[str, Json], ...] = ()
    marks: tuple[str, ...] = ()
    created_at: datetime
    created_by: str
    deleted_at: datetime | None = None

    @property
    def ref(self) -> str:
        return f"{self.model}:{self.number}"

    @property
    def classes(self) -> tuple[Scalar, ...]:
        return self.output.classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias(Record):
    """A movable name of a version."""

    KIND = "alias"
    KEY = ("model", "name")
    INDEXED = ("model", "name", "number")

    model: str
    name: str
    number: int
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter(Record):
    """The last number given out under a name; it survives what it counted."""

    KIND = "counter"
    KEY = ("name",)
    AUDITED = False

    name: str
    last: int


RunStatus: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Record):
    """One piece of work with a result. `settings` is all that a resume needs, so that its output is the same.

    `attempts` counts how often it was begun; `not_before` is when one that failed for a passing cause is tried again.
    `queue`: any worker of the hub may take it up. `isolation` is the level that its workers reached. `rejects_sha256` is what
    its rejects are known by when they are collected, and `rejects_collected_at` when that was.
    """

    KIND = "run"
    KEY = ("id",)
    INDEXED = ("id", "kind", "status", "model", "number", "created_at")

    id: str
    kind: str
    status: RunStatus
    model: str | None = None
    number: int | None = None
    version_digest: str | None = None
    input: str | None = None
    fingerprint: str | None = None
    output: str | None = None
    rejects: str | None = None
    rejects_sha256: str | None = None
    rejects_collected_at: datetime | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    casts: tuple[str, ...] = ()
    rows: int = 0
    rejected: int = 0
    seconds: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)
    summary: Mapping[str, Json] = field(default_factory=dict)
    error: str | None = None
    hint: str | None = None
    queue: bool = False
    attempts: int = 0
    not_before: datetime | None = None
    isolation: str | None = None
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None

    @property
    def ref(self) -> str | None:
        return f"{self.model}:{self.number}" if self.model is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Record):
    """How far a run is. `total` is None while the number of rows is not known; `fingerprint` is the input's, once it is read through.

    `emptied`: what the run had staged was collected, and it was not begun again since.
    """

    KIND = "progress"
    KEY = ("run",)
    AUDITED = False

    run: str
    rows: int = 0
    rejected: int = 0
    total: int | None = None
    fingerprint: str | None = None
    cancel: bool = False
    emptied: bool = False
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease(Record):
    """Who works on a run, and until when unless it is renewed. `token` grows with each owner and fences off the earlier ones."""

    KIND = "lease"
    KEY = ("run",)
    AUDITED = False

    run: str
    owner: str
    token: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(Record):
    """A finished chunk of a run: its output is on disk. `length` counts all rows of the chunk, rejected ones too."""

    KIND = "chunk"
    KEY = ("run", "part", "index")
    INDEXED = ("run", "part", "index")
    AUDITED = False

    run: str
    part: int
    index: int
    start: int
    length: int
    rejected: int
    last: bool
    file: str
    digest: str
    timings: Mapping[str, float] = field(default_factory=dict)
    asked: Mapping[str, float] = field(default_factory=dict)
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord(Record):
    """A name for a dataset."""

    KIND = "dataset"
    KEY = ("name",)
    INDEXED = ("name", "created_at")

    name: str
    uri: str
    schema: tuple[Mapping[str, Json], ...] = ()
    rows: int | None = None
    fingerprint: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Record):
    """A named account of a provider, or one endpoint. `settings` hold secrets as where they are, never themselves.

    `caps` are what calls over it may use together: `concurrency`, `rate` (requests a second), `price_per_call`,
    `price_per_hour` and `spend`, in the currency that the prices are in. They hold over all processes that use the hub.
    """

    KIND = "connection"
    KEY = ("name",)
    INDEXED = ("name", "kind", "created_at")

    name: str
    kind: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    caps: Mapping[str, float] = field(default_factory=dict)
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime
    created_by: str

    @property
    def holds_data(self) -> bool:
        """Whether it leads to tables or files, and not to models."""
        return self.kind in DATA_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process may use of a connection's caps until it asks again: requests at once and a second, and money.

    `used` is what it has told to have spent, and `granted` what it may have spent by then, both since it began.
    """

    holder: str
    flying: int = 0
    rate: float = 0.0
    used: float = 0.0
    granted: float = 0.0
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Record):
    """What was spent over a connection, by all processes and ever, and what is lent to those that use it now.

    `tokens` are requests that the cap on their rate allows and that nobody has sent. Hours and tokens are counted up to `at`.
    """

    KIND = "usage"
    KEY = ("connection",)
    AUDITED = False

    connection: str
    spent: float = 0.0
    tokens: float = 0.0
    at: datetime
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer(Record):
    """What an endpoint answered or promised to rows of a chunk that is not finished: a run which goes on does not pay for it again.

    `chunk` is `<part>/<index>`, `first` and `rows` say which of its rows, `digest` what was sent and to which version. `body`
    is compressed and in base64.
    """

    KIND = "answer"
    KEY = ("run", "chunk", "first")
    INDEXED = ("run", "chunk", "first")
    AUDITED = False

    run: str
    chunk: str
    first: int
    rows: int
    digest: str
    body: str
    content_type: str
    served_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Record):
    """What stood behind an external version at one time: its configuration there, and how it answered pinned rows.

    `answers` is the digest of a blob with the rows and what was predicted of them; `noise` how far two answers to the same
    rows are apart. `changes` tell in words what is different from the snapshot before; none where nothing is.
    """

    KIND = "snapshot"
    KEY = ("id",)
    INDEXED = ("id", "model", "number", "created_at")

    id: str
    model: str
    number: int
    configuration: Mapping[str, Json]
    digest: str
    answers: str | None = None
    noise: float = 0.0
    changes: tuple[str, ...] = ()
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord(Record):
    """How good predictions were on one dataset. `profile` is the digest of the blob from which every figure follows.

    Of `rows` that were read, `counted` are measured; `left_out` has the others by reason. `threshold` is what the version used
    then. `digest` tells the rows that were counted from others: two evaluations of the same rows have the same one.
    `metrics` has the value of each metric that is defined, for lists; intervals and bounds follow from the profile.
    `answers` is the digest of a blob that lists those with the answers of an endpoint, by chunk of `chunk_rows` rows: it is
    not asked again for the same rows. `custom` has the digest of each metric of the user's own.
    """

    KIND = "evaluation"
    KEY = ("id",)
    INDEXED = ("id", "model", "number", "task", "data", "created_at")
    TAGS = "labels"

    id: str
    run: str
    model: str | None = None
    number: int | None = None
    version_digest: str | None = None
    task: Task
    target: str
    data: str
    fingerprint: str
    digest: str
    threshold: float | None = None
    rows: int
    counted: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    custom: Mapping[str, str] = field(default_factory=dict)
    profile: str
    answers: str | None = None
    chunk_rows: int = 0
    params: Mapping[str, Json] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime
    created_by: str

    @property
    def ref(self) -> str | None:
        return f"{self.model}:{self.number}" if self.model is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRecord(Record):
    """A metric of the user's own: a Python function, and what it runs in. Nothing of it changes: another function is another number.

    A `batch` one gives each row a number, whose weighted mean is the figure; a `profile` one makes the figure of all that was
    counted. `within` are the least and the greatest that the figure can be.
    """

    KIND = "metric"
    KEY = ("name", "number")
    INDEXED = ("id", "name", "number", "kind", "digest", "created_at")

    id: str
    name: str
    number: int
    kind: Literal["batch", "profile"]
    title: str = ""
    better: Literal["higher", "lower", ""] = ""
    within: tuple[float, float] | None = None
    source: str
    digest: str
    size: int = 0
    load: Mapping[str, Json] = field(default_factory=dict)
    environment: Environment
    notes: tuple[str, ...] = ()
    created_at: datetime
    created_by: str

    @property
    def ref(self) -> str:
        return f"{self.name}:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """One change of state. Written by the store, never by hand: `hash` covers all other fields and the hash of the event before."""

    KIND = "event"
    KEY = ("seq",)
    INDEXED = ("seq", "at", "actor", "action", "subject")
    AUDITED = False

    seq: int
    at: datetime
    actor: str
    reason: str
    action: str
    subject: str
    before: Mapping[str, Json] | None
    after: Mapping[str, Json] | None
    previous: str
    hash: str


KINDS: Mapping[str, type[Record]] = {
    k.KIND: k
    for k in (
        *(Model, Version, Alias, Counter, Run, Progress, Lease, Chunk, DatasetRecord),
        *(Connection, Usage, StoredAnswer, Snapshot, EvaluationRecord, MetricRecord, Event),
    )
}
