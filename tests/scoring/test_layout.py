from __future__ import annotations

import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.scoring.layout import layout
from muster.scoring.sizes import chunk_rows
from muster.signature import Output

DATA = pa.schema([("flight", pa.int64()), ("carrier", pa.string()), ("prediction", pa.string())])
BINARY = Output("binary", pa.string(), ("no", "yes"), True)


def test_kept_columns_stand_first_then_prediction_and_a_probability_per_class() -> None:
    shown = layout(DATA, BINARY, ["carrier", "flight"], "")
    assert shown.schema.names == ["carrier", "flight", "prediction", "probability_no", "probability_yes"]
    batch = pa.record_batch({"flight": [7], "carrier": ["AA"], "prediction": ["x"]})
    probabilities = pa.array([[0.25, 0.75]], pa.list_(pa.float64(), 2))
    table = shown.table(batch, pa.record_batch({"prediction": ["yes"], "probabilities": probabilities}))
    assert table.to_pylist() == [
        {"carrier": "AA", "flight": 7, "prediction": "yes", "probability_no": 0.25, "probability_yes": 0.75}
    ]


def test_a_name_that_would_stand_twice_is_refused_with_the_flag_that_mends_it() -> None:
    with pytest.raises(InvalidInput, match="`prediction` twice") as caught:
        layout(DATA, BINARY, "all", "")
    assert "--prefix" in caught.value.hint
    assert layout(DATA, BINARY, "all", "m_").schema.names[-1] == "m_probability_yes"


def test_missing_columns_to_keep_are_named_at_once_with_near_ones() -> None:
    with pytest.raises(InvalidInput) as caught:
        layout(DATA, BINARY, ["fligth", "x"], "")
    assert "`fligth`; did you mean `flight`?" in caught.value.message
    assert "`x`" in caught.value.message


def test_boolean_classes_are_named_in_lower_case() -> None:
    assert layout(DATA, Output("binary", pa.bool_(), (False, True), True), [], "").schema.names[1:] == [
        "probability_false",
        "probability_true",
    ]


def test_answers_of_other_tasks_keep_their_type() -> None:
    output = Output("other", pa.list_(pa.float32()))
    assert layout(DATA, output, [], "").schema == pa.schema([("prediction", pa.list_(pa.float32()))])


def test_chunks_shrink_for_wide_rows_and_for_little_data() -> None:
    narrow = pa.schema([("x", pa.float64())])
    wide = pa.schema([(f"x{i}", pa.float64()) for i in range(2_000)])
    assert chunk_rows(narrow, None, 2) == 65_536
    assert chunk_rows(wide, None, 2) == (32 << 20) // 16_000
    assert chunk_rows(narrow, 80_000, 2) == 10_000
    assert chunk_rows(narrow, 10, 2) == 1_024
    assert chunk_rows(pa.schema([("s", pa.string())]), None, 2) == 65_536
