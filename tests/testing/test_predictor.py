"""The suite of predictors passes one that keeps the contract, and catches each way to break it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from muster.errors import ModelFailed, ModelTimeout, RunCancelled
from muster.predictor import Call, Predictor
from muster.signature import Column, Output, Signature
from muster.testing.predictor import PredictorSuite

BATCH = pa.record_batch({"x": pa.array([1.0, 2.0, -3.0, 4.0, 5.0])})
BAD = pa.record_batch({"x": pa.array([None], pa.float64())})


class Sign:
    """Whether x is positive, and how sure it is; a null has an error."""

    signature = Signature((Column("x", pa.float64()),))
    output = Output("binary", pa.bool_(), (False, True), probabilities=True)
    abilities = frozenset({"probabilities"})

    def __init__(self) -> None:
        self.closed = False

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        if self.closed:
            raise ModelFailed("closed")
        if call.cancelled():
            raise RunCancelled("cancelled")
        if call.left(1.0) <= 0:
            raise ModelTimeout("too late")
        return self.answer(batch)

    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        x = batch.column("x")
        p = [None if v is None else 1 / (1 + 2.0**-v) for v in x.to_pylist()]
        rows = pa.array([None if v is None else [1 - v, v] for v in p], self.output.probabilities_type)
        columns = {"prediction": pc.greater(x, 0.0), "probabilities": rows}
        if x.null_count:
            columns["error"] = pa.array([None if v else "x is null" for v in x.is_valid().to_pylist()], pa.string())
        return pa.record_batch(columns)

    def close(self) -> None:
        self.closed = True


def replaced(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True)) | {name: column}
    return pa.record_batch(columns)


class Short(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return super().answer(batch)[:-1]


class Backwards(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return super().answer(batch.take(pa.array(range(batch.num_rows))[::-1]))


class Sorted(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return super().answer(batch.take(pc.sort_indices(batch.column("x"))))


class Positional(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        answer = super().answer(batch)
        return replaced(answer, "prediction", pa.array([n == 1 for n in range(batch.num_rows)]))


class Moody(Sign):
    calls = 0

    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.calls += 1
        answer = super().answer(batch)
        return replaced(answer, "prediction", pc.invert(answer.column("prediction"))) if self.calls % 2 else answer


class WrongType(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        answer = super().answer(batch)
        return replaced(answer, "prediction", answer.column("prediction").cast(pa.int64()))


class Chatty(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return replaced(super().answer(batch), "shoe_size", batch.column("x"))


class RefusesEmpty(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not batch.num_rows:
            raise ModelFailed("no rows")
        return super().answer(batch)


class Unsure(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        answer = super().answer(batch)
        rows = pa.array([[0.9, 0.9]] * batch.num_rows, self.output.probabilities_type)
        return replaced(answer, "probabilities", rows)


class Guessing(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        answer = super().answer(batch)
        return replaced(answer, "prediction", pc.fill_null(answer.column("prediction"), False))


class Spoilt(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not batch.column("x").null_count:
            return super().answer(batch)
        nulls = {
            name: pa.nulls(batch.num_rows, self.output.schema.field(name).type) for name in self.output.schema.names
        }
        return pa.record_batch(nulls | {"error": pa.array(["x is null"] * batch.num_rows)})


class Shared(Sign):
    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.last = batch
        time.sleep(0.01)
        return super().answer(self.last)


class Stubborn(Sign):
    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        return self.answer(batch)


class Abrupt(Sign):
    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        time.sleep(0.02)
        if self.closed:
            raise OSError("bad file descriptor")
        return super().predict(batch, call)


suite = PredictorSuite()
CAUGHT: dict[str, tuple[type[Sign], Callable[..., None]]] = {
    "too few rows": (Short, suite.test_an_answer_has_the_columns_of_the_output),
    "rows backwards": (Backwards, suite.test_many_rows_are_answered_in_order),
    "rows backwards, in a part": (Backwards, suite.test_rows_are_answered_in_order),
    "rows sorted": (Sorted, suite.test_rows_are_answered_in_order),
    "an answer by place": (Positional, suite.test_a_part_of_a_batch_gets_the_part_of_the_answer),
    "another answer each time": (Moody, suite.test_the_same_rows_get_the_same_answer),
    "another type": (WrongType, suite.test_an_answer_has_the_columns_of_the_output),
    "a column that means nothing": (Chatty, suite.test_an_answer_has_the_columns_of_the_output),
    "no empty batches": (RefusesEmpty, suite.test_an_empty_batch_has_an_empty_answer),
    "probabilities that do not add up": (Unsure, suite.test_classes_and_probabilities_fit_each_other),
    "threads mixed up": (Shared, suite.test_threads_do_not_disturb_each_other),
    "deadlines ignored": (Stubborn, suite.test_a_call_whose_deadline_is_over_is_not_made),
    "cancelling ignored": (Stubborn, suite.test_a_cancelled_call_is_not_made),
}


@pytest.mark.parametrize(("kind", "test"), CAUGHT.values(), ids=CAUGHT)
def test_a_broken_promise_is_caught(kind: type[Sign], test: Callable[..., None]) -> None:
    with pytest.raises((AssertionError, ModelFailed, pytest.fail.Exception)):
        test(kind(), BATCH)
    test(Sign(), BATCH)


@pytest.mark.parametrize("kind", [Guessing, Spoilt])
def test_a_bad_row_that_spoils_others_is_caught(kind: type[Sign]) -> None:
    with pytest.raises(AssertionError):
        suite.test_a_bad_row_spoils_no_other(kind(), BATCH, BAD)


@pytest.mark.parametrize(
    ("kind", "test"),
    [(Stubborn, suite.test_closing_twice_is_closing_once), (Abrupt, suite.test_closing_while_at_work_ends_the_call)],
)
def test_a_predictor_that_cannot_be_closed_is_caught(kind: type[Sign], test: Callable[..., None]) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(kind, BATCH)
    test(Sign, BATCH)


class TestSign(PredictorSuite):
    """The one that keeps the contract passes all of it."""

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls) -> Callable[[], Predictor]:
        return Sign

    @pytest.fixture
    def batch(self) -> pa.RecordBatch:
        return BATCH

    @pytest.fixture
    def bad_row(self) -> pa.RecordBatch:
        return BAD
