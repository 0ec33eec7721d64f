"""The suite of profiles over every profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from muster.profile import OpenProfile, Rows
from muster.profiles.agreement import AgreementProfile
from muster.profiles.answered import FIRST, SECOND, Pair
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.predictions import PredictionProfile
from muster.profiles.question import Question, Segmenting
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


LABELS = Output("multilabel", pa.list_(pa.bool_(), 3), ("a", "b", "c"), True)
_EACH = {
    "delay": Output("regression", pa.float64()),
    "late": Output("multiclass", pa.string(), ("no", "yes", "so"), True),
}
TARGETS = Output("multioutput", pa.struct([(name, one.type) for name, one in _EACH.items()]), (), True, _EACH)


def _evaluated(kind: str) -> Question:
    segments = (Segmenting(("carrier",)), Segmenting(("carrier", "late")), Segmenting(("distance",), (100.0, 500.0)))
    common: dict[str, Any] = {"target": "actual", "segments": segments, "shown": ("carrier", "distance"), "mistakes": 5}
    match kind:
        case "binary":
            return Question(output=Output("binary", pa.string(), ("no", "yes"), True), **common)
        case "binary, weighted, by key":
            output = Output("binary", pa.string(), ("no", "yes"), True)
            return Question(output=output, weight="weight", key=("id", "carrier"), **common)
        case "labels alone":
            return Question(output=Output("binary", pa.string(), ("no", "yes")), **common)
        case "multiclass, weighted":
            return Question(
                output=Output("multiclass", pa.string(), ("no", "yes", "so"), True), weight="weight", **common
            )
        case "scored already":
            output = Output("binary", pa.bool_(), (False, True), True)
            return Question(output=output, probabilities=("p",), threshold=0.3, **common | {"target": "late"})
        case "multilabel" | "multilabel, weighted":
            weight = "weight" if "weighted" in kind else None
            return Question(output=LABELS, weight=weight, **common | {"target": "tags"})
        case "multioutput, weighted":
            return Question(
                output=TARGETS, weight="weight", targets=("delay", "actual"), **common | {"target": "delay, actual"}
            )
        case _:
            weight = "weight" if "weighted" in kind else None
            return Question(output=Output("regression", pa.float64()), weight=weight, **common | {"target": "delay"})


@pytest.mark.parametrize(
    "kind",
    [
        "binary",
        "binary, weighted, by key",
        "labels alone",
        "multiclass, weighted",
        "scored already",
        "regression",
        "regression, weighted",
        "multilabel",
        "multilabel, weighted",
        "multioutput, weighted",
    ],
)
class TestEvaluations(ProfileSuite):
    @pytest.fixture
    def empty(self, kind: str) -> OpenProfile:
        return EvaluationProfile.of(_evaluated(kind))

    @pytest.fixture
    def rows(self, kind: str) -> Sequence[Counted]:
        random = np.random.default_rng(11)
        output = _evaluated(kind).output
        return [(_rows(random, n), _answer(random, output)) for n in range(12)]


def _paired(kind: str) -> Pair:
    """A version and another one, or one and what stands in the data, or both in the data."""
    second = _evaluated(kind.removesuffix(" and scored"))
    first = second
    if kind.endswith("and scored"):
        first = replace(second, prediction="told", output=replace(second.output, probabilities=False))
    return Pair(replace(first, segments=()), replace(second, segments=()))


@pytest.mark.parametrize(
    "kind",
    [
        "binary",
        "binary, weighted, by key",
        "binary and scored",
        "labels alone",
        "multiclass, weighted",
        "scored already",
        "regression",
        "regression, weighted",
    ],
)
class TestAgreements(ProfileSuite):
    @pytest.fixture
    def empty(self, kind: str) -> OpenProfile:
        return AgreementProfile.of(_paired(kind))

    @pytest.fixture
    def rows(self, kind: str) -> Sequence[Counted]:
        random = np.random.default_rng(13)
        pair = _paired(kind)
        return [(_rows(random, n), _both(random, pair)) for n in range(12)]


def _both(random: np.random.Generator, pair: Pair) -> pa.RecordBatch | None:
    asked = {FIRST: pair.first, SECOND: pair.second}
    answers = {name: _answer(random, q.output).to_struct_array() for name, q in asked.items() if not q.scored}
    return pa.record_batch(answers) if answers else None


def _rows(random: np.random.Generator, n: int) -> Rows:
    """Rows with all that an evaluation may meet: no target, a class that is none, odd weights, no value in a segment."""
    count = 60
    labels = random.choice(["no", "yes", "so", "what", ""], count, p=[0.5, 0.3, 0.1, 0.05, 0.05])
    batch = pa.record_batch(
        {
            "id": np.arange(n * count, (n + 1) * count),
            "actual": _texts(labels),
            "late": pa.array(random.random(count) < 0.3),
            "delay": pa.array(np.where(random.random(count) < 0.05, np.nan, random.normal(5, 30, count))),
            "p": pa.array(np.where(random.random(count) < 0.05, 1.5, random.random(count))),
            "weight": pa.array(np.where(random.random(count) < 0.05, -1.0, random.random(count))),
            "carrier": _texts(random.choice(["AA", "UA", ""], count)),
            "distance": pa.array(random.integers(0, 1_000, count)),
            "tags": pa.array(
                [None if "d" in t else [*t] for t in random.choice(["", "a", "ab", "bc", "az", "d"], count).tolist()]
            ),
            "told": _texts(random.choice(["no", "yes", ""], count)),
        }
    )
    return Rows(batch, n // 4, n % 4 * 62, (n % 4 * 62 + 7, n % 4 * 62 + 8))


def _texts(values: np.typing.NDArray[np.str_]) -> pa.Array:
    return pa.array([v or None for v in values.tolist()], pa.string())


def _answer(random: np.random.Generator, output: Output) -> pa.RecordBatch:
    count, missing = 60, pa.array(random.random(60) < 0.05)
    if output.task == "multilabel":
        scores = random.random((count, 3))
        labels = pa.array((scores > 0.5).tolist(), output.type)
        columns = {"prediction": pc.if_else(missing, None, labels)}
        return pa.record_batch(columns | {"probabilities": pa.array(scores.tolist(), output.probabilities_type)})
    if output.task == "multioutput":
        each = {name: _answer(random, one) for name, one in output.targets.items()}
        predicted = pa.StructArray.from_arrays([one["prediction"] for one in each.values()], names=[*each])
        scores = pa.StructArray.from_arrays([each["late"]["probabilities"]], names=["late"])
        return pa.record_batch({"prediction": predicted, "probabilities": scores})
    if output.task == "regression":
        values = pa.array(random.normal(5, 30, count))
        return pa.record_batch({"prediction": pc.if_else(missing, None, values)})
    given = random.dirichlet(np.ones(len(output.classes)), count)
    labels = pa.array([output.classes[i] for i in given.argmax(1)], output.type)
    columns = {"prediction": pc.if_else(missing, None, labels)}
    if output.probabilities:
        lists = pa.FixedSizeListArray.from_arrays(pa.array(given.ravel()), len(output.classes))
        columns["probabilities"] = pc.if_else(missing, None, lists)
    return pa.record_batch(columns)
