from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.conform import Fit, fit
from muster.errors import SignatureMismatch
from muster.signature import Column, Signature, TensorSpec

FLIGHTS = Signature(
    (
        Column("dep_time", pa.float64()),
        Column("carrier", pa.string()),
        Column("distance", pa.int32(), nullable=False),
        Column("note", pa.string(), required=False),
    )
)


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.record_batch(columns)


def applied(
    signature: Signature, data: pa.RecordBatch, **mapping: str
) -> tuple[list[dict[str, Any]], list[str | None] | None]:
    conformed, errors = fit(data.schema, signature, mapping).apply(data)
    assert conformed.schema == signature.schema
    assert conformed.num_rows == data.num_rows
    return conformed.to_pylist(), None if errors is None else errors.to_pylist()


class TestColumns:
    def test_by_name_never_by_position(self) -> None:
        data = batch(distance=pa.array([1], pa.int32()), extra=["?"], carrier=["AA"], dep_time=[5.0], note=["n"])
        rows, errors = applied(FLIGHTS, data)
        assert rows == [{"dep_time": 5.0, "carrier": "AA", "distance": 1, "note": "n"}]
        assert errors is None

    def test_a_positional_model_gets_them_in_the_declared_order(self) -> None:
        signature = Signature((Column("a", pa.int64()), Column("b", pa.int64())), positional=True)
        rows, _ = applied(signature, batch(b=[2], a=[1]))
        assert [list(r.items()) for r in rows] == [[("a", 1), ("b", 2)]]
        with pytest.raises(SignatureMismatch) as caught:
            fit(pa.schema([("x", pa.int64()), ("y", pa.int64())]), signature)
        assert "knows no names" in caught.value.hint

    def test_everything_that_is_wrong_at_once(self) -> None:
        schema = pa.schema(
            [("DEP_TIME", pa.int64()), ("carrier", pa.int64()), ("distance", pa.int8()), ("distance", pa.int8())]
        )
        with pytest.raises(SignatureMismatch) as caught:
            fit(schema, FLIGHTS, {"dep_tim": "x", "note": "nota"})
        error = caught.value
        assert error.details["columns"] == [
            {"column": "dep_tim", "problem": "is mapped, but is no column of the model"},
            {"column": "note", "problem": "is mapped to `nota`, which the data does not have"},
            {"column": "dep_time", "problem": "is missing"},
            {"column": "carrier", "problem": "has the wrong type: no rule casts int64 to string"},
            {"column": "distance", "problem": "is in the data 2 times"},
        ]
        assert "`dep_tim` is mapped, but is no column of the model; did you mean `dep_time`?" in error.message
        assert "`dep_time` is missing; did you mean `DEP_TIME`?" in error.message
        assert error.message.endswith("`distance` is in the data 2 times")
        assert error.hint.startswith("rename the column, or map it with `--map dep_time=…`; map columns of the model")
        assert "007" in error.hint

    def test_a_mapping_to_a_near_name_says_so(self) -> None:
        with pytest.raises(
            SignatureMismatch, match="is mapped to `departur`, which the data does not have; did you mean `departure`"
        ):
            fit(
                pa.schema([("departure", pa.float64())]),
                Signature((Column("dep_time", pa.float64()),)),
                {"dep_time": "departur"},
            )

    def test_near_names_are_those_that_no_other_column_takes(self) -> None:
        signature = Signature((Column("dep_time", pa.int64()), Column("arr_time", pa.int64())))
        with pytest.raises(SignatureMismatch) as caught:
            fit(pa.schema([("dep_time", pa.int64())]), signature)
        assert "did you mean" not in caught.value.message

    def test_columns_there_twice_matter_only_where_they_are_taken(self) -> None:
        data = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["x", "y", "x"])
        assert applied(Signature((Column("y", pa.int64()),)), data) == ([{"y": 2}], None)

    def test_a_mapping_takes_the_mapped_column_only(self) -> None:
        signature = Signature((Column("a", pa.int64()), Column("b", pa.int64())))
        rows, _ = applied(signature, batch(a=[1], b=[2], c=[3]), a="b", b="c")
        assert rows == [{"a": 2, "b": 3}]
        both, _ = applied(signature, batch(c=[3]), a="c", b="c")
        assert both == [{"a": 3, "b": 3}]

    def test_optional_columns_are_null_where_absent(self) -> None:
        signature = Signature((Column("a", pa.int64(), required=False, nullable=False),))
        assert applied(signature, batch(b=[1, 2])) == ([{"a": None}, {"a": None}], None)
        assert applied(signature, batch(a=[1, None]))[1] == [None, "`a` is null, which the model does not take"]

    def test_an_optional_column_that_was_mapped_must_be_there(self) -> None:
        with pytest.raises(SignatureMismatch, match="`note` is mapped to `remark`"):
            fit(
                pa.schema([("x", pa.int64())]),
                Signature((Column("note", pa.string(), required=False),)),
                {"note": "remark"},
            )

    def test_what_is_read_and_what_is_noted(self) -> None:
        schema = pa.schema(
            [("departure", pa.int64()), ("carrier", pa.large_string()), ("distance", pa.int32()), ("other", pa.int8())]
        )
        found = fit(schema, FLIGHTS, {"dep_time": "departure"})
        assert found.columns == ("departure", "carrier", "distance")
        assert found.casts == ("dep_time: int64 → double", "note: absent, taken as null")

    def test_a_signature_without_columns_takes_any_data(self) -> None:
        found = fit(pa.schema([("x", pa.int64())]), Signature())
        conformed, errors = found.apply(batch(x=[1, 2]))
        assert conformed.num_columns == 0
        assert errors is None

    def test_ten_thousand_columns_missing(self) -> None:
        signature = Signature(tuple(Column(f"feature_{i}", pa.float64()) for i in range(10_000)))
        schema = pa.schema([(f"Feature {i}", pa.float64()) for i in range(10_000)])
        with pytest.raises(SignatureMismatch) as caught:
            fit(schema, signature)
        columns = caught.value.details["columns"]
        assert isinstance(columns, list)
        assert len(columns) == 10_000
        assert len(caught.value.message) < 10_000
        assert "and 9900 more columns" in caught.value.message


