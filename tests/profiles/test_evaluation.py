"""The profile of an evaluation: what it does not keep, once more rows have come than it could keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from muster.profile import Rows
from muster.profiles.classification import WHOLE, Classification
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.question import Question
from muster.signature import Output

QUESTION = Question(output=Output("binary", pa.int64(), (0, 1), True), target="y", probabilities=("p",))


def chunks(different: int) -> list[Rows]:
    rows = 4 * (WHOLE.exact // 3)
    chance = np.random.default_rng(1)
    scores = chance.permutation(rows) % different / different
    table = pa.table({"y": chance.integers(0, 2, rows), "p": scores})
    batches = table.to_batches(max_chunksize=rows // 4)
    return [Rows(batch, 0, n * (rows // 4)) for n, batch in enumerate(batches)]


@pytest.mark.parametrize("different", [1_000, WHOLE.exact, 4 * WHOLE.exact])
def test_what_the_chunks_do_not_keep_any_more_changes_nothing(different: int) -> None:
    opening = EvaluationProfile.of(QUESTION)
    total, alone, kept = opening(), EvaluationProfile(QUESTION), []
    for rows in chunks(different):
        chunk, fresh = opening(), EvaluationProfile(QUESTION)
        chunk.update(rows)
        fresh.update(rows)
        assert isinstance(chunk, EvaluationProfile)
        assert isinstance(chunk.whole, Classification)
        kept.append(chunk.whole.exact is not None)
        total.merge(chunk)
        alone.merge(fresh)
    assert total.encode() == alone.encode()
    assert kept == [True] * 4 if different <= WHOLE.exact else [True] * 3 + [False]


SEVERAL: dict[str, tuple[Question, Callable[[np.random.Generator], dict[str, Any]]]] = {
    "multilabel": (
        Question(output=Output("multilabel", pa.list_(pa.bool_(), 3), ("a", "b", "c"), True), target="y", probabilities=("p",)),
        lambda random: {"y": (random.random((400, 3)) < 0.4).tolist(), "p": (random.integers(0, 65, (400, 3)) / 64).tolist()},
    ),
    "multioutput": (
        Question(
            output=Output(
                "multioutput",
                pa.struct([("a", pa.float64()), ("b", pa.bool_())]),
                (),
                False,
                {"a": Output("regression", pa.float64()), "b": Output("binary", pa.bool_(), (False, True))},
            ),
            target="a, b",
            targets=("a", "b"),
            predictions=("c", "d"),
        ),
        lambda random: {
            "a": random.integers(0, 9, 400) / 8,
            "b": random.random(400) < 0.4,
            "c": random.integers(0, 9, 400) / 8,
            "d": random.random(400) < 0.4,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("task", SEVERAL)
def test_labels_and_targets_merge_to_the_same_bits_in_any_order(task: str) -> None:
    """All sums here are of numbers that doubles hold exactly, but for logarithms and means."""
    question, draw = SEVERAL[task]
    parts = []
    for n in range(7):
        profile = EvaluationProfile(question)
        profile.update(Rows(pa.record_batch(draw(np.random.default_rng(n))), n))
        parts.append(profile.encode())
    found = []
    for order in (range(7), [6, 2, 4, 0, 1, 5, 3]):
        total = EvaluationProfile(question)
        for n in order:
            total.merge(EvaluationProfile.decode(parts[n]))
        found.append(total)
    one, other = (profile.whole.arrays() for profile in found)
    for name, array in one.items():
        if array.dtype == np.int64:
            assert (array == other[name]).all(), name
        else:
            assert array == pytest.approx(other[name], rel=1e-12), name
    assert found[0].whole.rows == 2_800


def test_profiles_of_many_labels_stay_small() -> None:
    labels = tuple(f"label {n}" for n in range(200))
    random = np.random.default_rng(3)
    question = Question(
        output=Output("multilabel", pa.list_(pa.bool_(), 200), labels, True), target="y", probabilities=("p",)
    )
    profile = EvaluationProfile(question)
    given = random.random((4_000, 200))
    batch = pa.record_batch({"y": (random.random(given.shape) < given).tolist(), "p": given.tolist()})
    profile.update(Rows(batch))
    assert len(profile.encode()) < 8_000_000


@pytest.mark.parametrize(
    ("task", "array"), [("multilabel", "label.1.tally.confusion"), ("multioutput", "target.1.tally.confusion")]
)
def test_outputs_of_other_rows_are_damage(task: str, array: str) -> None:
    question, draw = SEVERAL[task]
    profile = EvaluationProfile(question)
    profile.update(Rows(pa.record_batch(draw(np.random.default_rng(1)))))
    arrays = {name: found.copy() for name, found in profile.whole.arrays().items()}
    EvaluationProfile(question).whole.restore(arrays)
    arrays[array][0, 0, 0] += 1
    with pytest.raises(ValueError, match="of other numbers of rows"):
        EvaluationProfile(question).whole.restore(arrays)
