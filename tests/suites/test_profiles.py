"""The suite of profiles over every profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from muster.profile import OpenProfile, Rows
from muster.profiles.predictions import PredictionProfile
from muster.signature import Output
from muster.testing.profile import Counted, ProfileSuite

OUTPUTS: dict[str, tuple[Output, Callable[[np.random.Generator], pa.Array]]] = {
    "predictions, binary": (
        Output("binary", pa.string(), ("no", "yes"), True),
        lambda random: pa.array(random.choice(["no", "yes"], 50)),
    ),
    "predictions, regression": (Output("regression", pa.float64()), lambda random: pa.array(random.normal(size=50))),
    "predictions, other": (Output("other", pa.list_(pa.int64())), lambda _: pa.array([[1, 2]] * 50)),
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
class TestProfiles(ProfileSuite):
    @pytest.fixture
    def empty(self, output: tuple[Output, object]) -> OpenProfile:
        return partial(PredictionProfile.of, output[0])

    @pytest.fixture
    def rows(self, output: tuple[Output, Callable[[np.random.Generator], pa.Array]]) -> Sequence[Counted]:
        random = np.random.default_rng(7)
        batches: list[Counted] = []
        for _ in range(9):
            values = output[1](random)
            nulls = pa.array(random.random(50) < 0.1)
            values = pa.array(
                [None if n else v for v, n in zip(values.to_pylist(), nulls.to_pylist(), strict=True)], values.type
            )
            batches.append(
                (Rows(pa.record_batch({"x": random.normal(size=50)})), pa.record_batch({"prediction": values}))
            )
        return [*batches, (Rows(pa.record_batch({"x": [1.0, 2.0]})), None)]
