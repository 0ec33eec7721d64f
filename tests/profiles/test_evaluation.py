"""The profile of an evaluation: what it does not keep, once more rows have come than it could keep."""

from __future__ import annotations

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