class TestValues:
    def test_every_faulty_column_of_a_row_is_named(self) -> None:
        data = batch(dep_time=[2**53 + 1, 5, None], carrier=["AA", None, "UA"], distance=[1.5, 2.0, None])
        rows, errors = applied(FLIGHTS, data)
        assert errors == [
            "`dep_time` 9007199254740993 has no exact double; `distance` 1.5 is no whole number within int32",
            None,
            "`distance` is null, which the model does not take",
        ]
        assert rows[1] == {"dep_time": 5.0, "carrier": None, "distance": 2, "note": None}

    def test_nan_among_integers_is_a_null_which_may_not_be(self) -> None:
        _, errors = applied(Signature((Column("a", pa.int64(), nullable=False),)), batch(a=[float("nan"), 1.0]))
        assert errors == ["`a` is null, which the model does not take", None]

    def test_a_null_column_for_one_without_nulls(self) -> None:
        _, errors = applied(Signature((Column("a", pa.int64(), nullable=False),)), batch(a=pa.nulls(2)))
        assert errors == ["`a` is null, which the model does not take"] * 2

    def test_messages_show_the_value_as_it_was(self) -> None:
        noon = pa.array(["2013-02-01T12:00:00"]).cast(pa.timestamp("ns"))
        signature = Signature(
            (
                Column("day", pa.date32()),
                Column("code", pa.binary(2)),
                Column("xs", pa.list_(pa.int8(), 2)),
                Column("k", pa.int8()),
            )
        )
        data = batch(day=noon, code=[b"\xff"], xs=[[1000]], k=pa.array([300]).dictionary_encode())
        (error,) = applied(signature, data)[1] or []
        assert error is not None
        assert error.split("; ") == [
            "`day` 2013-02-01 12:00:00.000000000 is finer than date32[day]",
            "`code` has not 2 bytes",
            "`xs` has not 2 items or has an item that is outside of int8",
            "`k` 300 is outside of int8",
        ]

    def test_long_values_are_cut(self) -> None:
        huge = pa.array([10**70], pa.decimal256(76, 0))
        (error,) = applied(Signature((Column("a", pa.int64()),)), batch(a=huge))[1] or []
        assert error is not None
        assert "0… is no whole number" in error

    def test_data_of_another_type_than_was_fitted_is_refused(self) -> None:
        found = fit(pa.schema([("a", pa.int64())]), Signature((Column("a", pa.float64()),)))
        with pytest.raises(SignatureMismatch, match="`a` is string here and was int64 before"):
            found.apply(batch(a=["x"]))

    @given(
        st.lists(
            st.tuples(st.none() | st.sampled_from([1.0, 2.0, 1.5]), st.none() | st.integers(-300, 300)), max_size=20
        )
    )
    def test_the_faulty_rows_are_those_of_any_column(self, rows: list[tuple[float | None, int | None]]) -> None:
        signature = Signature((Column("a", pa.int64(), nullable=False), Column("b", pa.int8())))
        data = pa.record_batch(
            [pa.array([a for a, _ in rows], pa.float64()), pa.array([b for _, b in rows], pa.int64())], names=["a", "b"]
        )
        conformed, errors = fit(data.schema, signature).apply(data)
        texts = [None] * len(rows) if errors is None else errors.to_pylist()
        for (a, b), text, got in zip(rows, texts, conformed.to_pylist(), strict=True):
            bad_a, bad_b = a is None or a == 1.5, b is not None and not -128 <= b <= 127
            assert (text is not None) == (bad_a or bad_b)
            assert ("`a`" in (text or "")) == bad_a
            assert ("`b`" in (text or "")) == bad_b
            assert got == {"a": None if bad_a else a, "b": None if bad_b else b}


