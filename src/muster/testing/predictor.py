"""The suite that every Predictor passes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from muster.errors import ModelTimeout, MusterError, RunCancelled
from muster.predictor import Call, OpenPredictor, Predictor
from muster.signature import CLASSIFICATION

__all__ = ["PredictorSuite"]

OPTIONAL = {"prediction_low", "prediction_high", "explanations", "served_by", "error"}
"""What an answer may have beside the columns of `Output.schema`."""


class PredictorSuite:
    """Subclass it with the fixtures `make` and `batch`, and `bad_row` if there is one.

    `make` (a class method, of scope `class`) opens a predictor of a model that gives the same answer to the same row, `batch` has some rows
    for it, and `bad_row` a row that it cannot predict.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls) -> OpenPredictor:
        raise TypeError(
            "give a fixture `make`: a class method of scope `class` that gives a callable which opens a predictor"
        )

    @pytest.fixture(scope="class")
    @classmethod
    def predictor(cls, make: OpenPredictor) -> Iterator[Predictor]:
        predictor = make()
        yield predictor
        predictor.close()

    @pytest.fixture
    def batch(self) -> pa.RecordBatch:
        raise TypeError("give a fixture `batch`, of the columns of the predictor's signature, with four rows at least")

    @pytest.fixture
    def bad_row(self) -> pa.RecordBatch | None:
        return None

    def test_the_batch_is_one_for_the_predictor(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        assert batch.schema.names == list(predictor.signature.names)
        assert batch.num_rows >= 4

    def test_an_answer_has_the_columns_of_the_output(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        check_shape(predictor, batch, predictor.predict(batch))

    def test_all_rows_of_the_batch_are_predicted(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        answer = predictor.predict(batch)
        assert not errors(answer)
        assert answer.column("prediction").null_count == 0

    def test_an_empty_batch_has_an_empty_answer(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        check_shape(predictor, batch.slice(0, 0), predictor.predict(batch.slice(0, 0)))

    def test_the_same_rows_get_the_same_answer(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        assert_same(predictor.predict(batch), predictor.predict(batch))

    def test_rows_are_answered_in_order(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        moved = pa.array([*range(1, batch.num_rows), 0])
        assert_same(predictor.predict(batch.take(moved)), predictor.predict(batch).take(moved))

    def test_a_part_of_a_batch_gets_the_part_of_the_answer(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        whole = predictor.predict(batch)
        for start, length in ((0, 1), (1, 2), (batch.num_rows - 1, 1)):
            assert_same(predictor.predict(batch.slice(start, length)), whole.slice(start, length))

    def test_many_rows_are_answered_in_order(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        places = pa.array([n * n % batch.num_rows for n in range(3_000)])
        assert_same(predictor.predict(batch.take(places)), predictor.predict(batch).take(places))

    def test_a_batch_is_not_changed(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        before = batch.to_pylist()
        predictor.predict(batch)
        assert batch.to_pylist() == before

    def test_threads_do_not_disturb_each_other(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        whole = predictor.predict(batch)
        gate = threading.Barrier(4)

        def ask(place: int) -> pa.RecordBatch:
            gate.wait(10.0)
            return predictor.predict(batch.slice(place, 1))

        with ThreadPoolExecutor(4) as threads:
            for _ in range(3):
                for place, answer in enumerate(threads.map(ask, range(4))):
                    assert_same(answer, whole.slice(place, 1))

    def test_classes_and_probabilities_fit_each_other(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        output, answer = predictor.output, predictor.predict(batch)
        if output.task not in CLASSIFICATION:
            pytest.skip("never: only classifiers have classes")
        assert len(output.classes) >= 1
        if output.task != "multilabel":
            assert set(answer.column("prediction").to_pylist()) <= set(output.classes)
        if output.probabilities:
            assert "probabilities" in predictor.abilities
            for row in answer.column("probabilities").to_pylist():
                assert all(0.0 <= p <= 1.0 for p in row)
                assert output.task == "multilabel" or math.isclose(sum(row), 1.0, abs_tol=1e-3)

    def test_a_bad_row_spoils_no_other(
        self, predictor: Predictor, batch: pa.RecordBatch, bad_row: pa.RecordBatch | None
    ) -> None:
        if bad_row is None:
            pytest.skip("never: the model predicts any row")
        table = pa.Table.from_batches([batch.slice(0, 2), bad_row, batch.slice(2)])
        mixed = table.combine_chunks().to_batches()[0]
        answer = predictor.predict(mixed)
        check_shape(predictor, mixed, answer)
        assert list(errors(answer)) == [2]
        kept = pa.array([n for n in range(mixed.num_rows) if n != 2])
        names = predictor.output.schema.names
        assert_same(answer.take(kept).select(names), predictor.predict(batch).select(names))

    def test_a_call_whose_deadline_is_over_is_not_made(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        with pytest.raises(ModelTimeout):
            predictor.predict(batch, Call(deadline=time.monotonic() - 1.0))

    def test_a_cancelled_call_is_not_made(self, predictor: Predictor, batch: pa.RecordBatch) -> None:
        with pytest.raises(RunCancelled):
            predictor.predict(batch, Call(cancelled=lambda: True))

    def test_closing_twice_is_closing_once(self, make: OpenPredictor, batch: pa.RecordBatch) -> None:
        predictor = make()
        predictor.predict(batch)
        predictor.close()
        predictor.close()
        with pytest.raises(MusterError):
            predictor.predict(batch)

    def test_closing_while_at_work_ends_the_call(self, make: OpenPredictor, batch: pa.RecordBatch) -> None:
        """It may still be answered; it must not hang, nor fail with anything but an error of Muster's."""
        predictor = make()
        with ThreadPoolExecutor(2) as threads:
            asked = [threads.submit(predictor.predict, batch) for _ in range(2)]
            predictor.close()
            for one in asked:
                error = one.exception(30.0)
                assert error is None or isinstance(error, MusterError)


def check_shape(predictor: Predictor, batch: pa.RecordBatch, answer: pa.RecordBatch) -> None:
    """Fail unless the answer is what the contract promises for this batch."""
    assert isinstance(answer, pa.RecordBatch)
    assert answer.num_rows == batch.num_rows
    names = answer.schema.names
    assert len(set(names)) == len(names)
    for field in predictor.output.schema:
        assert answer.schema.field(field.name).type == field.type
    assert set(names) - set(predictor.output.schema.names) <= OPTIONAL
    refused = pa.array([n in errors(answer) for n in range(answer.num_rows)], pa.bool_())
    for name in predictor.output.schema.names:
        assert answer.filter(refused).column(name).null_count == pc.sum(refused).as_py() or not len(refused)


def errors(answer: pa.RecordBatch) -> dict[int, str]:
    """The errors of the rows that have one."""
    if "error" not in answer.schema.names:
        return {}
    assert answer.schema.field("error").type == pa.string()
    return {n: error for n, error in enumerate(answer.column("error").to_pylist()) if error is not None}


def assert_same(one: pa.RecordBatch, two: pa.RecordBatch) -> None:
    """Equal but for the last bits of floats, which may differ with the number of rows that are computed together."""
    assert one.schema.names == two.schema.names
    for a, b in zip(one.to_pylist(), two.to_pylist(), strict=True):
        assert alike(a, b), f"{a} is not {b}"


def alike(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return a == b
