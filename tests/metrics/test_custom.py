"""Metrics of the user's own: what is said of the numbers that they gave, and what they are told of all rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from muster.metrics.counted import COUNTED, counted, counted_without
from muster.metrics.custom import custom_differences, custom_figures
from muster.metrics.figure import Figure
from muster.profile import Rows
from muster.profiles.custom import CustomMetric, column_of
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.keys import hash_rows
from muster.profiles.question import Question, Segmenting
from muster.profiles.tally import coarse_edges
from muster.signature import Output

Floats = NDArray[np.float64]
PROFIT = CustomMetric(name="profit", number=1, digest="a" * 64, kind="batch")
YOUDEN = CustomMetric(name="youden", number=2, digest="b" * 64, kind="profile", better="higher", within=(-1.0, 1.0))
NUMBERS = Output("regression", pa.float64())
BINARY = Output("binary", pa.string(), ("no", "yes"), True)


def _given(values: Floats, weight: Floats | None = None, metric: CustomMetric = PROFIT) -> EvaluationProfile:
    question = Question(
        output=NUMBERS, target="y", prediction="p", weight=None if weight is None else "w", custom=(metric,)
    )
    profile = EvaluationProfile(question)
    profile.custom.add(values[None], weight, hash_rows(0, np.arange(len(values))))
    return profile


def _figure(values: Floats, weight: Floats | None = None, **declared: Any) -> Figure:
    return custom_figures(_given(values, weight, CustomMetric(**(_fields() | declared))))["profit"]


def _fields() -> dict[str, Any]:
    return {"name": "profit", "number": 1, "digest": "a" * 64, "kind": "batch"}


def test_the_figure_is_the_weighted_mean_of_the_rows_that_were_given_a_number() -> None:
    chance = np.random.default_rng(1)
    values, weight = chance.normal(3, 5, 5_000), chance.integers(0, 4, 5_000).astype(float)
    values[chance.random(5_000) < 0.3] = np.nan
    some = ~np.isnan(values)
    plain, weighed = _figure(values), _figure(values, weight)
    assert plain.value == pytest.approx(values[some].mean(), abs=1e-12)
    assert plain.rows == some.sum()
    assert plain.exact
    assert weighed.value == pytest.approx(np.average(values[some], weights=weight[some]), abs=1e-12)
    assert plain.low is not None
    assert plain.high is not None
    assert plain.high - plain.low == pytest.approx(2 * 1.96 * values[some].std() / np.sqrt(some.sum()), rel=0.25)


def test_what_is_no_figure_says_why() -> None:
    nothing, nought = np.full(200, np.nan), np.zeros(200)
    assert (_figure(nothing).value, _figure(nothing).reason) == (None, "it gave no row a number")
    assert _figure(np.ones(200), nought).reason == "all rows that it gave a number weigh 0"
    assert _figure(np.full(200, 1e308)).reason == "its numbers are too large for a sum of them"
    few = _figure(np.arange(50.0))
    assert (few.value, few.low, few.reason) == (24.5, None, "there are fewer than 100 rows")
    assert _figure(np.ones(200)).reason == "all rows say the same"
    outside = _figure(np.full(200, 3.0), within=(0.0, 1.0))
    assert (outside.value, outside.reason) == (None, "it gave 3, which is not within 0 to 1 as was declared")
    near = _figure((np.arange(500) % 20 > 0).astype(float), within=(0.0, 0.96))
    assert near.high == 0.96


POPULATIONS: dict[str, tuple[Callable[[np.random.Generator, int], Floats], float]] = {
    "normal": (lambda r, n: r.normal(1, 2, n), 1.0),
    "gains and losses": (lambda r, n: np.where(r.random(n) < 0.3, 20.0, -5.0), 2.5),
    "uneven": (lambda r, n: r.gamma(1, 10, n) - 4, 6.0),
}


@pytest.mark.parametrize("rows", [200, 2_000])
@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_cover_the_truth(population: str, rows: int, weighted: bool) -> None:
    draw, truth = POPULATIONS[population]
    r, times = np.random.default_rng(rows), 1_000
    covered = 0
    for _ in range(times):
        found = _figure(draw(r, rows), r.exponential(size=rows) if weighted else None)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 0.925 <= covered / times <= 0.975, covered / times


def test_paired_differences_cover_the_truth_and_are_narrower() -> None:
    r, covered, times = np.random.default_rng(5), 0, 500
    for _ in range(times):
        shared = r.gamma(1, 10, 400)
        one, other = _given(shared + r.normal(0, 1, 400)), _given(shared + r.normal(0.5, 1, 400))
        figures = custom_figures(one), custom_figures(other)
        paired = custom_differences(one, other, figures, paired=True)["profit"]
        alone = custom_differences(one, other, figures, paired=False)["profit"]
        values = [paired.low, paired.high, alone.low, alone.high]
        low, high, wide_low, wide_high = (float(v) for v in values if v is not None)
        assert high - low < (wide_high - wide_low) / 3
        covered += low <= 0.5 <= high
    assert 0.93 <= covered / times <= 0.97


def test_figures_that_differ_on_few_rows_have_no_interval_of_the_difference() -> None:
    values = np.random.default_rng(6).gamma(1, 10, 400)
    for changed, reason in ((3, "differ on too few rows"), (0, "say the same of all rows that count for it")):
        moved = np.where(np.arange(400) < changed, values + 1, values)
        one, other = _given(values), _given(moved)
        found = custom_differences(one, other, (custom_figures(one), custom_figures(other)), paired=True)["profit"]
        assert found.value == pytest.approx(changed / 400)
        assert (found.low, found.reason) == (None, f"the predictions of both {reason}")


def test_another_function_has_no_difference() -> None:
    one, other = (
        _given(np.arange(200.0)),
        _given(np.arange(200.0), metric=CustomMetric(**(_fields() | {"digest": "c" * 64}))),
    )
    found = custom_differences(one, other, (custom_figures(one), custom_figures(other)), paired=True)["profit"]
    assert (found.value, found.reason) == (None, "`profit` is another function in each of the two")


def _classified(
    rows: int = 3_000, *, weighted: bool = False, metrics: tuple[CustomMetric, ...] = ()
) -> tuple[Question, pa.RecordBatch]:
    chance = np.random.default_rng(7)
    late = chance.random(rows) < 0.3
    p = np.clip(chance.random(rows) * 0.7 + 0.3 * late, 0, 1)
    table = {
        "y": np.where(late, "yes", "no"),
        "p": p,
        "w": chance.random(rows),
        "part": np.where(chance.random(rows) < 0.2, "a", "b"),
    }
    question = Question(
        output=BINARY,
        target="y",
        probabilities=("p",),
        weight="w" if weighted else None,
        segments=(Segmenting(("part",)),),
        custom=metrics,
    )
    return question, pa.record_batch(table)


@pytest.mark.parametrize("weighted", [False, True])
def test_what_was_counted_of_classes_is_what_scikit_learn_counts(weighted: bool) -> None:
    question, batch = _classified(weighted=weighted)
    profile = EvaluationProfile(question)
    profile.update(Rows(batch))
    found: Any = counted(profile.whole, question)
    y, p = batch["y"].to_numpy(zero_copy_only=False) == "yes", batch["p"].to_numpy()
    weight = batch["w"].to_numpy() if weighted else np.ones(len(y))
    assert (found["format"], found["task"], found["classes"], found["rows"]) == (
        COUNTED,
        "binary",
        ["no", "yes"],
        3_000,
    )
    assert np.allclose(found["confusion"], sk.confusion_matrix(y, p >= 0.5, sample_weight=weight), rtol=1e-12)
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, p, sample_weight=weight), rel=1e-12)
    assert found["brier"] == pytest.approx(sk.brier_score_loss(y, p, sample_weight=weight), rel=1e-12)
    (scores,) = found["scores"]
    assert scores["class"] == "yes"
    assert set(scores["threshold"]) <= set(coarse_edges(16))
    assert not set(scores["threshold"]) <= set(coarse_edges(64)), "as the docs have it"
    for threshold, own, others in zip(
        scores["threshold"][::97], scores["own"][::97], scores["others"][::97], strict=True
    ):
        assert own == pytest.approx(weight[(p >= threshold) & y].sum(), rel=1e-9)
        assert others == pytest.approx(weight[(p >= threshold) & ~y].sum(), rel=1e-9)
    part = counted(profile.segments["part"]["a"], question)
    assert part["rows"] == (batch["part"].to_numpy(zero_copy_only=False) == "a").sum()
    json.dumps(found, allow_nan=False)


def test_without_each_fold_it_is_what_is_counted_of_the_others() -> None:
    question, batch = _classified()
    profile = EvaluationProfile(question)
    profile.update(Rows(batch))
    fold = (hash_rows(0, np.arange(3_000)) >> np.uint64(58)).astype(int)
    for n, found in enumerate(counted_without(profile.whole, question)):
        if n % 16:
            continue
        alone = EvaluationProfile(question)
        alone.update(Rows(batch.take(pa.array(np.flatnonzero(fold != n)))))
        expected: Any = counted(alone.whole, question)
        assert found["confusion"] == expected["confusion"]
        assert found["scores"] == expected["scores"]
        assert found["log_loss"] == pytest.approx(expected["log_loss"], rel=1e-12)


def test_what_was_counted_of_numbers_is_what_numpy_counts() -> None:
    chance = np.random.default_rng(3)
    actual = chance.normal(10, 3, 1_000)
    predicted = actual + chance.normal(1, 1, 1_000)
    question = Question(output=NUMBERS, target="y", prediction="p")
    profile = EvaluationProfile(question)
    profile.update(Rows(pa.record_batch({"y": actual, "p": predicted})))
    found: Any = counted(profile.whole, question)
    error = predicted - actual
    assert found["means"] == pytest.approx(
        {"actual": actual.mean(), "predicted": predicted.mean(), "error": error.mean()}
    )
    assert found["squares"]["actual"] == pytest.approx(((actual - actual.mean()) ** 2).sum())
    assert found["sums"]["absolute"] == pytest.approx(np.abs(error).sum())
    assert found["sums"]["over"] == pytest.approx(error[error > 0].sum())
    assert found["largest"]["error"] == pytest.approx(np.abs(error).max())
    assert found["largest"]["actual_low"] == actual.min()
    assert len(counted_without(profile.whole, question)) == 64
    assert counted_without(profile.whole, question)[0]["rows"] == 1_000 - profile.whole.folds.facts[0, 0]  # type: ignore[union-attr]


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_it_is_stored_and_merged_with_all_else(shards: int) -> None:
    question, batch = _classified(metrics=(PROFIT, YOUDEN))
    given = np.random.default_rng(1).normal(size=3_000).round(3)
    answer = pa.record_batch({column_of("profit"): pa.array(given, mask=np.arange(3_000) % 5 == 0)})
    total = EvaluationProfile(question)
    for start, stop in zip(*[np.linspace(0, 3_000, shards + 1).astype(int)[n:][:shards] for n in (0, 1)], strict=True):
        one = EvaluationProfile(question)
        one.update(Rows(batch.slice(start, stop - start), 0, int(start)), answer.slice(start, stop - start))
        total.merge(one)
    figures = custom_figures(total)
    assert figures["profit"].value == pytest.approx(given[np.arange(3_000) % 5 > 0].mean(), abs=1e-12)
    assert (figures["youden"].value, figures["youden"].reason) == (None, "it was not asked")
    total.custom.told = np.array([[0.5, *np.linspace(0.45, 0.55, 64)]])
    total.custom.told_parts = {"part": {"a": np.array([0.4]), "b": np.array([np.nan])}}
    again = EvaluationProfile.decode(total.encode())
    assert again.question == question
    assert custom_figures(again) == custom_figures(total)
    assert custom_figures(again)["youden"].value == 0.5
    assert again.encode() == total.encode()
