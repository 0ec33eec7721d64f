"""Answers drawn at random: in known forms against an oracle, and as anything at all, which must never be misread quietly."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from muster.errors import MusterError
from muster.predictors.answers import check
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.outputs import output_of
from muster.predictors.external.codecs.recognise import recognise
from muster.predictors.external.codecs.spec import ResponseSpec
from muster.signature import Output, Scalar, Task, canonical

ENTRIES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "responses.json").read_text())["entries"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "multilabel", "regression", "multioutput", "other")
TYPES = ("application/json", "text/csv", "application/jsonlines", "text/html", "", "application/json; charset=latin-1")


def sound(answer: pa.RecordBatch, rows: int, output: Output) -> None:
    """What every answer promises, whatever the body was."""
    assert answer.num_rows == rows
    if output.classes or output.task in ("regression", "multioutput", "other"):
        assert check(answer, rows, output).equals(answer)
    if "error" in answer.schema.names:
        errors = answer.column("error")
        assert errors.null_count < rows
        for name in ("prediction", "probabilities"):
            if name in answer.schema.names:
                column = answer.column(name)
                assert all(not v.is_valid for v, e in zip(column, errors, strict=True) if e.is_valid)


def try_both(body: bytes, content_type: str, rows: int, task: Task, classes: Sequence[Scalar]) -> pa.RecordBatch | None:
    """The answer by what was found in the body, None where that was refused."""
    try:
        spec = recognise(body, content_type, rows, task, classes or None)
    except MusterError:
        return None
    output = output_of(spec, task, classes)
    answer = decode(body, content_type, rows, output, spec)
    sound(answer, rows, output)
    assert ResponseSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    return answer


SPECS: list[tuple[dict[str, Any], ResponseSpec, Output]] = []
for _entry in ENTRIES:
    _classes = _entry["classes"] if _entry["classes_from"] == "config" else None
    _spec = recognise(
        _entry["response_body"].encode(),
        _entry["content_type"],
        _entry["n_rows"],
        _entry["task"],
        _classes,
        _entry["hints"],
    )
    SPECS.append((_entry, _spec, output_of(_spec, _entry["task"], _classes)))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 0.25, 0.75, 1e400, float("nan"), -1.5, 2**70]),
    st.sampled_from(["a", "b", "0", "1", "", "0.5", "[0.5, 0.5]", "true", "\ud800", "[b'x', 1]"]),
)
KEYS = st.sampled_from(
    [
        *("predictions", "prediction", "score", "scores", "probabilities", "label", "labels", "classes", "outputs"),
        *("error", "message", "a", "b", "Results", "results", "shape", "data", "name", "datatype", "content_type"),
    ]
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
CLASSES: st.SearchStrategy[Sequence[Scalar]] = st.sampled_from(
    [(), ("a", "b"), (0, 1), (False, True), ("a", "b", "c"), (0, 1, 2)]
)


@given(DOCUMENTS, st.integers(1, 4), st.sampled_from(TASKS), CLASSES, st.sampled_from(TYPES))
@settings(max_examples=300)
def test_any_document_is_read_soundly_or_refused(
    document: Any, rows: int, task: Task, classes: Sequence[Scalar], content_type: str
) -> None:
    try_both(json.dumps(document).encode(), content_type, rows, task, classes)


@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.sampled_from(TASKS), CLASSES)
@settings(max_examples=250)
def test_any_rows_are_read_soundly_or_refused(rows: list[Any], task: Task, classes: Sequence[Scalar]) -> None:
    try_both(json.dumps({"predictions": rows}).encode(), "application/json", len(rows), task, classes)
    lines = "\n".join(map(json.dumps, rows)).encode()
    try_both(lines, "application/jsonlines", len(rows), task, classes)


@given(st.binary(max_size=60), st.integers(1, 3), st.sampled_from(TASKS), CLASSES, st.sampled_from(TYPES))
@settings(max_examples=300)
def test_any_bytes_are_read_soundly_or_refused(
    body: bytes, rows: int, task: Task, classes: Sequence[Scalar], content_type: str
) -> None:
    try_both(body, content_type, rows, task, classes)


@given(st.text("0123456789.,-ab\"'[]{}: \n\t", max_size=40), st.integers(1, 3), st.sampled_from(TASKS), CLASSES)
@settings(max_examples=250)
def test_any_text_is_read_soundly_or_refused(text: str, rows: int, task: Task, classes: Sequence[Scalar]) -> None:
    for content_type in ("text/csv", "application/json"):
        try_both(text.encode(), content_type, rows, task, classes)


@given(st.sampled_from(SPECS), st.data())
@settings(max_examples=300)
def test_a_cut_answer_is_never_a_whole_one(
    case: tuple[dict[str, Any], ResponseSpec, Output], data: st.DataObject
) -> None:
    entry, spec, output = case
    body = entry["response_body"].encode()
    cut = body[: data.draw(st.integers(0, len(body.rstrip()) - 1))]
    try:
        answer = decode(cut, entry["content_type"], entry["n_rows"], output, spec)
    except MusterError:
        return
    # In CSV the last number may lose digits without a trace, which is for the transport to see.
    assert spec.format == "csv"
    sound(answer, entry["n_rows"], output)


@given(st.sampled_from(SPECS), DOCUMENTS | st.lists(DOCUMENTS, max_size=3).map(lambda rows: {"predictions": rows}))
@settings(max_examples=300)
def test_a_specification_reads_another_document_soundly_or_refuses(
    case: tuple[dict[str, Any], ResponseSpec, Output], document: Any
) -> None:
    _, spec, output = case
    for rows in (1, 2):
        try:
            answer = decode(json.dumps(document).encode(), "application/json", rows, output, spec)
        except MusterError:
            continue
        sound(answer, rows, output)


@given(st.sampled_from(SPECS), st.data())
@settings(max_examples=300)
def test_an_answer_with_other_values_is_read_soundly_or_refused(
    case: tuple[dict[str, Any], ResponseSpec, Output], data: st.DataObject
) -> None:
    entry, spec, output = case
    assume(spec.format == "json" and not spec.within)
    document = _altered(json.loads(entry["response_body"]), data)
    try:
        answer = decode(json.dumps(document).encode(), "application/json", entry["n_rows"], output, spec)
    except MusterError:
        return
    sound(answer, entry["n_rows"], output)


def _altered(document: Any, data: st.DataObject) -> Any:
    """With another value somewhere."""
    if isinstance(document, dict) and document and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(document)))
        return {**document, key: _altered(document[key], data)}
    if isinstance(document, list) and document and data.draw(st.integers(0, 5)):
        at = data.draw(st.integers(0, len(document) - 1))
        return [*document[:at], _altered(document[at], data), *document[at + 1 :]]
    return data.draw(SCALARS)


@st.composite
def classified(draw: st.DrawFn) -> tuple[tuple[Scalar, ...], list[list[float]]]:
    """Classes, and rows of probabilities in their order, each with one that is highest."""
    texts: st.SearchStrategy[Scalar] = st.sampled_from(["no", "yes", "maybe", "x y", "é"])
    whole: st.SearchStrategy[Scalar] = st.integers(-5, 40)
    names = draw(st.lists(draw(st.sampled_from([texts, whole])), min_size=2, max_size=4, unique=True))
    weights = st.lists(st.integers(1, 1000), min_size=len(names), max_size=len(names), unique=True)
    rows = draw(st.lists(weights, min_size=1, max_size=5))
    return tuple(names), [[w / sum(ws) for w in ws] for ws in rows]


Body = Callable[[Sequence[Scalar], list[list[float]], list[Scalar]], tuple[str, str]]


def _json(document: Any) -> tuple[str, str]:
    return json.dumps(document), "application/json"


def _wrapped(names: Sequence[Scalar], rows: list[list[float]], labels: list[Scalar]) -> tuple[str, str]:
    csv = "\n".join(f'{label},"{row}"' for label, row in zip(labels, rows, strict=True))
    return _json({"version": "1.0", "predictions": {"content_type": "text/csv", "data": csv}, "explanations": {}})


def _tensors(names: Sequence[Scalar], rows: list[list[float]], labels: list[Scalar]) -> tuple[str, str]:
    fields = {f"Probability_{n}": [row[i] for row in rows] for i, n in enumerate(names)}
    one = [{"name": n, "shape": [len(rows)], "datatype": "FP64", "data": d} for n, d in fields.items()]
    return _json({"outputs": [{"name": "Label", "shape": [len(rows), 1], "datatype": "BYTES", "data": labels}, *one]})


def _header(names: Sequence[Scalar], rows: list[list[float]], labels: list[Scalar]) -> tuple[str, str]:
    lines = [",".join(["target", *(f"{n}_proba" for n in names)])]
    lines += [",".join([str(label), *map(repr, row)]) for label, row in zip(labels, rows, strict=True)]
    return "\n".join(lines), "text/csv"


FORMS: dict[str, Body] = {
    "matrix": lambda names, rows, labels: _json({"predictions": rows}),
    "bare matrix": lambda names, rows, labels: _json(rows),
    "nested text": lambda names, rows, labels: _json(json.dumps({"result": rows})),
    "objects": lambda names, rows, labels: _json(
        {"predictions": [{"score": r, "predicted_label": c} for r, c in zip(rows, labels, strict=True)]}
    ),
    "lines": lambda names, rows, labels: (
        "\n".join(json.dumps({"score": r, "predicted_label": c}) for r, c in zip(rows, labels, strict=True)),
        "application/jsonlines",
    ),
    "columns": lambda names, rows, labels: _json({"predictions": labels, "probabilities": rows}),
    "maps": lambda names, rows, labels: _json(
        {
            "results": [
                {"probas": {str(n): p for n, p in zip(names, r, strict=True)}, "prediction": str(c)}
                for r, c in zip(rows, labels, strict=True)
            ]
        }
    ),
    "fields": lambda names, rows, labels: _json([{str(n): p for n, p in zip(names, r, strict=True)} for r in rows]),
    "named": lambda names, rows, labels: _json(
        [{"classes": [str(n) for n in reversed(names)], "scores": r[::-1]} for r in rows]
    ),
    "csv": lambda names, rows, labels: (
        "\n".join(f'{c},"{r}"' for r, c in zip(rows, labels, strict=True)),
        "text/csv",
    ),
    "csv with a header": _header,
    "wrapped csv": _wrapped,
    "tensors by class": _tensors,
    "a matrix tensor": lambda names, rows, labels: _json(
        {"outputs": [{"name": "p", "shape": [len(rows), len(names)], "data": [v for r in rows for v in r]}]}
    ),
}


def _labels(names: Sequence[Scalar], rows: list[list[float]]) -> list[Scalar]:
    return [names[row.index(max(row))] for row in rows]


@pytest.mark.parametrize("form", FORMS)
@given(drawn=classified(), data=st.data())
def test_a_form_is_recognised_and_read(
    form: str, drawn: tuple[tuple[Scalar, ...], list[list[float]]], data: st.DataObject
) -> None:
    names, rows = drawn
    labels = _labels(names, rows)
    task: Task = "binary" if len(names) == 2 else "multiclass"
    body, content_type = FORMS[form](names, rows, labels)
    spec = recognise(body.encode(), content_type, len(rows), task, names)
    output = output_of(spec, task, names)
    answer = decode(body.encode(), content_type, len(rows), output, spec)
    sound(answer, len(rows), output)
    assert answer.to_pydict() == {"prediction": labels, "probabilities": [pytest.approx(r, abs=1e-12) for r in rows]}
    # The registered order moves probabilities and no label.
    order = data.draw(st.permutations(range(len(names))))
    moved = Output(task, output.type, tuple(names[i] for i in order), probabilities=True)
    other = decode(body.encode(), content_type, len(rows), moved, spec)
    assert other.column("prediction").equals(answer.column("prediction"))
    before, after = answer.column("probabilities").to_pylist(), other.column("probabilities").to_pylist()
    assert after == [[row[i] for i in order] for row in before]


SCORED: dict[str, Callable[[list[float]], tuple[str, str]]] = {
    "numbers": lambda p: _json({"predictions": p}),
    "lists of one": lambda p: _json({"outputs": {"dense": [[v] for v in p]}}),
    "objects": lambda p: _json({"predictions": [{"score": v} for v in p]}),
    "a line each": lambda p: ("\n".join(map(repr, p)), "text/csv"),
    "one line": lambda p: (",".join(map(repr, p)), "text/csv"),
    "a tensor": lambda p: _json({"outputs": [{"name": "y", "shape": [len(p), 1], "data": [[v] for v in p]}]}),
}


@pytest.mark.parametrize("form", SCORED)
@given(scores=st.lists(st.integers(1, 999).map(lambda i: i / 1000), min_size=3, max_size=6))
def test_scores_of_the_last_class_and_regressions(form: str, scores: list[float]) -> None:
    body, content_type = SCORED[form](scores)
    answer = try_both(body.encode(), content_type, len(scores), "binary", ("no", "yes"))
    assert answer is not None
    assert answer.column("prediction").to_pylist() == ["yes" if p >= 0.5 else "no" for p in scores]
    assert [row[1] for row in answer.column("probabilities").to_pylist()] == scores
    values = try_both(body.encode(), content_type, len(scores), "regression", ())
    assert values is not None
    assert values.to_pydict() == {"prediction": scores}


@given(classified(), st.data())
def test_the_wrong_order_is_refused_where_labels_show_it(
    drawn: tuple[tuple[Scalar, ...], list[list[float]]], data: st.DataObject
) -> None:
    names, rows = drawn
    labels = _labels(names, rows)
    wrong = data.draw(st.permutations(names))
    assume(all(canonical(a) != canonical(b) for a, b in zip(_labels(wrong, rows), labels, strict=True)))
    body, content_type = FORMS["objects"](names, rows, labels)
    with pytest.raises(MusterError, match=r"in the order|is high where|whatever the label"):
        recognise(body.encode(), content_type, len(rows), "binary" if len(names) == 2 else "multiclass", wrong)
