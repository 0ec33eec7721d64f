"""What is said of figures that are known to a bound only: requirements, verdicts and sentences."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from muster.cli.figures import notes
from muster.evaluation.comparison import Comparison
from muster.evaluation.report import document
from muster.evaluation.requirements import Requirement
from muster.evaluation.result import Evaluation
from muster.evaluation.tables import INTERVAL, Table
from muster.evaluation.verdict import outcome
from muster.metrics.figure import Figure
from muster.metrics.naming import Named
from tests.evaluation.compared import LABELS, evaluation, question

_ROWS = 70_000


@cache
def _tiny() -> list[Evaluation]:
    """Two models whose scores share a cell: AUC 0.76 and 0.56 in truth."""
    random = np.random.default_rng(11)
    late = random.random(_ROWS) < 0.3
    found = []
    for number, skill in enumerate((1.0, 0.2)):
        score = 1e-12 * np.exp(random.normal(size=_ROWS) + skill * late)
        table = pa.table(
            {"y": np.where(late, LABELS[1], LABELS[0]), "p": score, "part": random.choice(["a", "b"], _ROWS)}
        )
        found.append(evaluation(question("binary"), table, number + 1))
    return found


@pytest.mark.parametrize(
    ("text", "bound", "met"),
    [
        ("m>=0.6", 0.05, True),
        ("m>=0.6", 0.11, False),
        ("m<=0.75", 0.05, True),
        ("m<=0.75", 0.06, False),
        ("m>=0.71", 0.0, False),
        ("m.low>=0.6", 0.11, True),
    ],
)
def test_all_that_a_figure_can_be_has_to_meet_a_requirement(text: str, bound: float, met: bool) -> None:
    assert Requirement.parse(text).met(Figure("m", 0.7, 10, 0.65, 0.75, bound=bound)) is met


def test_no_requirement_is_met_by_a_figure_that_is_not_known() -> None:
    asked = ["roc_auc<=0.55", "roc_auc>=0.45", "roc_auc.high<=0.6", "roc_auc>=0.6"]
    told = _tiny()[0].require(*asked)
    assert not any(v.passed for v in told)
    assert told[0].reason == (
        "roc_auc is 0.5000 ± 0.5, as values share cells, and all of it on the right side of 0.55 is asked for"
    )
    assert "roc_auc has no high: values that share cells" in told[2].reason
    assert told[3].reason == "roc_auc is 0.5000 ± 0.5, and 0.6 is asked for"


def test_a_reason_has_the_digits_that_decide() -> None:
    found = _tiny()[0]
    value = found.metrics["log_loss"].value
    assert value is not None
    (told,) = found.require(f"log_loss<={value - 1e-9!r}")
    first, second = told.reason.removeprefix("log_loss is ").removesuffix(" is asked for").split(", and ")
    assert not told.passed
    assert float(first) > float(second)


def test_models_that_share_a_cell_get_no_verdict() -> None:
    told = Comparison(_tiny()).contests[0].verdict
    assert told.outcome is None
    assert "has no verdict: ROC AUC" in told.text
    assert "0.000 ±\u202f1, same rows (values that share cells" in told.text


def test_a_difference_that_cells_may_explain_is_not_said_to_be_chance() -> None:
    metric = Named("roc_auc", "ROC AUC", "higher")
    assert outcome(Figure("roc_auc", 0.01, 9, -0.002, 0.022, bound=0.003), metric) is None
    assert outcome(Figure("roc_auc", 0.01, 9, -0.005, 0.025, bound=0.003), metric) == ""
    assert outcome(Figure("roc_auc", 0.01, 9, 0.001, 0.019, bound=0.003), metric) == "better"


@pytest.mark.parametrize("name", ["roc", "precision_recall", "gain", "lift", "tenths"])
def test_charts_do_not_say_what_cells_hide(name: str) -> None:
    chart = _tiny()[0].charts[name]
    assert "too many scores share a cell" in chart.reading
    assert "interval" not in chart.note


def test_parts_that_share_a_cell_are_not_said_to_differ() -> None:
    reading = _tiny()[0].charts["segment:part"].reading
    assert reading.startswith("Accuracy is")
    assert "Of ROC AUC it is not known how the parts differ" in reading
    assert "ROC AUC is" not in reading


def test_figures_of_parts_say_how_far_they_can_be_off() -> None:
    found = _tiny()[0]
    parts = found.segments["part"]
    assert notes(parts["a"], ["roc_auc", "accuracy"], small=False) == "roc_auc ± 0.5"
    assert notes(parts["a"], ["accuracy"], small=True) == "few rows"
    (table,) = (t for t in document(found).blocks if isinstance(t, Table) and t.heading == "By part")
    assert table.rows[0][2] == "0.5000 ± 0.5"
    assert table.columns[3] != INTERVAL
