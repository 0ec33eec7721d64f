"""Intervals of metrics of labels: a width also where few rows are right or wrong, or none with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from muster.metrics import labels
from muster.metrics.classes import measure
from muster.metrics.differences import apart, paired
from muster.metrics.figure import Figure
from muster.metrics.intervals import wilson
from muster.metrics.label_intervals import f_beta_interval
from muster.metrics.labels import Labels
from muster.profiles.classification import SEGMENT, WHOLE, Classification
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified

Counts = NDArray[np.int64]
NAMES = ("f1", "f05", "f2", "balanced_accuracy", "mcc", "kappa", "accuracy", "precision", "recall", "cost")
COSTS = np.array([[0.0, 1.0], [20.0, 0.0]])


def of_counts(confusion: object) -> Classification:
    """Rows by actual and predicted class."""
    counts = np.asarray(confusion, np.int64)
    found = Classification(len(counts), WHOLE, scores=False)
    actual, predicted = (np.repeat(place.ravel(), counts.ravel()) for place in np.indices(counts.shape))
    found.add(Classified(actual, predicted), hash_rows(1, np.arange(len(actual))))
    return found


def told(confusion: object) -> dict[str, Figure]:
    return measure(of_counts(confusion), costs=COSTS, names=NAMES)


def test_f1_of_no_hit_is_as_unsure_as_the_share_of_jaccard() -> None:
    """It was 0.0000 [0.0000, 0.0000] beside a recall from 0 to 0.0676."""
    found = told([[9_000, 4], [53, 0]])
    share = wilson(0, 57)
    assert share.high is not None
    assert found["f1"].value == 0.0
    assert found["f1"].low == 0.0
    assert found["f1"].high == pytest.approx(2 * share.high / (1 + share.high))
    assert found["recall"].high == pytest.approx(0.0676, abs=1e-4)
    assert found["balanced_accuracy"].high == pytest.approx(0.533, abs=1e-3)
    for name in ("mcc", "kappa"):
        assert (found[name].low, found[name].reason) == (
            None,
            "fewer than 10 rows of the other class are predicted right",
        )


def test_no_interval_of_labels_is_of_no_width() -> None:
    for confusion in ([[900, 0], [0, 40]], [[900, 30], [40, 0]], [[500, 25], [0, 60]], [[10, 0], [0, 10]]):
        for name, figure in told(confusion).items():
            assert figure.low is None or figure.high is None or figure.high > figure.low, (name, figure)
            assert (figure.low is None) == bool(figure.reason), name


def test_f_beta_is_at_its_ends_what_jaccard_is() -> None:
    for hits, predicted, actual in ((0.0, 3.0, 40.0), (50.0, 50.0, 50.0)):
        share, found = wilson(hits, predicted + actual - hits), f_beta_interval(1.0, hits, predicted, actual)
        assert (found.low, found.high) == pytest.approx(
            [2 * x / (1 + x) for x in (share.low, share.high) if x is not None]
        )


def test_left_out_rows_one_by_one_are_counted_by_their_kind() -> None:
    """Against the jackknife of the rows themselves."""
    confusion = np.array([[50, 12, 4], [9, 40, 6], [3, 8, 30]])
    found = measure(of_counts(confusion), names=["mcc"])["mcc"]
    rows = np.repeat(np.arange(9), confusion.ravel())
    values = []
    for n in range(len(rows)):
        fewer = confusion.ravel().copy()
        fewer[rows[n]] -= 1
        values.append(measure(of_counts(fewer.reshape(3, 3)), names=["mcc"])["mcc"].value)
    error = np.sqrt((len(rows) - 1) * np.var(np.asarray(values, np.float64)))
    assert found.value is not None
    half = 1.959964 * error / (1 - found.value**2)
    assert (found.low, found.high) == pytest.approx(
        np.tanh(np.arctanh(found.value) + np.array([-half, half])), rel=1e-6
    )


def test_averages_need_hits_of_each_class_that_counts_alike() -> None:
    found = measure(of_counts([[800, 20, 20], [30, 30, 10], [40, 5, 4]]))
    assert found["f1_macro"].reason == "fewer than 5 rows of a class are predicted right"
    assert found["f1_weighted"].low is not None
    assert (found["f1_micro"].low, found["f1_micro"].high) == (found["accuracy"].low, found["accuracy"].high)


def test_a_cost_that_rests_on_a_few_dear_rows_has_no_interval() -> None:
    assert told([[900, 40], [3, 57]])["cost"].reason == "it rests on fewer than 20 rows that count much"
    assert told([[900, 40], [30, 57]])["cost"].low is not None


def test_parts_have_the_intervals_that_need_no_folds() -> None:
    found = Classification(2, SEGMENT, scores=False)
    whole = of_counts([[50, 10], [12, 30]])
    found.tally.confusion[...] = whole.tally.confusion
    here, there = measure(found), measure(whole)
    assert here["f1"].low is not None
    assert {n: f.low for n, f in here.items()} == {n: f.low for n, f in there.items()}


def pair(changed: int, rows: int = 2_000) -> dict[str, Figure]:
    """Two models whose labels differ on so many rows of the class."""
    random = np.random.default_rng(1)
    actual = (random.random(rows) < 0.3).astype(np.int64)
    given = np.where(random.random(rows) < 0.8, actual, 1 - actual)
    other = given.copy()
    other[np.flatnonzero(actual == 1)[:changed]] = 1
    models = []
    for answers in (given, other):
        model = Classification(2, WHOLE, scores=False)
        model.add(Classified(actual, answers), hash_rows(2, np.arange(rows)))
        models.append(model)
    without = paired(*models)
    figures = [measure(model) for model in models]
    return {n: apart(n, figures[0][n], figures[1][n], without[n], models[0]) for n in without}


def test_differences_of_too_few_rows_have_no_interval() -> None:
    """They were 0 [0, 0], as if nothing were surer."""
    none, few, many = (pair(changed) for changed in (0, 20, 200))
    for name in ("accuracy", "recall", "specificity", "f1", "kappa"):
        assert none[name].value == 0.0
        assert (none[name].low, none[name].reason) == (
            None,
            "the labels of both say the same of all rows that count for it",
        )
    assert few["recall"].reason == "the labels of both differ on too few rows"
    assert many["recall"].low is not None
    assert many["specificity"].low is None


@pytest.mark.parametrize("classes", [2, 3])
def test_specificity_keeps_small_weights_beside_large_ones(classes: int) -> None:
    """It was a difference of sums: 0.4844 where 0.4805 is right."""
    weighed = np.zeros((1, classes, classes))
    weighed[0, :2, :2] = [[0.37, 0.4], [1e14, 1e15]]
    assert labels.of_classes(labels.specificity, Labels(weighed))[0, 1] == pytest.approx(0.37 / 0.77, rel=1e-12)
    found, away = Labels(weighed), labels.micro(labels.specificity)
    assert away(found)[0] == pytest.approx(found.rest[0].sum() / found.others[0].sum(), rel=1e-12)


def _covers(n: int, base: float, recall: float, specificity: float, samples: int) -> dict[str, tuple[float, int]]:
    random = np.random.default_rng([n, int(1_000 * base)])
    rates = np.array([[(1 - base) * specificity, (1 - base) * (1 - specificity)], [base * (1 - recall), base * recall]])
    truth = told(np.round(rates * 1e6))
    covered: dict[str, list[bool]] = {name: [] for name in NAMES}
    for confusion in random.multinomial(n, rates.ravel(), samples).reshape(-1, 2, 2):
        empty = Classification(2, SEGMENT, scores=False)
        empty.tally.confusion[0] = confusion
        for name, figure in measure(empty, costs=COSTS, names=NAMES).items():
            if figure.low is not None and figure.high is not None:
                covered[name].append(figure.low <= (truth[name].value or 0.0) <= figure.high)
    return {name: (float(np.mean(c)), len(c)) for name, c in covered.items() if len(c) > samples / 2}


@pytest.mark.parametrize(
    ("n", "base", "recall", "specificity"),
    [
        (1_000, 0.05, 0.08, 0.999),
        (3_000, 0.02, 0.02, 0.9995),
        (5_000, 0.05, 0.08, 0.999),
        (2_000, 0.3, 0.6, 0.9),
        (200, 0.3, 0.7, 0.8),
    ],
)
def test_intervals_of_labels_cover_where_few_rows_are_hit(
    n: int, base: float, recall: float, specificity: float
) -> None:
    samples = 800
    for name, (share, count) in _covers(n, base, recall, specificity, samples).items():
        chance = 2.5 * (0.05 * 0.95 / count) ** 0.5
        assert 0.93 - chance <= share <= 0.97 + chance, (name, share, count)
