"""What a scoring is asked for, what it is lent, and what executing it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from muster.dataset import Dataset, Part, Sink
from muster.errors import NotApplicable
from muster.evaluation.metering import OpenCode
from muster.predictor import OpenPredictor, ProviderJobs, Talk
from muster.profile import Profile
from muster.records import Environment, MetricRecord, Progress, Run, Version
from muster.registry.endings import Retries
from muster.registry.seen import Seen
from muster.runner import Runner
from muster.scoring.layout import Keep, Layout
from muster.signature import Json, Output, Signature

__all__ = [
    "Job",
    "ScoreRequest",
    "ScoreTools",
    "Watch",
    "chunk_size",
    "declared",
    "declared_together",
    "strings",
    "texts",
]

Watch = Callable[[Progress], None]
"""Is told how far a run is: when work on it begins, and after each chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """What the user asks for."""

    reference: str
    data: str
    output: str
    keep: Keep = ()
    params: Mapping[str, Json] = field(default_factory=dict)
    threshold: float | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    on_reject: str = "skip"
    overwrite: bool = False
    runner: str = "local"
    via: str = "calls"
    queue: bool = False


class CreateSink(Protocol):
    def __call__(self, uri: str, run: str, schema: pa.Schema, *, overwrite: bool, inputs: Sequence[str]) -> Sink: ...


class OpenVersion(Protocol):
    def __call__(
        self,
        version: Version,
        *,
        threshold: float | None,
        mapping: Mapping[str, str],
        workers: int,
        inner: OpenPredictor | None = None,
    ) -> OpenPredictor:
        """A version behind its own checks; `inner` answers in its place, where it is given."""
        ...


class Fit(Protocol):
    """What a schema gives for a signature."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def casts(self) -> tuple[str, ...]: ...


def _no_batch(_version: Version, _rows: int | None) -> str:
    raise NotApplicable("this hub scores by calls alone", hint="leave `--via batch` out")


def _no_jobs(version: Version, _run: Run) -> ProviderJobs:
    raise NotApplicable(f"this hub scores by calls alone, and not `{version.ref}` by batch jobs")


def _no_kept(*_: object) -> Any:
    raise NotApplicable("this hub keeps no answers")


def _silent(_line: str) -> None:
    return None


def _nothing(_version: Version, _rows: int | None, _chunk: int) -> Mapping[str, Json]:
    return {}


def _no_price(_version: Version, _calls: float, _seconds: float) -> float | None:
    return None


def _no_packages(_environment: Environment) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class ScoreTools:
    """What the hub lends to a scoring: plain functions over its implementations."""

    open_dataset: Callable[[str], Dataset]
    create_sink: CreateSink
    open_version: OpenVersion
    runner: Callable[[str, int], Runner]
    fit: Callable[[pa.Schema, Signature, Mapping[str, str]], Fit]
    parameters: Callable[[Signature, Mapping[str, Json]], Mapping[str, Json]]
    profile: Callable[[Output], Callable[[], Profile]]
    decode_profile: Callable[[bytes], Profile]
    keep_table: Callable[[pa.Table, str], str]
    """Keeps a table in memory under a name until the run that reads it is over; the URI to read it by."""
    forget_table: Callable[[str | None], None]
    """Removes what a URI names, if it is a table that was kept."""
    workers: int
    chunk_rows: int
    retries: Retries
    announce: Callable[[Version, int | None, int], Mapping[str, Json]] = _nothing
    """Tells, before a scoring begins, what so many rows in chunks of so many will ask of who else runs the model."""
    batch_folder: Callable[[Version, int | None], str] = _no_batch
    """Where batch jobs of a version's provider would read and write for so many rows; NotApplicable says why there are none."""
    open_jobs: Callable[[Version, Run], ProviderJobs] = _no_jobs
    keep_answer: Callable[[pa.RecordBatch], str] = _no_kept
    """Keeps the answers to a chunk in the blob store; the digest."""
    open_kept: Callable[[Version, Mapping[tuple[int, int], Any], float | None], OpenPredictor] = _no_kept
    """Opens answers that were kept, by part and index of their chunk: a digest, or pieces of several."""
    price: Callable[[Version, float, float], float | None] = _no_price
    """What so many calls of a version's endpoint in so many seconds cost at its connection's prices; None where it has none."""
    packages: Callable[[Environment], Sequence[str]] = _no_packages
    """`name==version` of all that an environment has."""
    open_metric: Callable[[MetricRecord], OpenCode] = _no_kept
    """Opens the code of a metric of the user's own."""
    talk: Talk = _silent
    texts: bool = True
    """Whether profiles keep texts of the rows where nothing else is said."""
    by_version: bool = False
    """Whether a version that was measured to use all cores itself gets one worker."""
    files: Path | None = None
    """Where the files of models are kept, if that is a folder."""
    database: Path | None = None
    """Where the records are kept, if that is a file."""

    def workers_of(self, version: Version, runner: str = "local") -> int:
        """Of one process: executors of a cluster have one core each."""
        alone = runner != "local" or (self.by_version and version.load.get("spread") == "threads")
        return 1 if alone else self.workers

    def seen(self, version: Version | None, dataset: Dataset, stamp: str, staging: Path | str | None = None) -> Seen:
        """What executors need to see."""
        folders = [p for p in (self.files, staging) if isinstance(p, Path)]
        calls = version is not None and version.load.get("connection") is not None
        return Seen(dataset, stamp, tuple(folders), self.database if calls else None)


@dataclass(frozen=True, slots=True)
class Job:
    """All that executing needs, made from the run's record alone."""

    run: Run
    version: Version
    dataset: Dataset
    parts: Sequence[Part]
    layout: Layout
    sink: Sink
    columns: tuple[str, ...]


def declared(dataset: Dataset, version: Version, mapping: Mapping[str, str]) -> Dataset:
    """The data, with text read as the types that the version takes."""
    return declared_together(dataset, [(version, mapping)])


def declared_together(dataset: Dataset, versions: Sequence[tuple[Version, Mapping[str, str]]]) -> Dataset:
    """The data, with text read as the types that several versions take, each by its mapping."""
    wanted: dict[str, set[pa.DataType]] = {}
    for version, mapping in versions:
        for column in version.signature:
            wanted.setdefault(mapping.get(column.name, column.name), set()).add(column.type)
    # One that serves several columns of different types is read as what it is, and cast to each.
    return dataset.declare({name: kinds.pop() for name, kinds in wanted.items() if len(kinds) == 1})


def chunk_size(run: Run) -> int:
    """The rows of a chunk, as a run has them in its settings."""
    rows = run.settings["chunk_rows"]
    assert isinstance(rows, int)
    return rows


def texts(value: Json) -> list[str]:
    """A setting that is a list of texts."""
    assert isinstance(value, list)
    return [str(v) for v in value]


def strings(value: Json) -> dict[str, str]:
    """A setting that has a text for each name."""
    assert isinstance(value, dict)
    return {k: str(v) for k, v in value.items()}
