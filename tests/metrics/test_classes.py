"""Metrics of classes against scikit-learn: equal where scores are counted one by one, within the bound that is told where they are not."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from muster.metrics.classes import dummy, measure, metrics_of
from muster.metrics.figure import Figure
from muster.profiles.classification import WHOLE, Classification, Extent
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified, Probabilities
from tests.metrics.classified import binary as rows_of_two

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BINNED = Extent(1, 1, folds=True)


def profile(
    actual: Ints,
    predicted: Ints,
    given: Floats | None,
    weight: Floats | None = None,
    *,
    classes: int,
    extent: Extent = WHOLE,
) -> Classification:
    found = Classification(classes, extent, scores=given is not None, weighted=weight is not None)
    scores = None if given is None else Probabilities.of(given, actual)
    found.add(Classified(actual, predicted, weight, scores), hash_rows(0, np.arange(len(actual))))
    return found


class Drawn:
    """Rows of some kind: probabilities of `classes` with ties, labels by the greatest, or by chance, and weights."""

    def __init__(self, seed: int, rows: int, classes: int, *, ties: bool, weighted: bool, skill: float = 1.0) -> None:
        random = np.random.default_rng(seed)
        self.actual = random.integers(0, classes, rows)
        self.actual[:classes] = range(classes)
        raw = random.gamma(0.5, size=(rows, classes)) + skill * np.eye(classes)[self.actual] * random.random((rows, 1))
        if ties:
            raw = np.ceil(raw * 3)
        self.given = (raw + 1e-9) / (raw + 1e-9).sum(1, keepdims=True)
        if classes == 2:
            self.given[:, 0] = 1 - self.given[:, 1]
        noisy = random.random(rows) < 0.1
        self.predicted = np.where(noisy, random.integers(0, classes, rows), self.given.argmax(1))
        self.predicted[:classes] = range(classes)
        self.weight = random.integers(0, 5, rows).astype(float) + random.random(rows) if weighted else None
        self.classes = classes

    def measure(self, extent: Extent = WHOLE) -> dict[str, Figure]:
        found = profile(self.actual, self.predicted, self.given, self.weight, classes=self.classes, extent=extent)
        return measure(found)


def _top(part: float) -> Callable[[Drawn], float]:
    """Rows of the class in the top part, each tied row by its share of the places that are left."""

    def rate(d: Drawn) -> float:
        weight = np.ones(len(d.actual)) if d.weight is None else d.weight
        left = part * weight.sum() if d.weight is not None else math.ceil(round(part * len(d.actual), 9))
        rows, hits = left, 0.0
        for score in np.unique(d.given[:, 1])[::-1]:
            tied = d.given[:, 1] == score
            taken = min(left, weight[tied].sum())
            hits += taken * (weight * d.actual)[tied].sum() / weight[tied].sum() if taken else 0.0
            left -= taken
        return hits / rows

    return rate


def _base(d: Drawn) -> float:
    return float(np.average(d.actual, weights=d.weight))


def _ece(d: Drawn) -> float:
    weight = np.ones(len(d.actual)) if d.weight is None else d.weight
    losses = []
    for label in range(1, 2) if d.classes == 2 else range(d.classes):
        score, mine = d.given[:, label], d.actual == label
        bins = np.searchsorted(np.arange(1, 10) / 10, score)
        apart = [abs((weight * mine)[bins == b].sum() - (weight * score)[bins == b].sum()) for b in range(10)]
        losses.append(sum(apart) / weight.sum())
    return float(np.mean(losses))


def _plain(name: str, **options: Any) -> Callable[[Drawn], float]:
    return lambda d: float(getattr(sk, name)(d.actual, d.predicted, sample_weight=d.weight, **options))


def _scored(name: str, **options: Any) -> Callable[[Drawn], float]:
    return lambda d: float(getattr(sk, name)(d.actual, d.given[:, 1], sample_weight=d.weight, **options))


def _ks(d: Drawn) -> float:
    fpr, tpr, _ = sk.roc_curve(d.actual, d.given[:, 1], sample_weight=d.weight, drop_intermediate=False)
    return float((tpr - fpr).max())


BINARY: dict[str, Callable[[Drawn], float]] = {
    "roc_auc": _scored("roc_auc_score"),
    "gini": lambda d: 2 * _scored("roc_auc_score")(d) - 1,
    "average_precision": _scored("average_precision_score"),
    "log_loss": lambda d: float(sk.log_loss(d.actual, d.given, sample_weight=d.weight)),
    "brier": _scored("brier_score_loss"),
    "calibration_loss": _ece,
    "fve_binomial": lambda d: float(sk.d2_log_loss_score(d.actual, d.given, sample_weight=d.weight)),
    "accuracy": _plain("accuracy_score"),
    "balanced_accuracy": _plain("balanced_accuracy_score"),
    "mcc": _plain("matthews_corrcoef"),
    "kappa": _plain("cohen_kappa_score"),
    "hamming_loss": _plain("hamming_loss"),
    "precision": _plain("precision_score"),
    "recall": _plain("recall_score"),
    "specificity": _plain("recall_score", pos_label=0),
    "f1": _plain("f1_score"),
    "f05": _plain("fbeta_score", beta=0.5),
    "f2": _plain("fbeta_score", beta=2.0),
    "jaccard": _plain("jaccard_score"),
    "ks": _ks,
    "rate_at_top_5": _top(0.05),
    "lift_at_5": lambda d: _top(0.05)(d) / _base(d),
    "captured_at_5": lambda d: _captured(d, 0.05),
    "rate_at_top_10": _top(0.10),
    "lift_at_10": lambda d: _top(0.10)(d) / _base(d),
    "captured_at_10": lambda d: _captured(d, 0.10),
}


def _captured(d: Drawn, part: float) -> float:
    if d.weight is not None:
        return part * _top(part)(d) / _base(d)
    return math.ceil(round(part * len(d.actual), 9)) * _top(part)(d) / d.actual.sum()


def _lanes(name: str, average: str) -> Callable[[Drawn], float]:
    def score(d: Drawn) -> float:
        hot = np.eye(d.classes)[d.actual]
        return float(getattr(sk, name)(hot, d.given, average=average, sample_weight=d.weight))

    return score


def _specificity(average: str) -> Callable[[Drawn], float]:
    """scikit-learn has none of several classes: recall of what is not of each."""

    def score(d: Drawn) -> float:
        weight = np.ones(len(d.actual)) if d.weight is None else d.weight
        rights = np.array([(weight * ((d.actual != c) & (d.predicted != c))).sum() for c in range(d.classes)])
        others = np.array([weight[d.actual != c].sum() for c in range(d.classes)])
        if average == "micro":
            return float(rights.sum() / others.sum())
        rows = np.array([weight[d.actual == c].sum() for c in range(d.classes)])
        return float(np.average(rights / others, weights=rows if average == "weighted" else None))

    return score


MULTICLASS: dict[str, Callable[[Drawn], float]] = {
    **{f"roc_auc_ovr_{a}": _lanes("roc_auc_score", a) for a in ("macro", "weighted", "micro")},
    **{
        f"roc_auc_ovo_{a}": (
            lambda d, a=a: float(sk.roc_auc_score(d.actual, d.given, multi_class="ovo", average=a))  # type: ignore[misc]
        )
        for a in ("macro", "weighted")
    },
    **{f"average_precision_{a}": _lanes("average_precision_score", a) for a in ("macro", "weighted", "micro")},
    **{k: BINARY[k] for k in ("log_loss", "calibration_loss", "fve_binomial")},
    "brier": lambda d: float(sk.brier_score_loss(d.actual, d.given, sample_weight=d.weight, labels=range(d.classes))),
    **{k: BINARY[k] for k in ("accuracy", "balanced_accuracy", "mcc", "kappa", "hamming_loss")},
    **{
        f"{name}_{a}": _plain(f"{name}_score", average=a)
        for name in ("precision", "recall", "f1", "jaccard")
        for a in ("macro", "micro", "weighted")
    },
    **{f"specificity_{a}": _specificity(a) for a in ("macro", "micro", "weighted")},
    **{
        f"top_{k}_accuracy": (
            lambda d, k=k: float(sk.top_k_accuracy_score(d.actual, d.given, k=k, sample_weight=d.weight))  # type: ignore[misc]
        )
        for k in (2, 3, 5)
    },
}


drawn_binary = st.builds(
    Drawn,
    seed=st.integers(0, 2**32),
    rows=st.integers(2, 400),
    classes=st.just(2),
    ties=st.booleans(),
    weighted=st.booleans(),
    skill=st.sampled_from([0.0, 1.0, 30.0]),
)
drawn_multiclass = st.builds(
    Drawn,
    seed=st.integers(0, 2**32),
    rows=st.integers(6, 300),
    classes=st.integers(3, 6),
    ties=st.booleans(),
    weighted=st.booleans(),
    skill=st.sampled_from([0.0, 1.0, 30.0]),
)


def test_every_metric_has_an_oracle() -> None:
    assert {m.name for m in metrics_of(2)} == set(BINARY)
    assert {m.name for m in metrics_of(7)} == set(MULTICLASS)


@settings(max_examples=60)
@given(drawn_binary)
def test_binary_metrics_are_those_of_scikit_learn(d: Drawn) -> None:
    _equal(d, BINARY)


@settings(max_examples=40)
@given(drawn_multiclass)
def test_multiclass_metrics_are_those_of_scikit_learn(d: Drawn) -> None:
    _equal(d, MULTICLASS)


def _equal(d: Drawn, oracles: dict[str, Callable[[Drawn], float]]) -> None:
    if d.weight is not None and any(d.weight[d.actual == c].sum() == 0 for c in range(d.classes)):
        return
    for name, found in d.measure().items():
        if d.weight is not None and "ovo" in name:
            continue  # scikit-learn has no weights there
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = oracles[name](d)
        assert found.exact, name
        if found.value is None:
            assert found.reason
            continue
        assert found.value == pytest.approx(expected, rel=1e-12, abs=1e-12), name


@settings(max_examples=60)
@given(drawn_binary)
def test_where_scores_are_counted_in_cells_the_bound_covers(d: Drawn) -> None:
    _within(d)


@settings(max_examples=30)
@given(drawn_multiclass)
def test_of_several_classes_too(d: Drawn) -> None:
    _within(d)


def _within(d: Drawn) -> None:
    one_by_one, in_cells = d.measure(), d.measure(BINNED)
    for name, found in in_cells.items():
        expected = one_by_one[name]
        if found.value is None or expected.value is None:
            assert found.value is expected.value
            continue
        assert abs(found.value - expected.value) <= found.bound + 1e-12, (name, found, expected)


def _ignorant(d: Drawn) -> Drawn:
    """The same rows, given the shares of the classes and the most frequent one."""
    weight = np.ones(len(d.actual)) if d.weight is None else d.weight
    shares = np.bincount(d.actual, weight, d.classes) / weight.sum()
    d.given = np.tile(shares, (len(d.actual), 1))
    d.predicted = np.full(len(d.actual), shares.argmax())
    return d


@settings(max_examples=40)
@given(st.one_of(drawn_binary, drawn_multiclass))
def test_the_dummy_is_a_model_that_knows_only_the_shares(d: Drawn) -> None:
    found = dummy(profile(d.actual, d.predicted, d.given, d.weight, classes=d.classes))
    for name, figure in _ignorant(d).measure().items():
        if name.startswith(("rate", "lift", "captured")):  # a row of a tie counts as its share
            continue
        expected = figure.value
        assert found[name] == (expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9)), name


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("rows", "skill"), [(80, 1.0), (300, 0.2), (2_000, 3.0)])
def test_the_interval_of_the_auc_is_that_of_all_pairs(rows: int, skill: float, ties: bool) -> None:
    """DeLong, DeLong and Clarke-Pearson 1988, as they define it: from each pair of a row of the class and another; on the logit's scale."""
    drawn = rows_of_two(11, rows, ties=ties, skill=skill)
    own, others = drawn.score[drawn.actual == 1], drawn.score[drawn.actual == 0]
    pairs = (own[:, None] > others) + 0.5 * (own[:, None] == others)
    auc = pairs.mean()
    variance = pairs.mean(1).var(ddof=1) / len(own) + pairs.mean(0).var(ddof=1) / len(others)
    at, half = np.log(auc / (1 - auc)), 1.959963984540054 * np.sqrt(variance) / (auc * (1 - auc))
    found = measure(drawn.profile())["roc_auc"]
    assert found.method == "delong"
    assert [found.value, found.low, found.high] == pytest.approx(
        [auc, 1 / (1 + np.exp(half - at)), 1 / (1 + np.exp(-half - at))], abs=1e-12
    )
