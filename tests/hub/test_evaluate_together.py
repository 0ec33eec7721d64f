"""Options that contradict each other: every pair of them is refused in words, all at once, or measured as it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidInput, NotApplicable
from muster.hub import Hub

_RANDOM = np.random.default_rng(0)
_N = 60
_C = np.arange(_N) % 2
_X = _RANDOM.normal(size=_N)
_P = (_C + _RANDOM.random(_N)) / 2
TABLE = pa.table(
    {
        "c": _C,
        "d": _C[::-1],
        "l": np.where(_RANDOM.random(_N) < 0.8, _C, 1 - _C),
        "m": 1 - _C[::-1],
        "x": _X,
        "f": _X + 0.1,
        "low": _X - 1,
        "high": _X + 2,
        "p": _P,
        "q": 1 - _P,
    }
)
ENDS = ["low", "high"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with muster.open(tmp_path_factory.mktemp("together") / "hub") as opened:
        yield opened


NUMBERS = {"target": "x", "prediction": "f", "task": "regression"}
LABELS = {"target": "c", "prediction": "l", "classes": [0, 1]}
SCORES = {"target": "c", "probabilities": ["p"], "classes": [0, 1]}
FLAGS = {"target": ["c", "d"], "prediction": ["l", "m"], "task": "multilabel", "classes": ["c", "d"]}
TARGETS = {"target": ["c", "x"], "prediction": ["l", "f"], "task": "multioutput", "classes": {"c": [0, 1]}}

REFUSED: list[tuple[Mapping[str, Any], str]] = [
    (SCORES | {"task": "regression"}, "has no classes, and 0, 1 .*has no probabilities, and p .*; a regression needs predicted numbers"),
    (NUMBERS | {"probabilities": ["p"]}, "a regression has no probabilities, and p are named"),
    (NUMBERS | {"classes": [0, 1]}, "a regression has no classes, and 0, 1 are named"),
    (NUMBERS | {"classes": {"x": [0, 1]}}, "classes by name go with several targets"),
    (NUMBERS | {"threshold": 0.5}, "a threshold goes with the probabilities of two classes"),
    (NUMBERS | {"costs": [[0, 1], [1, 0]]}, "costs go with classes, and a regression has none"),
    (NUMBERS | {"level": 0.9}, "a level goes with predicted intervals: name the columns of their ends"),
    (NUMBERS | {"level": 1.0, "interval": ENDS}, "the level 1 of the interval is no share between 0 and 1"),
    (NUMBERS | {"interval": ["low"]}, "an interval has two columns"),
    (NUMBERS | {"interval": ["low", "low"]}, "`low` is named twice as the interval"),
    (NUMBERS | {"interval": ["low", "high", "f"]}, "an interval has two columns"),
    (NUMBERS | {"target": "x", "prediction": None, "interval": ENDS}, "no column `prediction`"),
    (NUMBERS | {"target": ["x", "c"]}, "a regression evaluation has one column of actual values, and 2 are named"),
    (LABELS | {"threshold": 0.5}, "a threshold goes with the probabilities of two classes"),
    (LABELS | {"interval": ENDS}, "an interval and its level go with predicted numbers"),
    (LABELS | {"level": 0.9}, "an interval and its level go with predicted numbers"),
    (LABELS | {"classes": [0, 1, 2], "task": "binary"}, "binary has two classes, and these are 3: 0, 1, 2"),
    (LABELS | {"classes": [1]}, "there is one class, 1, and it takes two"),
    (LABELS | {"classes": {"c": [0, 1]}, "task": "binary"}, "the classes are not known"),
    (LABELS | {"costs": [[0, 1, 1], [1, 0, 1], [1, 1, 0]]}, r"the cost matrix has the shape \(3, 3\), and there are 2 classes"),
    (SCORES | {"threshold": 2}, "the threshold 2 is no probability from 0 to 1"),
    (SCORES | {"threshold": float("nan")}, "the threshold nan is no probability"),
    (SCORES | {"probabilities": ["p", "q", "f"]}, "3 columns of probabilities do not fit 2 classes"),
    (SCORES | {"classes": [0, 1, 2]}, "1 columns of probabilities do not fit 3 classes"),
    (SCORES | {"classes": [0, 1, 2], "threshold": 0.5}, "a threshold goes with the probabilities of two classes"),
    (SCORES | {"task": "clustering"}, "an evaluation of the task `clustering` has no figures"),
    (FLAGS | {"classes": {"c": [0, 1]}}, "classes by name go with several targets, and labels are one list in order"),
    (FLAGS | {"prediction": "l"}, "the prediction `l` is int64, and the labels of a row are a list of 2 flags"),
    (FLAGS | {"threshold": 0.5}, "a threshold goes with the probabilities of two classes, or of labels"),
    (FLAGS | {"costs": [[0, 1], [1, 0]], "interval": ENDS}, "costs go with a single output.*; an interval and its level go with a single"),
    (FLAGS | {"classes": ["c", "d", "e"]}, "2 columns of actual values are named for 3 outputs; 2 columns of predictions"),
    (TARGETS | {"classes": [0, 1]}, "classes of several targets are named by target, and 0, 1 by none"),
    (TARGETS | {"classes": {"c": [0, 1], "z": [0, 1]}}, "`z` is no target: they are c, x"),
    (TARGETS | {"probabilities": ["p", "q", "f"]}, "3 columns of probabilities do not fit 1 targets"),
    (TARGETS | {"threshold": 0.5}, "a threshold goes with"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(REFUSED)), ids=lambda n: REFUSED[n][1][:60])
def test_what_contradicts_is_refused_in_words(hub: Hub, case: int) -> None:
    options, message = REFUSED[case]
    with pytest.raises((InvalidInput, NotApplicable), match=message):
        hub.evaluate(TABLE, **options)


@pytest.mark.parametrize(
    "options", [NUMBERS, NUMBERS | {"interval": ENDS, "level": 0.9}, LABELS, SCORES, FLAGS, TARGETS], ids=str
)
def test_what_goes_together_is_measured(hub: Hub, options: Mapping[str, Any]) -> None:
    assert hub.evaluate(TABLE, **options).record.counted == _N


def test_no_combination_ends_in_anything_else(hub: Hub) -> None:
    """Each is refused as what a user did, or measured as the task that is named."""
    measured = 0
    tasks = (None, "binary", "multiclass", "regression", "multilabel", "multioutput")
    predictions = (None, "l", ["l", "m"])
    probabilities = (None, ["q", "p"])
    classes = (None, [0, 1])
    for task, target, prediction, scores, labels in product(
        tasks, ("c", ["c", "d"]), predictions, probabilities, classes
    ):
        options: dict[str, Any] = {
            "task": task,
            "target": target,
            "prediction": prediction,
            "probabilities": scores,
            "classes": labels,
        }
        try:
            found = hub.evaluate(TABLE, **options)
        except (InvalidInput, NotApplicable):
            continue
        measured += 1
        assert found.record.task == (task or found.record.task), options
        assert found.record.counted == _N, options
    assert measured > 10, measured
