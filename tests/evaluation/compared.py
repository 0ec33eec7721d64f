"""Evaluations of several models on the same rows, made without a hub; and their comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from muster.evaluation.comparison import Comparison
from muster.evaluation.result import Evaluation
from muster.evaluation.subject import Subject
from muster.profile import Rows
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.question import Question, Segmenting
from muster.records import EvaluationRecord, new_id, now
from muster.signature import Output

LABELS = ("on time", "late")
NOISES = (0.5, 0.9, 0.55, 0.2, 0.7, 2.0)
"""Of each model; the first is the reference."""
PARTS = (*("north",) * 6, *("south",) * 3, "west")


def evaluation(question: Question, table: pa.Table, number: int, *, champion: bool = False, **more: Any) -> Evaluation:
    """Of version `delays:<number>`."""
    profile = EvaluationProfile(question)
    for batch in table.combine_chunks().to_batches():
        profile.update(Rows(batch))
    record = EvaluationRecord(
        id=new_id(), run=new_id(), model="delays", number=number, task=question.output.task, target=question.target,
        data="/data/rows.parquet", fingerprint="f" * 64, digest=f"{profile.digest:016x}", rows=profile.rows,
        counted=profile.whole.rows, profile="p" * 64, created_at=now(), created_by="ada",
    )  # fmt: skip
    return Evaluation(replace(record, **more), profile, Subject(champion=champion))


def question(kind: str) -> Question:
    output, probabilities, prediction = Output("regression", pa.float64()), (), "p"
    if kind == "binary":
        output = Output("binary", pa.string(), LABELS, probabilities=True)
        return Question(output=output, target="y", probabilities=("p",), segments=(Segmenting(("part",)),))
    if kind == "multiclass":
        output = Output("multiclass", pa.int64(), (0, 1, 2), probabilities=True)
        return Question(output=output, target="y", probabilities=("p0", "p1", "p2"))
    return Question(
        output=output, target="y", probabilities=probabilities, prediction=prediction, segments=(Segmenting(("part",)),)
    )


def table(kind: str, noise: float, rows: int = 4_000) -> pa.Table:
    """The same rows at every call, predicted with more noise or less."""
    same, own = np.random.default_rng(5), np.random.default_rng(int(1_000 * noise))
    part = same.choice(np.array(PARTS, dtype=object), rows)
    part[:20] = "few <b>"
    if kind == "binary":
        late = same.random(rows) < 0.3
        score = 1 / (1 + np.exp(1 - 2 * late - noise * own.normal(size=rows)))
        return pa.table({"y": np.where(late, LABELS[1], LABELS[0]), "p": score, "part": part})
    if kind == "multiclass":
        y = same.integers(0, 3, rows)
        given = same.dirichlet(np.ones(3), rows) + np.eye(3)[y] * (1 - noise / 3)
        given /= given.sum(1, keepdims=True)
        return pa.table({"y": y, "part": part, **{f"p{n}": given[:, n] for n in range(3)}})
    actual = same.gamma(2, 50, rows)
    return pa.table({"y": actual, "p": actual * own.lognormal(0, noise / 3, rows), "part": part})


@cache
def comparison(kind: str, count: int, champion: int = -1, rows: int = 4_000) -> Comparison:
    """Of so many models, of which the one at the place `champion` is it."""
    return Comparison(evaluations(kind, range(count), champion=champion, rows=rows))


def evaluations(kind: str, places: Sequence[int], *, champion: int = -1, rows: int = 4_000) -> list[Evaluation]:
    return [evaluation(question(kind), table(kind, NOISES[n], rows), n + 1, champion=n == champion) for n in places]


def with_facts(found: Evaluation, facts: Mapping[str, Any]) -> Evaluation:
    return Evaluation(found.record, found.profile, replace(found.subject, facts=dict(facts)))
