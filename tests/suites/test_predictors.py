"""The suite of predictors over every predictor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pytest

from muster.predictor import OpenPredictor, Predictor
from muster.predictors.guarded import Guarded
from muster.predictors.local import launch
from muster.predictors.local.predictor import LocalPredictor
from muster.records import Reading
from muster.signature import Column, Output, Signature
from muster.testing.predictor import PredictorSuite
from tests.worker.doubles import program, settings
from tests.worker.versions import Here, version

SIGNATURE = Signature((Column("x", pa.float64()), Column("word", pa.string())))
BATCH = pa.record_batch({"x": pa.array([0.5, 2.0, -1.0, 3.25, 8.0]), "word": pa.array(["a", None, "ccc", "dd", ""])})
BAD = pa.record_batch({"x": pa.array([1.0]), "word": pa.array(["bad"])})

REGRESSOR = """
def predict(batch):
    words = batch.column("word").to_pylist()
    if "bad" in words: raise ValueError("a bad word")
    return [x + len(word or "") for x, word in zip(batch.column("x").to_pylist(), words)]
"""
CLASSIFIER = """
import pyarrow as pa
def predict(batch):
    words = batch.column("word").to_pylist()
    if "bad" in words: os._exit(1)
    p = [0.9 if x > len(word or "") else 0.2 for x, word in zip(batch.column("x").to_pylist(), words)]
    rows = pa.FixedSizeListArray.from_arrays(pa.array([v for one in p for v in (1 - one, one)]), 2)
    return pa.record_batch([pa.array(["yes" if one > 0.5 else "no" for one in p]), rows], names=["predict", "predict_proba"])
"""


@dataclass(frozen=True)
class Case:
    """A predictor, and rows for it."""

    open: OpenPredictor
    batch: pa.RecordBatch
    bad_row: pa.RecordBatch | None = None


def regressor(workers: int = 1) -> Predictor:
    return LocalPredictor(version(REGRESSOR, signature=SIGNATURE), Here(settings()), workers)


def classifier() -> Predictor:
    output = Output("binary", pa.string(), ("no", "yes"), probabilities=True)
    reading = Reading(label="predict", probabilities=("predict_proba",), classes=("no", "yes"))
    return LocalPredictor(
        version(CLASSIFIER, signature=SIGNATURE, task="binary", output=output, reading=reading), Here(settings())
    )


CASES = {
    "local regressor": Case(regressor, BATCH, BAD),
    "local regressor, three workers": Case(lambda: regressor(3), BATCH, BAD),
    "local classifier": Case(classifier, BATCH, BAD),
    "guarded classifier": Case(lambda: Guarded(classifier()), BATCH, BAD),
    "guarded classifier with a threshold": Case(lambda: Guarded(classifier(), threshold=0.1), BATCH, BAD),
}


@pytest.fixture(scope="class")
def text_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "PROGRAM", program(tmp_path_factory.mktemp("program")))
        yield


@pytest.mark.usefixtures("text_models")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES, scope="class")
class TestPredictors(PredictorSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, case: Case) -> OpenPredictor:
        return case.open

    @pytest.fixture
    def batch(self, case: Case) -> pa.RecordBatch:
        return case.batch

    @pytest.fixture
    def bad_row(self, case: Case) -> pa.RecordBatch | None:
        return case.bad_row


class TestFile(PredictorSuite):
    """A model that the worker's own loader reads from a file."""

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, tmp_path_factory: pytest.TempPathFactory) -> OpenPredictor:
        folder = tmp_path_factory.mktemp("model")
        (folder / "model.py").write_text('INPUT = "arrow"\n' + REGRESSOR)
        given = version("", signature=SIGNATURE, load={"loader": "file", "file": "model.py"})
        return lambda: LocalPredictor(given, Here(settings(), folder))

    @pytest.fixture
    def batch(self) -> pa.RecordBatch:
        return BATCH

    @pytest.fixture
    def bad_row(self) -> pa.RecordBatch:
        return BAD
