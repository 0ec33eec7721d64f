"""Registers and predicts without a worker: the same code, in this process, so that many models are tried in little time."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pytest

from muster.conform import fit
from muster.parameters import parameters
from muster.predictor import Declared, Description, Draft, Finding, Origin
from muster.predictors.answers import check
from muster.predictors.local import probe as probing
from muster.predictors.local.reading import read, wanted
from muster.records import Environment
from muster.signature import Json
from muster.worker.loaders import load
from tests.worker.doubles import settings
from tests.worker.versions import Here

__all__ = ["InProcess", "Registered", "register", "untouched"]


class InProcess:
    """What a worker does, without one."""

    reached = "none"

    def __init__(self, spec: Mapping[str, Json], folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._loaded: Any = None

    cpu_seconds = 0.0

    def start(self) -> dict[str, Json]:
        self._loaded = load(dict(self._spec), str(self._folder))
        return dict(self._loaded.facts)

    def predict(
        self, batch: pa.RecordBatch, params: Mapping[str, Json], outputs: Sequence[str], seconds: float
    ) -> pa.RecordBatch:
        return self._loaded.call(batch, dict(params), list(outputs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to end."""


class Registered:
    """What was found out of a model, and its answers."""

    def __init__(self, description: Description, finding: Finding, worker: InProcess) -> None:
        self.description, self.finding, self._worker = description, finding, worker

    def predict(self, data: pa.Table, params: Mapping[str, Json] | None = None) -> pa.RecordBatch:
        """As `Guarded` and `LocalPredictor` do it."""
        batch, errors = fit(data.schema, self.finding.signature).apply(data.combine_chunks().to_batches()[0])
        assert errors is None, errors
        given = parameters(self.finding.signature, params or {})
        raw = self._worker.predict(batch, given, wanted(self.finding.reading), 60)
        assert raw.num_rows == batch.num_rows
        return check(read(raw, self.finding.reading, self.finding.output), batch.num_rows, self.finding.output)


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """Loading a model puts folders on the path and modules among those imported: both go again."""
    path, modules, cached = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, cached
        for name in set(sys.modules) - modules:
            if getattr(sys.modules[name], "__file__", None) is not None and not _installed(sys.modules[name].__file__):
                del sys.modules[name]


def _installed(file: str | None) -> bool:
    return file is not None and (file.startswith((sys.prefix, sys.base_prefix)))


def register(
    monkeypatch: pytest.MonkeyPatch,
    origin: Origin,
    source: object,
    scratch: Path,
    sample: pa.Table | None = None,
    **declared: Any,
) -> Registered:
    """Describe and probe."""
    description = origin.describe(source, scratch)
    assert description.folder is not None
    worker = InProcess(description.load, description.folder)
    monkeypatch.setattr(probing, "open_raw", lambda draft, site: worker)
    monkeypatch.setattr(probing, "spread", lambda *_: {})  # there is no worker to be measured
    draft = Draft(
        description=description,
        declared=Declared(**declared),
        digest="0" * 64,
        environment=Environment(python="3.11", key=""),
    )
    return Registered(description, origin.probe(draft, Here(settings()), sample), worker)
