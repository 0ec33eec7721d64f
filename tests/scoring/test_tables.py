from __future__ import annotations

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.scoring.tables import as_table

EXPECTED = {"x": [1, 2], "s": ["a", None]}


@pytest.mark.parametrize(
    "data",
    [
        pa.table(EXPECTED),
        pa.record_batch(EXPECTED),
        pd.DataFrame(EXPECTED, index=[7, 9]),
        pl.DataFrame(EXPECTED),
        pl.LazyFrame(EXPECTED),
        duckdb.from_arrow(pa.table(EXPECTED)),
        EXPECTED,
        [{"x": 1, "s": "a"}, {"x": 2}],
    ],
    ids=["table", "batch", "pandas", "polars", "lazy polars", "a relation of duckdb", "columns", "rows"],
)
def test_every_form_of_table_is_taken(data: object) -> None:
    assert as_table(data).to_pydict() == EXPECTED


@pytest.mark.parametrize("data", ["x", 7, [1, 2], {"x": [1], "y": [1, 2]}, [{"x": 1}, {"x": "a"}], None])
def test_what_is_no_table_is_refused(data: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        as_table(data)
    assert caught.value.hint
