"""Evaluations are paired where they are known to be of the same rows, with the same actual values and weights; nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from muster.evaluation.comparison import Comparison, Contest
from muster.evaluation.result import Evaluation
from muster.profile import Rows
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.question import Question
from muster.signature import Output
from tests.evaluation.compared import evaluation

ROWS = 400
TASKS = ("binary", "multiclass", "regression", "multilabel", "multioutput")
NUMBER = Output("regression", pa.float64())
CLASSES = Output("binary", pa.int64(), (0, 1))


def asked(task: str, *, weight: bool = False) -> Question:
    outputs = {
        "binary": Output("binary", pa.int64(), (0, 1)),
        "multiclass": Output("multiclass", pa.int64(), (0, 1, 2)),
        "regression": NUMBER,
        "multilabel": Output("multilabel", pa.list_(pa.bool_(), 2), ("a", "b")),
        "multioutput": Output("multioutput", pa.struct([("a", pa.float64()), ("b", pa.int64())]), (), False, {"a": NUMBER, "b": CLASSES}),
    }  # fmt: skip
    several = task in ("multilabel", "multioutput")
    return Question(
        output=outputs[task],
        target="a, b" if several else "y",
        targets=("a", "b") if several else (),
        prediction=None if several else "p",
        predictions=("pa", "pb") if several else (),
        weight="w" if weight else None,
        key=("id",),
    )


def rows(task: str) -> pa.Table:
    chance = np.random.default_rng(3)
    whole = chance.integers(0, 3 if task == "multiclass" else 2, (4, ROWS))
    columns = {"id": np.arange(ROWS), "y": whole[0], "p": whole[1], "w": chance.random(ROWS)}
    if task == "multilabel":
        columns |= {name: one.astype(bool) for name, one in zip(("a", "b", "pa", "pb"), whole, strict=True)}
    if task == "multioutput":
        numbers = chance.gamma(2, 50, (2, ROWS))
        columns |= {"a": numbers[0], "pa": numbers[1], "b": whole[2], "pb": whole[3]}
    return pa.table(columns)


def shuffled(table: pa.Table) -> pa.Table:
    return table.take(pa.array(np.random.default_rng(4).permutation(ROWS)))


def swapped(table: pa.Table, name: str) -> pa.Table:
    """With the values of two rows that differ in it in each other's place: no count and no sum tells."""
    values = table[name].to_pylist()
    other = next(n for n in range(1, ROWS) if values[n] != values[0])
    values[0], values[other] = values[other], values[0]
    return table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))


def made(question: Question, table: pa.Table, number: int) -> Evaluation:
    return evaluation(question, table, number, fingerprint=str(number) * 64)


def contest(question: Question, table: pa.Table, other: pa.Table) -> Contest:
    return Comparison([made(question, table, 1), made(question, other, 2)]).contests[0]


@pytest.mark.parametrize("task", TASKS)
def test_the_same_rows_in_another_order_are_paired(task: str) -> None:
    for weight in (False, True):
        found = contest(asked(task, weight=weight), rows(task), shuffled(rows(task)))
        assert found.paired, found.reason


@pytest.mark.parametrize("task", TASKS)
def test_rows_with_other_actual_values_are_not_paired(task: str) -> None:
    for name in ("y",) if "y" in asked(task).columns else ("a", "b"):
        found = contest(asked(task), rows(task), shuffled(swapped(rows(task), name)))
        assert found.reason == "the same rows have other actual values", name


@pytest.mark.parametrize("task", TASKS)
def test_rows_with_other_weights_are_not_paired(task: str) -> None:
    question = asked(task, weight=True)
    found = contest(question, rows(task), swapped(rows(task), "w"))
    assert found.reason == "the same rows have other actual values or weights"
    assert contest(asked(task), rows(task), swapped(rows(task), "w")).paired  # which nothing weighs


def test_inverted_labels_are_not_said_to_be_worse_on_the_same_rows() -> None:
    table = rows("binary")
    inverted = table.set_column(1, "y", pa.array(1 - table["y"].to_numpy()))
    found = contest(asked("binary"), table, inverted)
    assert not found.paired
    assert "same rows" not in found.verdict.text


@pytest.mark.parametrize("kinds", [(pa.float64(), pa.int32()), (pa.float64(), pa.int64())])
def test_the_same_numbers_of_another_type_are_the_same(kinds: tuple[pa.DataType, pa.DataType]) -> None:
    values = np.array([0, -0.0, 1, 2])
    one, other = (pa.table({"id": [0, 1, 2, 3], "y": pa.array(values).cast(k), "p": [1.0, 2, 3, 5]}) for k in kinds)
    assert contest(asked("regression"), one, other).paired


def test_chunks_and_merged_parts_tell_the_same() -> None:
    question, table = asked("regression", weight=True), rows("regression")
    whole, parts = EvaluationProfile(question), EvaluationProfile(question)
    whole.update(Rows(table.combine_chunks().to_batches()[0]))
    for piece in shuffled(table).combine_chunks().to_batches(max_chunksize=37):
        part = EvaluationProfile(question)
        part.update(Rows(piece))
        parts.merge(part)
    assert whole.values == parts.values == EvaluationProfile.decode(whole.encode()).values
    assert whole.values != whole.digest


def test_what_an_older_release_did_not_note_is_not_taken_to_be_so() -> None:
    question, table = asked("binary"), rows("binary")
    first, older = made(question, table, 1), made(question, table, 2)
    older.profile.values = None
    again = EvaluationProfile.decode(older.profile.encode())
    assert again.values is None
    assert again.encode() == older.profile.encode()
    (found,) = Comparison([first, Evaluation(older.record, again)]).contests
    assert found.reason == (
        f"whether the same rows have the same actual values is not known of {older.id}, which did not note it: evaluate again"
    )
    same_data = replace(older.record, fingerprint=first.record.fingerprint)
    assert Comparison([first, Evaluation(same_data, again)]).contests[0].paired
    again.merge(first.profile)
    assert again.values is None
