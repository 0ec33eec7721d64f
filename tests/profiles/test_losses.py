"""Losses by bins: counted as if row by row, the same in any order, and stored."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.profile import Rows
from muster.profiles.binning import PAIRED, Binning, Search
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.losses import Losses
from muster.profiles.question import Question
from muster.signature import Output

SEARCH = Search(
    (
        Binning("letter", "category", values=("a", "b")),
        Binning("n", "number", edges=(0.0, 10.0)),
        Binning("flag", "category", values=("true", "false")),
    ),
    (("blob", "its values are binary"),),
)
BINARY = Question(
    output=Output("binary", pa.string(), ("no", "yes"), True), target="y", probabilities=("p",), search=SEARCH
)
LABELS = Question(output=Output("binary", pa.string(), ("no", "yes"), False), target="y", prediction="l", search=SEARCH)
PRICES = Question(output=Output("regression", pa.float64()), target="n", prediction="p", search=SEARCH)


def _table(rows: int = 400) -> pa.Table:
    random = np.random.default_rng(5)
    return pa.table(
        {
            "letter": pa.array([["a", "b", "c", None][i] for i in random.integers(0, 4, rows)]),
            "n": pa.array([None if i % 7 == 0 else v for i, v in enumerate(random.normal(5, 10, rows))]),
            "flag": pa.array([None if i % 11 == 0 else bool(i % 2) for i in range(rows)]),
            "y": random.choice(["no", "yes"], rows),
            "p": random.integers(0, 65, rows) / 64,
            "l": random.choice(["no", "yes"], rows),
        }
    )


def _measured(question: Question, start: int = 0, end: int = 400) -> EvaluationProfile:
    profile = EvaluationProfile(question)
    (batch,) = _table().slice(start, end - start).combine_chunks().to_batches()
    profile.update(Rows(batch, 0, start))
    return profile


def _losses(profile: EvaluationProfile) -> Losses:
    assert profile.losses is not None
    return profile.losses


def _bins(row: dict[str, object]) -> tuple[int, int, int]:
    n = row["n"]
    return (
        {"a": 0, "b": 1, None: 3}.get(row["letter"], 2),  # type: ignore[call-overload]  # texts and null
        3 if n is None else 0 if n < 0 else 1 if n < 10 else 2,  # type: ignore[operator]  # a number
        {True: 0, False: 1, None: 3}[row["flag"]],  # type: ignore[index]  # a boolean or null
    )


def test_bins_and_pairs_are_counted_as_row_by_row() -> None:
    rows = [0.0] * 3
    expected = {pair: np.zeros((4, 4, 4)) for pair in SEARCH.pairs}
    alone = [np.zeros((4, 4)) for _ in rows]
    for row in _table().to_pylist():
        own = row["p"] if row["y"] == "yes" else 1 - row["p"]
        eps = np.finfo(float).eps
        loss = -np.log(np.clip(own, eps, 1 - eps))
        wrong = (row["p"] >= 0.5) != (row["y"] == "yes")
        counted = np.array([not wrong, wrong, loss, loss * loss])
        bins = _bins(row)
        for n, code in enumerate(bins):
            alone[n][code] += counted
        for a, b in SEARCH.pairs:
            expected[a, b][bins[a], bins[b]] += counted
    found = _losses(_measured(BINARY))
    for n, table in enumerate(alone):
        counts, sums = found.alone(n)
        assert np.array_equal(counts, table[:, :2])
        assert sums == pytest.approx(table[:, 2:])
    for n, pair in enumerate(SEARCH.pairs):
        counts, sums = found.pair(n)
        assert np.array_equal(counts, expected[pair][..., :2])
        assert sums == pytest.approx(expected[pair][..., 2:])


def test_labels_alone_have_no_losses_and_numbers_absolute_errors() -> None:
    labels, prices = _losses(_measured(LABELS)), _losses(_measured(PRICES))
    assert labels.sums.shape[1] == 0
    wrong = sum(r["y"] != r["l"] for r in _table().to_pylist())
    assert labels.alone(0)[0].sum(0).tolist() == [400 - wrong, wrong]
    rows = [r for r in _table().to_pylist() if r["n"] is not None]
    assert prices.alone(0)[0].sum() == len(rows)
    assert prices.alone(0)[1][:, 0].sum() == pytest.approx(sum(abs(r["p"] - r["n"]) for r in rows))


def test_parts_merge_to_the_same_counts_in_any_order() -> None:
    whole = _losses(_measured(BINARY))
    cuts = [(0, 90), (90, 91), (91, 400)]
    for order in permutations(cuts):
        merged = EvaluationProfile(BINARY)
        for start, end in order:
            merged.merge(_measured(BINARY, start, end))
        found = _losses(merged)
        assert np.array_equal(found.rows, whole.rows)
        assert found.sums == pytest.approx(whole.sums, rel=1e-12)
    other = Losses(Search(SEARCH.binnings[:2]), classes=True, scores=True)
    with pytest.raises(InvalidInput):
        whole.merge(other)


@pytest.mark.parametrize("question", [BINARY, LABELS, PRICES])
def test_what_is_stored_is_what_was_counted(question: Question) -> None:
    profile = _measured(question)
    again = EvaluationProfile.decode(profile.encode())
    assert again.question == question
    assert np.array_equal(_losses(again).rows, _losses(profile).rows)
    assert np.array_equal(_losses(again).sums, _losses(profile).sums)
    assert again.encode() == profile.encode()


def test_questions_of_before_have_no_search_and_nothing_protected() -> None:
    stored = BINARY.to_json()
    del stored["search"], stored["protected"]
    again = Question.from_json(stored)
    assert (again.search, again.protected) == (None, ())


@pytest.mark.parametrize(
    ("array", "binning", "codes"),
    [
        (pa.array([1, None, 5, 10], pa.int8()), Binning("x", "number", edges=(5.0,)), [0, 2, 1, 1]),
        (pa.array([1.0, float("nan"), 5.0, None]), Binning("x", "number", edges=(5.0,)), [0, 2, 1, 2]),
        (pa.array([Decimal("1.5"), Decimal("2.5")]), Binning("x", "number", edges=(2.0,)), [0, 1]),
        (pa.array([3, 4, None, 9]), Binning("x", "category", values=("3", "4")), [0, 1, 3, 2]),
        (pa.array([-0.0, 0.0, None, float("nan"), 2.5]), Binning("x", "category", values=("0", "2.5")), [0, 0, 3, 3, 1]),
        (pa.array([-0.0, 0.0], pa.float32()).dictionary_encode(), Binning("x", "category", values=("0",)), [0, 0]),
        (pa.array([-0.0, 0.0, -1.0, 1.0]), Binning("x", "number", edges=(0.0, 5e-324)), [1, 1, 0, 2]),
        (pa.array(["b", "a", None, "c"], pa.string_view()), Binning("x", "category", values=("a", "b")), [1, 0, 3, 2]),
        (pa.array(["b", "a", None, "c"]).dictionary_encode(), Binning("x", "category", values=("a", "b")), [1, 0, 3, 2]),
        (pa.array([date(2013, 1, 1), date(2013, 1, 3)]), Binning("x", "time", edges=(86_400.0 * 15_707,)), [0, 1]),
        (
            pa.array([datetime(2013, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            Binning("x", "time", edges=(0.0,)),
            [1, 2],
        ),
    ],
)  # fmt: skip
def test_values_fall_into_their_bins(array: pa.Array, binning: Binning, codes: list[int]) -> None:
    assert binning.codes(array).tolist() == codes


def test_bins_are_told_in_words() -> None:
    number = Binning("dep_time", "number", edges=(1_800.0, 2_100.0))
    assert [number.words(n) for n in range(4)] == [
        "dep_time below 1800", "dep_time 1800 to 2100", "dep_time 2100 or more", "dep_time missing",
    ]  # fmt: skip
    assert [number.words(0, 1), number.words(1, 2), number.words(0, 2)] == [
        "dep_time below 2100", "dep_time 1800 or more", "dep_time not missing",
    ]  # fmt: skip
    carrier = Binning("carrier", "category", values=("EV",))
    assert [carrier.words(n) for n in range(3)] == ["carrier = EV", "carrier = any rarer value", "carrier missing"]
    day = Binning("day", "time", edges=(86_400.0 * 15_706, 86_400.0 * 15_706 + 5_400))
    assert [day.words(n) for n in range(3)] == [
        "day before 2013-01-01", "day 2013-01-01 to 2013-01-01 01:30", "day 2013-01-01 01:30 or later",
    ]  # fmt: skip
    assert Binning("x", "category", values=("",)).words(0) == 'x = ""'


def test_no_two_bins_share_their_words() -> None:
    values = ("", "missing", '"missing"', "any rarer value", '"any rarer value"', "a and x = b", "a", " a", "a × b")
    texts = Binning("x", "category", values=values)
    assert len({texts.words(n) for n in range(texts.count)}) == texts.count
    near = Binning(
        "x", "number", edges=(20_130_108.0, 20_130_109.0, 20_130_110.0, 1e300, math.nextafter(1e300, math.inf))
    )
    assert len({near.words(n) for n in range(near.count)}) == near.count
    zeros = Binning("x", "number", edges=(0.0, math.nextafter(0.0, 1.0), 7.0))
    assert [zeros.words(n) for n in range(zeros.count)] == [
        "x below 0",
        "x = 0",
        "x above 0 to 7",
        "x 7 or more",
        "x missing",
    ]
    assert [zeros.words(0, 1), zeros.words(1, 2), zeros.words(2, 3)] == ["x 0 or less", "x 0 to 7", "x above 0"]
    seconds = Binning("t", "time", edges=(3_600.0, 3_630.0, 3_660.0))
    assert len({seconds.words(n) for n in range(seconds.count)}) == seconds.count


def test_only_so_many_columns_are_taken_in_pairs() -> None:
    many = Search(tuple(Binning(f"x{n}", "number", edges=(0.0,)) for n in range(40)))
    assert len(many.pairs) == PAIRED * (PAIRED - 1) // 2
    assert Search.from_json(many.to_json()) == many
