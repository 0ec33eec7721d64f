"""What is read from a first answer, and what is refused with the words that would settle it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest

from muster.errors import InvalidInput, ModelFailed, MusterError
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.outputs import output_of
from muster.predictors.external.codecs.recognise import recognise
from muster.predictors.external.codecs.spec import ResponseSpec
from muster.signature import Json, Scalar, Task

JSON, CSV = "application/json", "text/csv"
NO_YES: tuple[Scalar, ...] = ("no", "yes")
ABC: tuple[Scalar, ...] = ("a", "b", "c")


@dataclass
class Seen:
    """An answer, what it was seen as, and what that reads from it."""

    body: Any
    rows: int
    task: Task | None
    classes: tuple[Scalar, ...] = ()
    hints: Json = field(default_factory=dict)
    content_type: str = JSON

    @property
    def bytes(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()

    @property
    def spec(self) -> ResponseSpec:
        return recognise(self.bytes, self.content_type, self.rows, self.task, self.classes or None, self.hints)

    @property
    def answer(self) -> pa.RecordBatch:
        spec, task = self.spec, self.task or ("binary" if len(self.classes) == 2 else "multiclass")
        stored = ResponseSpec.from_json(json.loads(json.dumps(spec.to_json())))
        assert stored == spec
        assert stored.frozen
        return decode(self.bytes, self.content_type, self.rows, output_of(stored, task, self.classes), stored)

    @property
    def refusal(self) -> MusterError:
        with pytest.raises(MusterError) as error:
            _ = self.spec
        return error.value


def labels_of(seen: Seen) -> list[Any]:
    found: list[Any] = seen.answer.column("prediction").to_pylist()
    return found


def scores_of(seen: Seen) -> Any:
    answer = seen.answer
    return answer.column("probabilities").to_pylist() if "probabilities" in answer.schema.names else None


READ: list[tuple[str, Seen, list[Any], Any]] = [
    (
        "one line of csv for two rows",
        Seen("0.6,0.25", 2, "binary", NO_YES, content_type=CSV),
        ["yes", "no"],
        [[0.4, 0.6], [0.75, 0.25]],
    ),
    (
        "one row of csv with a number each",
        Seen("0.75,0.25", 1, "binary", NO_YES, content_type=CSV),
        ["no"],
        [[0.75, 0.25]],
    ),
    (
        "numbers each, whose places are no names",
        Seen("0.75,0.25\n0.5,0.5", 2, "binary", (1, 0), content_type=CSV),
        [1, 0],
        [[0.75, 0.25], [0.5, 0.5]],
    ),
    (
        "label and score without names",
        Seen("1,0.75\n0,0.25", 2, "binary", (0, 1), content_type=CSV),
        [1, 0],
        [[0.25, 0.75], [0.75, 0.25]],
    ),
    (
        "label and numbers without names",
        Seen("b,0.25,0.5,0.25\nb,0,1,0", 2, "multiclass", ABC, content_type=CSV),
        ["b", "b"],
        [[0.25, 0.5, 0.25], [0, 1, 0]],
    ),
    (
        "label and a list as numpy writes it",
        Seen('0,"[0.75 0.25]"\n1,"[0.25\n 0.75]"', 2, "binary", (0, 1), content_type=CSV),
        [0, 1],
        [[0.75, 0.25], [0.25, 0.75]],
    ),
    ("labels of csv", Seen("yes\nno\n", 2, "binary", NO_YES, content_type="text/plain"), ["yes", "no"], None),
    (
        "csv with a header",
        Seen("target,no_proba,yes_proba\nyes,0.25,0.75\nno,0.75,0.25\n", 2, "binary", content_type=CSV),
        ["yes", "no"],
        [[0.25, 0.75], [0.75, 0.25]],
    ),
    (
        "scores",
        Seen({"predictions": [0.25, 0.75, 0.5]}, 3, "binary", NO_YES),
        ["no", "yes", "yes"],
        [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]],
    ),
    ("whole scores that are classes are labels", Seen({"predictions": [0.0, 1.0]}, 2, "binary", (0, 1)), [0, 1], None),
    ("places of classes", Seen({"predictions": [0, 1.0]}, 2, "binary", NO_YES), ["no", "yes"], None),
    ("the first of equal probabilities", Seen([[0.4, 0.4, 0.2]], 1, "multiclass", ABC), ["a"], [[0.4, 0.4, 0.2]]),
    (
        "a threshold",
        Seen([0.25, 0.5], 2, "binary", NO_YES, {"threshold": 0.3}),
        ["no", "yes"],
        [[0.75, 0.25], [0.5, 0.5]],
    ),
    ("a threshold for a list", Seen([[0.6, 0.4]], 1, "binary", NO_YES, {"threshold": 0.4}), ["yes"], [[0.6, 0.4]]),
    ("log-odds that are declared", Seen([0.0], 1, "binary", NO_YES, {"activation": "sigmoid"}), ["yes"], [[0.5, 0.5]]),
    ("logits", Seen([[2.0, -3.0, 1.0]], 1, "multiclass", ABC), ["a"], None),
    (
        "logits that are declared",
        Seen([[0.0, 0.0]], 1, "binary", NO_YES, {"activation": "softmax"}),
        ["yes"],
        [[0.5, 0.5]],
    ),
    (
        "a ranking that is declared",
        Seen([[0.5, 0.75, 0.25]], 1, "multiclass", ABC, {"activation": "ranking"}),
        ["b"],
        None,
    ),
    (
        "a label beside what is no probability",
        Seen([{"label": "b", "scores": [0.5, 0.75, 0.25]}], 1, "multiclass", ABC),
        ["b"],
        None,
    ),
    ("a label beside a margin", Seen([{"label": "yes", "score": 3.5}], 1, "binary", NO_YES), ["yes"], None),
    (
        "pairs",
        Seen([[{"label": "yes", "score": 0.25}, {"label": "no", "score": 0.75}]], 1, "binary", NO_YES),
        ["no"],
        [[0.75, 0.25]],
    ),
    ("pairs of lists", Seen({"results": [[["yes", 0.25], ["no", 0.75]]]}, 1, "binary", NO_YES), ["no"], [[0.75, 0.25]]),
    ("the best label alone", Seen([{"label": "a", "score": 0.75}], 1, "multiclass", ABC), ["a"], None),
    (
        "classes in each row's own order",
        Seen(
            [{"classes": ["yes", "no"], "scores": [0.75, 0.25]}, {"classes": ["no", "yes"], "scores": [0.75, 0.25]}],
            2,
            "binary",
            NO_YES,
        ),
        ["yes", "no"],
        [[0.25, 0.75], [0.75, 0.25]],
    ),
    ("an object by class", Seen([{"yes": 0.25, "no": 0.75}], 1, "binary", NO_YES), ["no"], [[0.75, 0.25]]),
    (
        "deploy anywhere",
        Seen({"results": [{"prediction": "yes", "probas": {"yes": 0.75, "no": 0.25}}]}, 1, "binary", NO_YES),
        ["yes"],
        [[0.25, 0.75]],
    ),
    (
        "databricks with probabilities",
        Seen({"predictions": [0, 1], "probabilities": [[0.75, 0.25], [0.25, 0.75]]}, 2, "binary", (0, 1)),
        [0, 1],
        [[0.75, 0.25], [0.25, 0.75]],
    ),
    (
        "databricks with one probability",
        Seen({"predictions": [0, 1], "probability": [0.25, 0.75]}, 2, "binary", (0, 1)),
        [0, 1],
        [[0.75, 0.25], [0.25, 0.75]],
    ),
    ("a list called prediction", Seen({"prediction": [0.25, 0.75]}, 1, "binary", NO_YES), ["yes"], [[0.25, 0.75]]),
    ("a row by itself", Seen({"prediction": "no", "probability": 0.25}, 1, "binary", NO_YES), ["no"], [[0.75, 0.25]]),
    ("a label by itself", Seen('"yes"', 1, "binary", NO_YES), ["yes"], None),
    (
        "a line by itself",
        Seen('{"predicted_label": 1, "score": 0.75}', 1, "binary", (0, 1), content_type="application/jsonlines"),
        [1],
        [[0.25, 0.75]],
    ),
    (
        "named tensors",
        Seen(
            {
                "outputs": [
                    {"name": "label", "shape": [2, 1], "datatype": "BYTES", "data": [["no"], ["yes"]]},
                    {
                        "name": "probabilities",
                        "shape": [2, 2],
                        "datatype": "FP32",
                        "data": [[0.75, 0.25], [0.25, 0.75]],
                    },
                ]
            },
            2,
            "binary",
            NO_YES,
        ),
        ["no", "yes"],
        [[0.75, 0.25], [0.25, 0.75]],
    ),
    (
        "a tensor of flags",
        Seen(
            {"outputs": [{"name": "p", "shape": [2], "datatype": "BOOL", "data": [True, False]}]},
            2,
            "binary",
            (False, True),
        ),
        [True, False],
        None,
    ),
    (
        "a score by its hint",
        Seen([{"label": "yes", "score": 0.75}], 1, "binary", NO_YES, {"label": "label", "score": "score"}),
        ["yes"],
        [[0.25, 0.75]],
    ),
    (
        "a score of the label",
        Seen(
            [{"label": "no", "score": 0.75}],
            1,
            "binary",
            NO_YES,
            {"label": "label", "probabilities": {"score": "score", "of": "label"}},
        ),
        ["no"],
        [[0.75, 0.25]],
    ),
    (
        "an own threshold beside a declared score",
        Seen([{"label": "yes", "score": 0.25}], 1, "binary", NO_YES, {"score": "score"}),
        ["yes"],
        [[0.75, 0.25]],
    ),
    ("regression", Seen({"predictions": [1, 2.5]}, 2, "regression"), [1.0, 2.5], None),
    ("regression within 0 and 1", Seen({"predictions": [0.25, 1.0]}, 2, "regression"), [0.25, 1.0], None),
    ("regression in texts", Seen({"predictions": ["1.5", "2"]}, 2, "regression"), [1.5, 2.0], None),
    ("regression by a port", Seen({"outputs": {"dense": [[0.5], [0.75]]}}, 2, "regression"), [0.5, 0.75], None),
    ("regression by itself", Seen("0.5", 1, "regression"), [0.5], None),
    ("regression by its only number", Seen([{"cost": 1.5, "note": "x"}], 1, "regression"), [1.5], None),
    ("regression by equal columns", Seen([{"prediction": 1.5, "score": 1.5}], 1, "regression"), [1.5], None),
    ("regression by its hint", Seen([{"a": 1.5, "b": 2.5}], 1, "regression", (), {"value": "b"}), [2.5], None),
    ("several targets", Seen([[1.5, 2.5]], 1, "multioutput"), [{"target_0": 1.5, "target_1": 2.5}], None),
    ("several targets by name", Seen([{"x": 1, "y": 2}], 1, "multioutput"), [{"x": 1.0, "y": 2.0}], None),
    (
        "targets with names that are declared",
        Seen([[1.5, 2.5]], 1, "multioutput", (), {"columns": ["x", "y"]}),
        [{"x": 1.5, "y": 2.5}],
        None,
    ),
    ("targets of csv", Seen("1.5,2", 1, "multioutput", content_type=CSV), [{"target_0": 1.5, "target_1": 2.0}], None),
    (
        "targets of one tensor",
        Seen({"outputs": [{"name": "y", "shape": [2, 2], "data": [1, 2, 3, 4]}]}, 2, "multioutput"),
        [{"target_0": 1.0, "target_1": 2.0}, {"target_0": 3.0, "target_1": 4.0}],
        None,
    ),
    (
        "targets by their places",
        Seen([[1.5, 2.5]], 1, "multioutput", (), {"targets": {"b": "1", "a": "0"}}),
        [{"b": 2.5, "a": 1.5}],
        None,
    ),
    (
        "a target of classes",
        Seen(
            [{"x": 1, "y": "no"}],
            1,
            "multioutput",
            (),
            {"targets": {"x": "x", "y": {"label": "y", "classes": ["no", "yes"]}}},
        ),
        [{"x": 1.0, "y": "no"}],
        None,
    ),
    (
        "flags of csv",
        Seen("1,0\n0,0", 2, "multilabel", NO_YES, content_type=CSV),
        [[True, False], [False, False]],
        None,
    ),
    (
        "independent probabilities of csv",
        Seen("0.25,0.75", 1, "multilabel", NO_YES, content_type=CSV),
        [[False, True]],
        [[0.25, 0.75]],
    ),
    ("any text", Seen("hello", 1, "other", content_type="text/plain"), ["hello"], None),
    ("flags", Seen([[1, 0, 1]], 1, "multilabel", ABC), [[True, False, True]], None),
    (
        "independent probabilities",
        Seen([[0.5, 0.75, 0.25]], 1, "multilabel", ABC),
        [[True, True, False]],
        [[0.5, 0.75, 0.25]],
    ),
    (
        "labels that hold",
        Seen([["c", "a"], []], 2, "multilabel", ABC),
        [[True, False, True], [False, False, False]],
        None,
    ),
    (
        "one label that holds",
        Seen([{"labels": ["a"], "scores": [0.75, 0.25, 0]}], 1, "multilabel", ABC),
        [[True, False, False]],
        [[0.75, 0.25, 0]],
    ),
    (
        "independent probabilities by name",
        Seen([{"b": 0.75, "a": 0.25, "c": 1}], 1, "multilabel", ABC),
        [[False, True, True]],
        [[0.25, 0.75, 1]],
    ),
    ("anything", Seen([{"x": [1]}, None], 2, "other"), ['{"x": [1]}', None], None),
    (
        "the names of BigQuery ML",
        Seen([{"predicted_x": ["b"], "x_probs": [0.75, 0.25], "x_values": ["b", "a"]}], 1, "binary", ("a", "b")),
        ["b"],
        [[0.25, 0.75]],
    ),
    (
        "a data frame in the split form",
        Seen(
            {"columns": ["label", "proba"], "index": [0], "data": [["yes", 0.75]]},
            1,
            "binary",
            NO_YES,
            {"score": "proba"},
        ),
        ["yes"],
        [[0.25, 0.75]],
    ),
    ("a prefix", Seen([{"p_yes": 0.25, "p_no": 0.75}], 1, "binary", NO_YES), ["no"], [[0.75, 0.25]]),
    (
        "inputs that are called as classes are",
        Seen([{"0": 5.5, "1": 3, "prediction": 1}], 1, "binary", (0, 1)),
        [1],
        None,
    ),
    ("raw scores", Seen([{"raw_scores": [0.25, 0.75]}], 1, "binary", NO_YES), ["yes"], None),
    ("a label beside a raw score", Seen([{"label": "yes", "raw_score": 0.75}], 1, "binary", NO_YES), ["yes"], None),
    ("its regression", Seen([{"predicted_price": 1.5, "size": 2}], 1, "regression"), [1.5], None),
    ("numbers that are called JSON", Seen("0.75,0.25", 2, "regression"), [0.75, 0.25], None),
    ("anything of a type", Seen([{"x": 1}], 1, "other", (), {"type": {"struct": {"x": "int64"}}}), [{"x": 1}], None),
]


@pytest.mark.parametrize(("seen", "labels", "scores"), [r[1:] for r in READ], ids=[r[0] for r in READ])
def test_is_read(seen: Seen, labels: list[Any], scores: Any) -> None:
    assert "error" not in seen.answer.schema.names
    assert labels_of(seen) == labels
    assert scores_of(seen) == (None if scores is None else [pytest.approx(row) for row in scores])


ASKED: list[tuple[str, Seen, str, str]] = [
    (
        "two rows or one",
        Seen("0.6,0.3", 1, "binary", (0, 1), content_type=CSV),
        "do not add up to 1",
        "as many rows as were sent",
    ),
    (
        "labels or probabilities",
        Seen("1,0", 1, "binary", (0, 1), content_type=CSV),
        "may be labels or probabilities",
        "columns",
    ),
    (
        "numbers from 0 for classes from 1",
        Seen([2, 0, 1], 3, "multiclass", (1, 2, 3)),
        "the labels 0, and the",
        "the classes",
    ),
    (
        "a raw score",
        Seen([{"raw_score": 0.75}], 1, "binary", NO_YES),
        "it is called `raw_score`",
        '"activation": "sigmoid"',
    ),
    ("one margin among others", Seen([0.25, 0.75, -0.1], 3, "binary", NO_YES), "-0.1 is not within 0 and 1", "sigmoid"),
    ("no task", Seen([0.25, 0.75], 2, None), "depends on the task", "`task`"),
    ("classes that nobody told", Seen([[0.25, 0.75]], 1, "binary"), "the classes are not known", "`classes`"),
    (
        "a score of classes that nobody told",
        Seen([0.25], 1, "binary"),
        "the classes are not known",
        "the positive one last",
    ),
    (
        "log-odds",
        Seen([2.5, -3.5], 2, "binary", NO_YES),
        "no probability: 2.5 is not within 0 and 1",
        '"activation": "sigmoid"',
    ),
    (
        "one against the rest",
        Seen([[0.5, 0.75, 0.25]], 1, "multiclass", ABC),
        "do not add up to 1",
        "task='multilabel'",
    ),
    (
        "other labels",
        Seen(["x", "y"], 2, "binary", NO_YES),
        "the labels x, y, and the classes are no, yes",
        "the classes that",
    ),
    ("flags for texts", Seen([True, False], 2, "binary", NO_YES), "the labels false, true", "the classes that"),
    (
        "numbers for three classes",
        Seen([[0.5, 0.5]], 1, "multiclass", ABC),
        "2 numbers for each row, and there are 3",
        "as many",
    ),
    (
        "other classes by name",
        Seen([{"classes": ["x", "y"], "scores": [0.5, 0.5]}], 1, "binary", NO_YES),
        "names the classes x, y",
        "the classes",
    ),
    (
        "the wrong order",
        Seen(
            [{"label": "yes", "probabilities": [0.9, 0.1]}, {"label": "no", "probabilities": [0.2, 0.8]}],
            2,
            "binary",
            NO_YES,
        ),
        "the order yes, no explains",
        "`threshold`",
    ),
    (
        "the wrong order of three",
        Seen(
            [
                {"label": c, "probabilities": p}
                for c, p in zip("abc", [[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], strict=True)
            ],
            3,
            "multiclass",
            ABC,
        ),
        "the order c, a, b explains",
        "`threshold`",
    ),
    (
        "the wrong order in one row",
        Seen([{"label": "yes", "probabilities": [0.9, 0.1]}], 1, "binary", NO_YES),
        "the order yes, no explains",
        "`threshold`",
    ),
    (
        "the wrong order of fields without names",
        Seen("yes,0.9,0.1\nno,0.2,0.8", 2, "binary", NO_YES, content_type=CSV),
        "the order yes, no explains",
        "`threshold`",
    ),
    (
        "the wrong order of a score",
        Seen([{"label": "no", "score": 0.9}, {"label": "yes", "score": 0.1}], 2, "binary", NO_YES),
        "the order yes, no explains",
        '{"score": "score"}',
    ),
    (
        "the score of the label",
        Seen([{"label": "no", "score": 0.9}, {"label": "yes", "score": 0.8}], 2, "binary", NO_YES),
        "is not the probability of `yes`",
        '"of": "label"',
    ),
    (
        "a score of the last or of the label",
        Seen([{"label": "yes", "probability": 0.9}], 1, "binary", NO_YES),
        "may be its probability or that of any label",
        '"of": "label"',
    ),
    (
        "several numbers",
        Seen([{"a": 1.5, "b": 2.5}], 1, "regression"),
        "which of `a`, `b` is the prediction",
        '"value"',
    ),
    (
        "several names that fit",
        Seen([{"prediction": 1.5, "score": 2.5}], 1, "regression"),
        "which of `prediction`, `score`",
        '"value"',
    ),
    (
        "several numbers for classes",
        Seen([{"p": 0.25, "q": 0.75}], 1, "binary", NO_YES),
        "which of `p` (number), `q` (number)",
        '"label"',
    ),
    ("a list for a regression", Seen([[1.5, 2.5]], 1, "regression"), "a list of 2 for each row", "task='multioutput'"),
    ("one number for several targets", Seen([1.5], 1, "multioutput"), "several targets are more", "task='regression'"),
    (
        "no rows to be found",
        Seen({"0": 0.25, "1": 0.75}, 2, "regression"),
        "where the 2 predictions are is not told",
        '"rows"',
    ),
    (
        "a column that is not there",
        Seen([{"label": "no"}], 1, "binary", NO_YES, {"label": "lable"}),
        "has no `lable`; it has `label`; did you mean `label`",
        "declare one of these",
    ),
    (
        "a score that is not there",
        Seen([{"label": "no"}], 1, "binary", NO_YES, {"score": "p"}),
        "has no `p`; it has `label`",
        "declare one of these",
    ),
    (
        "two names for the score",
        Seen([0.5], 1, "binary", NO_YES, {"score": "a", "probability": "b"}),
        "`score`: 'a' and `probability`: 'b'",
        "one column",
    ),
    ("classes of two types", Seen([0.5], 1, "binary", ("a", 1)), "of different types", "classes are all texts"),
    ("three classes for a binary task", Seen([0.5], 1, "binary", ABC), "2 classes and not 3", "declare two"),
    ("no rows at all", Seen([], 0, "regression"), "no rows shows nothing", "send a few rows"),
    (
        "labels that are none",
        Seen([["x"], ["y", "z"]], 2, "multilabel", ABC),
        "labels that are none of a, b, c",
        "the classes",
    ),
    (
        "log-odds of each class",
        Seen([[2.5, -1, 0]], 1, "multilabel", ABC),
        "in most rows they are not within 0 and 1",
        '"activation": "sigmoid"',
    ),
    (
        "flags for four classes",
        Seen([[1, 0, 1, 0]], 1, "multilabel", ABC),
        "4 values for each row, and there are 3",
        "as many",
    ),
]


@pytest.mark.parametrize(("seen", "told", "hint"), [a[1:] for a in ASKED], ids=[a[0] for a in ASKED])
def test_is_asked(seen: Seen, told: str, hint: str) -> None:
    refusal = seen.refusal
    assert isinstance(refusal, InvalidInput)
    assert told in refusal.message
    assert hint in refusal.hint


FAILED: list[tuple[str, Seen, str]] = [
    ("fewer rows", Seen({"predictions": [1, 2]}, 3, "regression"), "the endpoint answered 2 rows for 3"),
    ("more rows", Seen({"predictions": [0.25, 0.75]}, 1, "binary", NO_YES), "the endpoint answered 2 rows for 1"),
    ("one row for two", Seen({"prediction": "no", "probability": 0.25}, 2, "binary", NO_YES), "answered 1 row for 2"),
    ("one value for two", Seen("0.5", 2, "regression"), "one value for 2 rows"),
    ("fewer lines", Seen("0.5\n0.25", 3, "regression", content_type=CSV), "answered 2 rows for 3"),
    ("fewer rows of another name", Seen({"forecast": [1.5]}, 2, "regression"), "1 row for 2, in `forecast`"),
    (
        "a page",
        Seen("<!DOCTYPE html><html>Sign in</html>", 1, "regression", content_type="text/html"),
        "answered a page",
    ),
    ("nothing", Seen(" \n", 1, "regression"), "the body is empty"),
    ("a cut document", Seen('{"predictions": [0.5, 0.', 2, "regression"), "breaks off after 24 characters"),
    ("a cut text", Seen('{"predictions": ["no", "ye', 2, "binary", NO_YES), "breaks off"),
    ("an error", Seen({"error": "no such column"}, 1, "regression"), "answered an error: no such column"),
    (
        "an error with a code",
        Seen({"error_code": "BAD", "message": "no x", "stack_trace": "…"}, 1, "regression"),
        "BAD; …; no x",
    ),
    ("an error in an object", Seen({"error": {"code": 3, "message": "bad"}}, 1, "regression"), "an error: bad"),
    ("a message", Seen({"message": "Forbidden"}, 1, "regression"), "an error: Forbidden"),
    ("details", Seen({"detail": [{"loc": ["body"], "msg": "field required"}]}, 1, "regression"), "field required"),
    (
        "an error beside predictions",
        Seen({"error": "partial", "predictions": [1.5]}, 1, "regression"),
        "an error: partial",
    ),
    ("nothing but errors", Seen({"predictions": [{"error": "x"}]}, 1, "regression"), "no row has a prediction"),
    ("nothing but what is no number", Seen([float("inf")], 1, "binary", NO_YES), "no row has a prediction"),
    ("a cut text of csv", Seen('no\n"yes', 2, "binary", NO_YES, content_type=CSV), "the answer is no CSV"),
    ("nothing but nulls", Seen({"predictions": [{"prediction": None}]}, 1, "regression"), "no row has a prediction"),
    (
        "a tensor of other rows",
        Seen({"outputs": [{"name": "p", "shape": [3], "data": [1, 2, 3]}]}, 2, "regression"),
        "3 rows for 2",
    ),
    (
        "a tensor that lacks values",
        Seen({"outputs": [{"name": "p", "shape": [2], "data": [1]}]}, 2, "regression"),
        "the shape [2] and 1 value",
    ),
    (
        "a tensor in bytes",
        Seen({"outputs": [{"name": "p", "shape": [2], "parameters": {"binary_data_size": 8}}]}, 2, "regression"),
        "as bytes",
    ),
    ("a key that stands twice", Seen('[{"score": 0.25, "score": 0.75}]', 1, "regression"), "the key `score` twice"),
    (
        "a column that stands twice",
        Seen("p,p\n1,2", 1, "regression", (), {"format": "csv", "header": True}),
        "the column p twice",
    ),
]


@pytest.mark.parametrize(("seen", "told"), [f[1:] for f in FAILED], ids=[f[0] for f in FAILED])
def test_is_no_answer(seen: Seen, told: str) -> None:
    refusal = seen.refusal
    assert isinstance(refusal, ModelFailed)
    assert told in refusal.message
    assert refusal.hint


def test_classes_that_the_body_names_are_those_of_the_specification() -> None:
    def classes(body: Any, content_type: str = JSON) -> tuple[Scalar, ...]:
        return Seen(body, 1, "binary", content_type=content_type).spec.meaning.classes

    assert classes([{"classes": ["x", "y"], "scores": [0.5, 0.5]}]) == ("x", "y")
    assert classes([{"x": 0.25, "y": 0.75}]) == ("x", "y")
    assert classes([{"prediction": "x", "probas": {"y": 0.25, "x": 0.75}}]) == ("y", "x")
    assert classes([[["x", 0.25], ["y", 0.75]]]) == ("x", "y")
    assert classes("label,x_proba,y_proba\nx,0.75,0.25", CSV) == ("x", "y")


def test_labels_without_classes_have_the_type_that_they_look_like() -> None:
    assert Seen([1.0, 2], 2, "multiclass").spec.type == "int64"
    assert Seen([True], 1, "binary").spec.type == "bool"
    assert Seen(["x", "1"], 2, "binary").spec.type == "string"


@pytest.mark.parametrize(
    ("name", "body", "content_type"),
    [
        ("OUTPUT_SAGEMAKER_CSV", '0,"[0.75, 0.25]"\n1,"[0.25, 0.75]"', CSV),
        ("OUTPUT_SAGEMAKER_ARRAY_AS_STRING", "[0,1]", "text/html"),
        ("OUTPUT_SAGEMAKER_ARRAY_AS_STRING", "0,1", CSV),
        (
            "OUTPUT_SAGEMAKER_JSON",
            '{"predictions":[{"score":[0.75,0.25],"predicted_label":0},{"score":[0.25,0.75],"predicted_label":1}]}',
            JSON,
        ),
        (
            "OUTPUT_SAGEMAKER_JSONLINES",
            '{"score":[0.75,0.25],"predicted_label":0}\n{"score":[0.25,0.75],"predicted_label":1}',
            JSON,
        ),
        (
            "OUTPUT_DEPLOY_ANYWHERE_JSON",
            '{"results":[{"probas":{"0":0.75,"1":0.25},"prediction":"0"},{"probas":{"1":0.75,"0":0.25},"prediction":"1"}]}',
            JSON,
        ),
        ("OUTPUT_AZUREML_JSON_OBJECT", '{"Results":[[0.75,0.25],[0.25,0.75]]}', JSON),
        ("OUTPUT_AZUREML_JSON_ARRAY", "[0, 1]", JSON),
        (
            "OUTPUT_VERTEX_DEFAULT",
            '[{"classes":["0","1"],"scores":[0.75,0.25]},{"classes":["0","1"],"scores":[0.25,0.75]}]',
            JSON,
        ),
        (
            "OUTPUT_VERTEX_DEFAULT",
            '{"predictions":[{"classes":["0","1"],"scores":[0.75,0.25]},{"classes":["0","1"],"scores":[0.25,0.75]}]}',
            JSON,
        ),
        ("OUTPUT_DATABRICKS_JSON", '{"predictions":[0,1],"probabilities":[[0.75,0.25],[0.25,0.75]]}', JSON),
        ("OUTPUT_DATABRICKS_JSON", '{"predictions":[[0.75,0.25],[0.25,0.75]]}', JSON),
        ("oip-v2", '{"outputs":[{"name":"p","shape":[2,2],"datatype":"FP32","data":[0.75,0.25,0.25,0.75]}]}', JSON),
    ],
)
def test_a_format_by_its_name(name: str, body: str, content_type: str) -> None:
    seen = Seen(body, 2, "binary", (0, 1), name, content_type)
    assert labels_of(seen) == [0, 1]
    assert scores_of(seen) in (None, [[0.75, 0.25], [0.25, 0.75]])
    assert seen.spec.to_json()["format"] in {"json", "jsonlines", "csv"}


def test_a_named_format_is_not_another() -> None:
    body = '{"predictions": [0, 1]}'
    assert "has no `results`" in Seen(body, 2, "binary", (0, 1), "OUTPUT_DEPLOY_ANYWHERE_JSON").refusal.message
    assert (
        "has no `scores`"
        in Seen('[{"classes": ["0", "1"]}]', 1, "binary", (0, 1), "OUTPUT_VERTEX_DEFAULT").refusal.message
    )