class TestTensors:
    signature = Signature((Column("image", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, 2, 2))),))

    def test_shapes_are_checked(self) -> None:
        rows, errors = applied(self.signature, batch(image=[[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0]], None]))
        assert rows == [{"image": [1.0, 2.0, 3.0, 4.0]}, {"image": None}, {"image": None}]
        assert errors == [None, "`image` has not the shape (2, 2) or has a value that is too large for float", None]
        assert (
            applied(self.signature, batch(image=pa.array([[1.0] * 4, [1.0] * 5], pa.list_(pa.float32()))))[1]
            is not None
        )

    def test_another_number_of_axes_is_refused(self) -> None:
        with pytest.raises(SignatureMismatch, match=r"`image` has the wrong type: .* has 3 axes and not 2"):
            fit(batch(image=[[[[1.0]]]]).schema, self.signature)
        with pytest.raises(SignatureMismatch, match="no rule casts double to list of float"):
            fit(batch(image=[1.0]).schema, self.signature)

    def test_a_column_of_nulls(self) -> None:
        assert applied(self.signature, batch(image=pa.nulls(1))) == ([{"image": None}], None)


def test_clean_columns_of_the_right_type_are_not_copied() -> None:
    column = pa.array([1.0, 2.0])
    conformed, errors = fit(pa.schema([("a", pa.float64())]), Signature((Column("a", pa.float64()),))).apply(
        batch(b=[0, 0], a=column)
    )
    assert errors is None
    assert conformed.column("a").buffers()[1].address == column.buffers()[1].address


def test_one_fit_serves_many_threads() -> None:
    found: Fit = fit(pa.schema([("dep_time", pa.int64()), ("carrier", pa.string()), ("distance", pa.int64())]), FLIGHTS)
    data = batch(dep_time=[1, 2**53 + 1], carrier=["AA", "UA"], distance=[1, 2])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: found.apply(data), range(64)))
    assert [errors.to_pylist() for _, errors in answers if errors is not None] == [
        [None, "`dep_time` 9007199254740993 has no exact double"]
    ] * 64
