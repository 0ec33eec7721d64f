from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidInput, ModelFailed, SignatureMismatch
from muster.predictor import Call
from muster.predictors.answers import SUM_TOLERANCE
from muster.predictors.guarded import Guarded
from muster.signature import Column, Output, Parameter, Scalar, Signature, Task

X = Signature((Column("x", pa.float64(), nullable=False),), (Parameter("scale", pa.float64(), 1.0),))
BINARY = Output("binary", pa.string(), ("no", "yes"), probabilities=True)

Answer = Callable[[pa.RecordBatch, Call], pa.RecordBatch]


class Inner:
    """A predictor that answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: Answer, output: Output = BINARY, signature: Signature = X) -> None:
        self._answer = answer
        self.output = output
        self.signature = signature
        self.abilities = frozenset({"probabilities"})
        self.asked: list[tuple[pa.RecordBatch, Call]] = []
        self.closed = False

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        self.asked.append((batch, call))
        return self._answer(batch, call)

    def close(self) -> None:
        self.closed = True


def pairs(positive: Sequence[float | None]) -> pa.Array:
    return pa.array([None if p is None else [1 - p, p] for p in positive], pa.list_(pa.float64(), 2))


def by_x(batch: pa.RecordBatch, call: Call) -> pa.RecordBatch:
    """The probability of yes is x; the label says yes from 0.5 on."""
    x = batch.column("x").to_pylist()
    return pa.record_batch(
        {"prediction": pa.array(["yes" if v >= 0.5 else "no" for v in x], pa.string()), "probabilities": pairs(x)}
    )


def says(**columns: Any) -> Answer:
    return lambda batch, call: pa.record_batch(columns)


def data(*values: Any) -> pa.RecordBatch:
    return pa.record_batch({"x": pa.array(values)})


def table(answer: pa.RecordBatch) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = answer.to_pydict()
    return found


class TestRows:
    def test_clean_rows_go_on_in_one_batch_and_come_back_as_they_are(self) -> None:
        inner = Inner(by_x)
        answer = Guarded(inner).predict(data(0.25, 0.75))
        assert table(answer) == {"prediction": ["no", "yes"], "probabilities": [[0.75, 0.25], [0.25, 0.75]]}
        assert answer.schema == BINARY.schema
        assert [b.num_rows for b, _ in inner.asked] == [2]

    def test_faulty_rows_stay_behind_and_stand_in_their_places(self) -> None:
        inner = Inner(by_x)
        answer = Guarded(inner).predict(data(None, 0.25, None, 0.75))
        error = "`x` is null, which the model does not take"
        assert table(answer) == {
            "prediction": [None, "no", None, "yes"],
            "probabilities": [None, [0.75, 0.25], None, [0.25, 0.75]],
            "error": [error, None, error, None],
        }
        assert inner.asked[0][0].to_pydict() == {"x": [0.25, 0.75]}

    @given(st.lists(st.none() | st.floats(0, 1) | st.just(2.0), max_size=12))
    def test_every_row_comes_back_in_its_place(self, values: list[float | None]) -> None:
        answer = Guarded(Inner(by_x)).predict(pa.record_batch({"x": pa.array(values, pa.float64())}))
        assert answer.num_rows == len(values)
        errors = answer.column("error").to_pylist() if "error" in answer.schema.names else [None] * len(values)
        for value, label, both, error in zip(
            values, *[answer.column(n).to_pylist() for n in BINARY.schema.names], errors, strict=True
        ):
            assert (error is not None) == (value is None or value == 2.0)
            assert label == (None if error else "yes" if value is not None and value >= 0.5 else "no")
            assert (both is None) == (error is not None)
            assert both is None or both[1] == value

    def test_a_model_is_never_asked_about_no_rows(self) -> None:
        inner = Inner(by_x)
        guarded = Guarded(inner, threshold=0.3)
        empty = guarded.predict(pa.record_batch({"x": pa.array([], pa.float64())}))
        assert (empty.num_rows, empty.schema) == (0, BINARY.schema)
        nothing_good = guarded.predict(data(None, None))
        assert nothing_good.column("prediction").null_count == 2
        assert nothing_good.schema.field("probabilities").type == BINARY.probabilities_type
        assert inner.asked == []

    def test_casts_and_mappings(self) -> None:
        inner = Inner(by_x)
        guarded = Guarded(inner, mapping={"x": "score"})
        answer = guarded.predict(pa.record_batch({"score": pa.array([0, 1, None], pa.int64()), "x": ["a", "b", "c"]}))
        assert answer.column("prediction").to_pylist() == ["no", "yes", None]
        assert inner.asked[0][0].schema == X.schema

    def test_columns_that_do_not_fit_are_refused_before_the_model_is_asked(self) -> None:
        inner = Inner(by_x)
        with pytest.raises(SignatureMismatch, match="`x` is missing"):
            Guarded(inner).predict(pa.record_batch({"y": [1]}))
        assert inner.asked == []

    def test_batches_of_many_schemas(self) -> None:
        guarded = Guarded(Inner(by_x))
        for _ in range(2):
            for bits in range(1, 12):
                extra = pa.record_batch({f"extra_{bits}": [0], "x": pa.array([1], pa.int8())})
                assert guarded.predict(extra).column("prediction").to_pylist() == ["yes"]

    def test_what_fits_a_schema_is_found_once(self) -> None:
        guarded = Guarded(Inner(by_x))
        schema = pa.schema([("x", pa.int8())])
        assert guarded.fit(schema) is guarded.fit(pa.schema([("x", pa.int8())]))
        assert guarded.fit(pa.schema([("x", pa.int16())])) is not guarded.fit(schema)

    def test_is_its_inner_predictor_in_all_else(self) -> None:
        inner = Inner(by_x)
        guarded = Guarded(inner)
        assert (guarded.signature, guarded.output, guarded.abilities) == (X, BINARY, frozenset({"probabilities"}))
        guarded.close()
        assert inner.closed

    def test_several_threads(self) -> None:
        guarded = Guarded(Inner(by_x), threshold=0.2)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n: guarded.predict(data(*[n / 100, None] * 50)), range(100)))
        for n, answer in enumerate(answers):
            assert answer.column("prediction").to_pylist() == ["yes" if n / 100 >= 0.2 else "no", None] * 50


class TestCall:
    def test_parameters_are_completed_and_cast(self) -> None:
        inner = Inner(by_x)
        Guarded(inner).predict(data(0.5), Call(params={"scale": 2}, id="one"))
        Guarded(inner).predict(data(0.5))
        assert [(c.params, c.id) for _, c in inner.asked] == [({"scale": 2.0}, "one"), ({"scale": 1.0}, "")]

    def test_unknown_parameters_are_refused(self) -> None:
        with pytest.raises(InvalidInput, match="no parameter `scal`; did you mean `scale`"):
            Guarded(Inner(by_x)).predict(data(0.5), Call(params={"scal": 2}))

    def test_a_failing_model_fails_with_its_own_error(self) -> None:
        def fail(batch: pa.RecordBatch, call: Call) -> pa.RecordBatch:
            raise ModelFailed("division by zero")

        with pytest.raises(ModelFailed, match="division by zero"):
            Guarded(Inner(fail)).predict(data(0.5))


class TestThreshold:
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.floats(0, 1))
    def test_positive_where_the_last_class_reaches_it(self, values: list[float], threshold: float) -> None:
        answer = Guarded(Inner(by_x), threshold=threshold).predict(data(*values))
        assert answer.column("prediction").to_pylist() == ["yes" if v >= threshold else "no" for v in values]

    def test_labels_are_of_the_type_of_the_classes(self) -> None:
        for kind, classes in ((pa.int64(), (1, 0)), (pa.bool_(), (False, True)), (pa.string(), ("b", "a"))):
            output = Output("binary", kind, classes, probabilities=True)
            inner = Inner(says(prediction=pa.nulls(2, kind), probabilities=pairs([0.4, 0.6])), output)
            answer = Guarded(inner, threshold=0.5).predict(data(1.0, 2.0))
            assert answer.schema == output.schema
            assert answer.column("prediction").to_pylist() == list(classes)

    def test_a_model_that_leaves_labels_out_needs_none_with_a_threshold(self) -> None:
        inner = Inner(says(prediction=pa.nulls(1, pa.string()), probabilities=pairs([0.4])))
        assert table(Guarded(inner).predict(data(1.0)))["error"] == ["the model gave no prediction"]
        assert table(Guarded(inner, threshold=0.4).predict(data(1.0)))["prediction"] == ["yes"]

    def test_rows_without_probabilities_get_no_label(self) -> None:
        inner = Inner(says(prediction=["yes", "yes"], probabilities=pairs([None, 0.9])))
        assert table(Guarded(inner, threshold=0.5).predict(data(1.0, 1.0))) == {
            "prediction": [None, "yes"],
            "probabilities": [None, pytest.approx([0.1, 0.9])],
            "error": ["the model gave no probabilities", None],
        }

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
    def test_a_number_that_is_none_is_refused(self, threshold: float) -> None:
        with pytest.raises(InvalidInput, match="is no threshold"):
            Guarded(Inner(by_x), threshold=threshold)

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            (Output("binary", pa.string(), ("no", "yes")), "one without probabilities"),
            (Output("multiclass", pa.string(), ("a", "b", "c"), probabilities=True), "for task multiclass"),
            (Output("regression", pa.float64()), "for task regression"),
        ],
    )
    def test_other_models_have_none(self, output: Output, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            Guarded(Inner(by_x, output), threshold=0.5)


class TestAnswers:
    @pytest.mark.parametrize("rows", [0, 1, 3])
    def test_another_number_of_rows_fails_naming_both(self, rows: int) -> None:
        inner = Inner(says(prediction=["no"] * rows, probabilities=pairs([0.1] * rows)))
        if rows == 0:
            inner = Inner(lambda batch, call: pa.RecordBatch.from_pylist([], schema=BINARY.schema))
        with pytest.raises(ModelFailed, match=f"answered {rows} rows for 2"):
            Guarded(inner).predict(data(1.0, 2.0))

    def test_another_shape_fails_naming_all(self) -> None:
        columns = [pa.array([1]), pa.array(["x"]), pa.array([0.5]), pa.array([2]), pa.array([3])]
        wrong = pa.RecordBatch.from_arrays(columns, names=["prediction", "note", "error", "served_by", "served_by"])
        with pytest.raises(ModelFailed) as caught:
            Guarded(Inner(lambda batch, call: wrong)).predict(data(1.0))
        assert caught.value.message.split(": ", 1)[1].split("; ") == [
            "`probabilities` is not in it",
            "`served_by` is in it twice",
            "`note` is no column of an answer",
            "`prediction` is int64 and not string",
            "`error` is double and not string",
        ]

    def test_too_few_or_too_many_classes(self) -> None:
        three = pa.array([[0.1, 0.2, 0.7]], pa.list_(pa.float64(), 3))
        with pytest.raises(ModelFailed, match=r"`probabilities` is list\[3\] of double and not list\[2\] of double"):
            Guarded(Inner(says(prediction=["no"], probabilities=three))).predict(data(1.0))

    def test_a_table_is_no_answer(self) -> None:
        with pytest.raises(ModelFailed, match="answered a Table"):
            Guarded(Inner(lambda b, c: pa.table(by_x(b, c)))).predict(data(1.0))

    def test_known_further_columns_stay(self) -> None:
        more = says(
            prediction=["no"],
            probabilities=pairs([0.1]),
            served_by=["blue"],
            prediction_low=[1.0],
            error=pa.array([None], pa.string()),
        )
        assert table(Guarded(Inner(more)).predict(data(1.0))) == {
            "prediction": ["no"],
            "probabilities": [[0.9, 0.1]],
            "served_by": ["blue"],
            "prediction_low": [1.0],
        }

    def test_where_an_error_is_nothing_else_is(self) -> None:
        half = says(
            prediction=["no", "no"],
            probabilities=pairs([0.1, 0.1]),
            served_by=["blue", "green"],
            error=pa.array([None, "overflow"]),
        )
        assert table(Guarded(Inner(half)).predict(data(None, 1.0, 2.0))) == {
            "prediction": [None, "no", None],
            "probabilities": [None, [0.9, 0.1], None],
            "served_by": [None, "blue", "green"],
            "error": ["`x` is null, which the model does not take", None, "overflow"],
        }

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ([0.5, math.nan], "are not finite: 0.5, nan"),
            ([-math.inf, math.inf], "are not finite: -inf, inf"),
            ([0.5, None], "are not finite: 0.5, nan"),
            ([1.5, -0.5], "are not within 0 and 1: 1.5, -0.5"),
            ([0.7, 0.7], "do not add up to 1: 0.7, 0.7"),
            ([0.5, 0.5 - 2 * SUM_TOLERANCE], "do not add up to 1"),
            ([0.0, 0.0], "do not add up to 1: 0, 0"),
        ],
    )
    def test_probabilities_that_are_none_fault_their_row(self, row: list[float | None], message: str) -> None:
        given_rows = pa.array([[0.25, 0.75], row, [1.0, 0.0]], pa.list_(pa.float64(), 2))
        for threshold in (None, 0.5):
            inner = Inner(says(prediction=["yes", "yes", "no"], probabilities=given_rows))
            answer = table(Guarded(inner, threshold=threshold).predict(data(1.0, 2.0, 3.0)))
            assert answer["prediction"] == ["yes", None, "no"]
            assert answer["probabilities"] == [[0.25, 0.75], None, [1.0, 0.0]]
            assert answer["error"][0] is answer["error"][2] is None
            assert message in answer["error"][1]

    def test_what_float32_leaves_beside_the_edge_is_put_on_it(self) -> None:
        rows = pa.array([[1.0000001, -1e-8], None], pa.list_(pa.float64(), 2))
        answer = table(Guarded(Inner(says(prediction=["no", "no"], probabilities=rows))).predict(data(1.0, 2.0)))
        assert answer["probabilities"] == [[1.0, 0.0], None]
        assert answer["error"] == [None, "the model gave no probabilities"]

    def test_of_many_classes_the_first_are_shown(self) -> None:
        output = Output("multiclass", pa.int64(), tuple(range(9)), probabilities=True)
        rows = pa.array([[0.5] * 9], pa.list_(pa.float64(), 9))
        answer = table(Guarded(Inner(says(prediction=[2], probabilities=rows), output)).predict(data(1.0)))
        assert answer["error"] == ["the model's probabilities do not add up to 1: " + "0.5, " * 8 + "…"]

    def test_rounded_probabilities_pass(self) -> None:
        rows = pa.array([[0.3333, 0.3333, 0.3333]], pa.list_(pa.float64(), 3))
        output = Output("multiclass", pa.int64(), (1, 2, 3), probabilities=True)
        assert (
            "error"
            not in Guarded(Inner(says(prediction=[2], probabilities=rows), output)).predict(data(1.0)).schema.names
        )

    @pytest.mark.parametrize(
        ("kind", "classes", "label"),
        [(pa.string(), ("no", "yes"), "maybe"), (pa.int64(), (0, 1), 2), (pa.bool_(), (True,), False)],
    )
    def test_labels_that_are_no_classes_fault_their_row(
        self, kind: pa.DataType, classes: tuple[Scalar, ...], label: Scalar
    ) -> None:
        inner = Inner(says(prediction=pa.array([classes[0], label, None], kind)), Output("binary", kind, classes))
        classes_text = ", ".join(map(str, classes))
        assert table(Guarded(inner).predict(data(1.0, 2.0, 3.0))) == {
            "prediction": [classes[0], None, None],
            "error": [
                None,
                f"the model answered `{label}`, which is none of its classes ({classes_text})",
                "the model gave no prediction",
            ],
        }

    def test_numbers_that_are_none(self) -> None:
        inner = Inner(says(prediction=[1.0, math.nan, math.inf, None]), Output("regression", pa.float64()))
        answer = table(Guarded(inner).predict(data(1.0, 2.0, 3.0, 4.0)))
        assert answer["prediction"] == [1.0, None, None, None]
        assert answer["error"] == [
            None,
            "the model's prediction is nan",
            "the model's prediction is inf",
            "the model gave no prediction",
        ]

    def test_whole_numbers_of_a_regression(self) -> None:
        inner = Inner(says(prediction=[1, 2]), Output("regression", pa.int64()))
        assert table(Guarded(inner).predict(data(1.0, 2.0))) == {"prediction": [1, 2]}

    def test_other_tasks_may_answer_anything(self) -> None:
        answers = pa.array([{"text": "a"}, None, {"text": None}])
        inner = Inner(says(prediction=answers), Output("other", answers.type))
        assert table(Guarded(inner).predict(data(1.0, 2.0, 3.0))) == {"prediction": answers.to_pylist()}

    def test_multilabel(self) -> None:
        output = Output("multilabel", pa.list_(pa.bool_(), 2), ("a", "b"), probabilities=True)
        flags = pa.array([[True, True], [False, None], [True, False], None], pa.list_(pa.bool_(), 2))
        rows = pa.array([[0.9, 0.9], [0.1, 0.1], [1.5, 0.0], [0.5, 0.5]], pa.list_(pa.float64(), 2))
        answer = table(
            Guarded(Inner(says(prediction=flags, probabilities=rows), output)).predict(data(1.0, 2.0, 3.0, 4.0))
        )
        assert answer["prediction"] == [[True, True], None, None, None]
        assert answer["error"] == [
            None,
            "the model left a class undecided",
            "the model's probabilities are not within 0 and 1: 1.5, 0",
            "the model gave no prediction",
        ]

    def test_multioutput(self) -> None:
        targets = {
            "price": Output("regression", pa.float64()),
            "sold": Output("binary", pa.string(), ("no", "yes"), probabilities=True),
        }
        kind = pa.struct([("price", pa.float64()), ("sold", pa.string())])
        output = Output("multioutput", kind, probabilities=True, targets=targets)
        predictions = [
            {"price": 1.0, "sold": "no"},
            {"price": math.nan, "sold": "no"},
            {"price": 1.0, "sold": "?"},
            {"price": 1.0, "sold": "no"},
            None,
        ]
        probabilities = [{"sold": p} for p in ([1.0000001, 0.0], [0.9, 0.1], [0.9, 0.1], [0.9, 0.2], [0.9, 0.1])]
        inner = Inner(
            says(
                prediction=pa.array(predictions, kind), probabilities=pa.array(probabilities, output.probabilities_type)
            ),
            output,
        )
        answer = Guarded(inner).predict(data(*[1.0] * 5))
        assert answer.schema.names == ["prediction", "probabilities", "error"]
        assert answer.column("prediction").to_pylist() == [predictions[0], None, None, None, None]
        assert answer.column("probabilities").to_pylist() == [{"sold": [1.0, 0.0]}, None, None, None, None]
        assert answer.column("error").to_pylist() == [
            None,
            "the model's prediction of `price` is nan",
            "the model answered of `sold` `?`, which is none of its classes (no, yes)",
            "the model's probabilities of `sold` do not add up to 1: 0.9, 0.2",
            "the model gave no prediction",
        ]

    @given(
        st.lists(
            st.lists(st.floats(0, 1) | st.sampled_from([math.nan, math.inf, -1.0, 2.0]), min_size=3, max_size=3),
            min_size=1,
            max_size=8,
        )
    )
    def test_rows_are_faulted_exactly_where_a_rule_is_broken(self, rows: list[list[float]]) -> None:
        task: Task = "multiclass"
        output = Output(task, pa.string(), ("a", "b", "c"), probabilities=True)
        inner = Inner(
            says(prediction=["a"] * len(rows), probabilities=pa.array(rows, pa.list_(pa.float64(), 3))), output
        )
        answer = table(Guarded(inner).predict(data(*[1.0] * len(rows))))
        errors = answer.get("error", [None] * len(rows))
        for row, error, got in zip(rows, errors, answer["probabilities"], strict=True):
            good = all(0 <= p <= 1 for p in row) and abs(math.fsum(row) - 1) <= SUM_TOLERANCE
            assert (error is None) == good
            assert got == (row if good else None)


def test_clean_columns_reach_the_model_without_a_copy() -> None:
    inner = Inner(by_x)
    batch = pa.record_batch({"y": [1, 2], "x": [0.25, 0.5]})
    Guarded(inner).predict(batch)
    assert inner.asked[0][0].column("x").buffers()[1].address == batch.column("x").buffers()[1].address
