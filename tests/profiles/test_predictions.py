from __future__ import annotations

import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.profile import Rows
from muster.profiles.predictions import PredictionProfile
from muster.signature import Output


def _filled(output: Output, values: pa.Array) -> PredictionProfile:
    profile = PredictionProfile.of(output)
    profile.update(Rows(pa.record_batch({"x": [0] * len(values)})), pa.record_batch({"prediction": values}))
    return profile


def test_classes_are_counted_in_their_order_and_errors_apart() -> None:
    output = Output("multiclass", pa.int64(), (3, 1, 2))
    figures = _filled(output, pa.array([1, 1, 3, None, 1])).figures()
    assert figures == {
        "rows": 5,
        "errors": 1,
        "classes": [{"class": 3, "rows": 1}, {"class": 1, "rows": 3}, {"class": 2, "rows": 0}],
    }


def test_numbers_have_a_mean_and_ends() -> None:
    figures = _filled(Output("regression", pa.float64()), pa.array([1.0, None, 4.0])).figures()
    assert figures == {"rows": 3, "errors": 1, "mean": 2.5, "min": 1.0, "max": 4.0}


def test_numbers_that_are_all_missing_have_no_mean() -> None:
    assert _filled(Output("regression", pa.float64()), pa.array([None], pa.float64())).figures() == {
        "rows": 1,
        "errors": 1,
    }


def test_profiles_of_different_things_do_not_merge() -> None:
    with pytest.raises(InvalidInput):
        PredictionProfile(["a"]).merge(PredictionProfile(["b"]))


def test_numbers_too_large_for_a_sum_have_no_mean() -> None:
    figures = _filled(Output("regression", pa.float64()), pa.array([1e308, 1e308, -1.0])).figures()
    assert figures == {"rows": 3, "errors": 0, "mean": None, "min": -1.0, "max": 1e308}
