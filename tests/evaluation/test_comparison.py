"""Comparisons of evaluations: names, verdicts, what is left out, what differs, and the report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import InvalidInput
from muster.evaluation.champion import beside_champion
from muster.evaluation.comparison import Comparison
from muster.evaluation.result import Evaluation, Figures
from muster.evaluation.subject import Effort, Setting, Subject, differing
from muster.evaluation.verdict import difference
from muster.metrics.figure import Figure
from muster.profiles.evaluation import EvaluationProfile
from tests.evaluation.compared import comparison, evaluations, question, table, with_facts
from tests.evaluation.compared import evaluation as evaluated
from tests.profiles.make_evaluations import STORED


def test_a_verdict_says_who_is_better_by_how_much_and_on_which_rows() -> None:
    worse, _, better = comparison("binary", 4).contests
    less = worse.differences["roc_auc"]
    assert (worse.verdict.metric, worse.verdict.outcome, better.verdict.outcome) == ("roc_auc", "worse", "better")
    assert worse.verdict.text == f"delays:2 ranks worse: ROC AUC {difference(less)}, same rows"
    assert re.fullmatch(r"\u22120\.\d{3} \[\u22120\.\d{3}, \u22120\.\d{3}\]", difference(less))
    assert better.verdict.text.startswith("delays:4 ranks better: ROC AUC +0.")
    (numbers,) = comparison("regression", 2).contests
    assert numbers.verdict.text.startswith("delays:2 errs more: root mean squared error +")
    one, other = evaluations("binary", [0, 0])
    (same,) = Comparison([one, other]).contests
    assert same.verdict.text == (f"{same.names[1]} ranks no differently: ROC AUC 0.000 [0.000, 0.000], same rows")
    assert same.verdict.outcome == ""
    apart = Comparison([one, evaluated(question("binary"), table("binary", 0.5), 2, fingerprint="0" * 64)]).contests[0]
    assert apart.verdict.text.startswith("delays:2 ranks no differently beyond chance: ROC AUC 0.000 [\u22120.")
    assert apart.verdict.text.endswith(", other rows")


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [
        (-0.0092, -0.0141, -0.0049, "\u22120.009 [\u22120.014, \u22120.005]"),
        (0.00042, 0.0003, 0.0005, "+0.0004 [0.0003, 0.0005]"),
        (4.72, 3.81, 5.62, "+4.72 [3.81, 5.62]"),
        (1234.5, 1000.0, 1469.0, "+1\u202f234 [1\u202f000, 1\u202f469]"),
        (0.25, None, None, "+0.250"),
        (0.0, 0.0, 0.0, "0.000 [0.000, 0.000]"),
    ],
)
def test_a_difference_has_the_decimals_that_its_interval_is_worth(
    value: float, low: float | None, high: float | None, told: str
) -> None:
    assert difference(Figure("f", value, 10, low, high)) == told


def test_evaluations_are_called_so_that_they_are_told_apart() -> None:
    found = evaluations("binary", [0, 1])
    assert Comparison(found).names == ("delays:1", "delays:2")
    again = evaluated(question("binary"), table("binary", 0.9), 1, data="s3://bucket/march.parquet")
    assert Comparison([found[0], again]).names == ("delays:1 (rows.parquet)", "delays:1 (march.parquet)")
    twin = evaluated(question("binary"), table("binary", 0.9), 1)
    assert Comparison([found[0], twin]).names == tuple(f"delays:1 (…{e.id[-6:]})" for e in (found[0], twin))
    assert Comparison([found[0], found[0]]).names == ("delays:1 (1)", "delays:1 (2)")
    bare = replace(found[1].record, model=None, number=None)
    assert Comparison([found[0], Evaluation(bare, found[1].profile)]).names == ("delays:1", "rows.parquet")


def test_a_regression_is_not_compared_with_a_classification() -> None:
    one, other = evaluations("binary", [0])[0], evaluations("regression", [1])[0]
    with pytest.raises(InvalidInput, match=f"{other.id} is of the task regression, and {one.id} of binary"):
        Comparison([one, other])


def test_nor_what_was_asked_of_another_target_or_another_positive_class() -> None:
    one, other = evaluations("binary", [0, 1])
    else_asked = replace(other.profile.question, target="y2")
    columns = table("binary", 0.9)
    of_y2 = evaluated(else_asked, columns.append_column("y2", columns["y"]), 2)
    with pytest.raises(InvalidInput, match=f"the target of {of_y2.id} is `y2`, and that of {one.id} `y`"):
        Comparison([one, of_y2])
    beside = beside_champion(of_y2, one).vs_champion
    assert beside is not None
    assert beside.contest is None
    inverted = replace(question("binary"), output=replace(question("binary").output, classes=("late", "on time")))
    other_class = evaluated(replace(inverted, target="y2"), columns.append_column("y2", columns["y"]), 3)
    with pytest.raises(
        InvalidInput, match=r"is `y2`, and .*; the classes of .* are late, on time, and those of .* on time, late"
    ):
        Comparison([one, other_class])


def test_what_only_one_has_is_left_out_and_said_why() -> None:
    one, other = evaluations("binary", [0, 1])
    older = Evaluation(other.record, other.profile)
    older.__dict__["metrics"] = Figures({n: f for n, f in other.metrics.items() if n not in ("kappa", "f2")})
    older.profile.written = "muster.evaluation/0"
    found = Comparison([one, older])
    (contest,) = found.contests
    why = "delays:2 lacks it: its profile is of the format muster.evaluation/0, and that of delays:1 of muster.evaluation/3"
    assert contest.left_out == {"kappa": why, "f2": why}
    assert "kappa" not in found.metrics
    assert "kappa" not in contest.differences
    assert contest.differences["roc_auc"].value is not None
    assert found.to_json()["contests"][0]["left_out"] == contest.left_out  # type: ignore[index,call-overload]
    fewer = replace(question("binary"), segments=())
    (contest,) = Comparison([one, evaluated(fewer, table("binary", 0.9), 2)]).contests
    assert contest.left_out == {"part": "delays:2 lacks it"}
    cut = table("binary", 0.9).slice(20)
    (contest,) = Comparison([one, evaluated(question("binary"), cut, 2)]).contests
    assert contest.left_out == {"part=few <b>": "delays:2 lacks it"}


def test_costs_are_compared_where_they_are_the_same() -> None:
    priced = [replace(question("binary"), costs=((0.0, 1.0), (5.0, low))) for low in (0.0, 0.0, -1.0)]
    one, same, other = (
        evaluated(asked, table("binary", noise), n)
        for n, (asked, noise) in enumerate(zip(priced, (0.5, 0.9, 0.9), strict=True), 1)
    )
    (contest,) = Comparison([one, same]).contests
    assert contest.metric("cost").better == "lower"
    assert contest.differences["cost"].method == "jackknife"
    assert any(
        row["metric"] == "Mean cost of a row (lower is better)"
        for row in Comparison([one, same]).charts["differences"].table
    )
    found = Comparison([one, other])
    assert found.contests[0].left_out == {"cost": "it is by other costs"}
    assert "cost" not in found.metrics


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_profiles_that_were_stored_compare_with_those_of_today(kind: str) -> None:
    stored = EvaluationProfile.decode((STORED / f"evaluation-1-{kind}.bin").read_bytes())
    assert stored.written == "muster.evaluation/1"
    again = EvaluationProfile.decode(stored.encode())
    record = replace(
        evaluations("binary", [0])[0].record, task=stored.question.output.task, digest="0", counted=stored.whole.rows
    )
    one, other = Evaluation(record, stored), Evaluation(replace(record, number=2), again)
    (contest,) = Comparison([one, other]).contests
    assert contest.paired
    assert not contest.left_out
    assert {f.value for f in contest.differences.values() if f.value is not None} == {0.0}
    assert set(Comparison([one, other]).charts) >= {"differences"}


def test_what_differs_is_told_in_the_order_in_which_it_is_known() -> None:
    one = Subject(
        facts={
            "origin": "python",
            "digest": "a" * 64,
            "package numpy": "2.1",
            "column x": "int64",
            "probabilities": True,
        }
    )
    other = Subject(
        facts={
            "origin": "python",
            "digest": "b" * 64,
            "package numpy": "2.2",
            "column y": "double",
            "probabilities": False,
        }
    )
    found = differing([one, other])
    assert [s.what for s in found] == ["digest", "package numpy", "column x", "probabilities", "column y"]
    assert [s.told for s in found][1:] == [("2.1", "2.2"), ("int64", "–"), ("yes", "no"), ("–", "double")]
    assert found[0].told == ("aaaaaaaaaaaa…", "bbbbbbbbbbbb…")
    assert differing([one, one]) == ()
    assert found[1] == Setting("package numpy", ("2.1", "2.2"))


def test_speed_is_told_only_where_it_is_known() -> None:
    assert Effort(rows=100, seconds=2.0).rate == 50
    assert Effort(rows=100).rate is None
    assert Effort(rows=0, seconds=0.0).to_json()["rows_per_second"] is None


def _compared(kind: str) -> Comparison:
    one, other = evaluations(kind, [0, 1], champion=0)
    fast = Effort(rows=4_000, seconds=0.5, asked={"tries": 12.0}, cost=0.25)
    first = Evaluation(one.record, one.profile, replace(one.subject, effort=fast))
    return Comparison(
        [with_facts(first, {"package <i>numpy": "2.1"}), with_facts(other, {"package <i>numpy": "2.2 | x"})]
    )


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_report_has_all_of_it_and_asks_for_nothing(kind: str, tmp_path: Path) -> None:
    found = _compared(kind)
    found.report(tmp_path / "compared.html")
    page = (tmp_path / "compared.html").read_text()
    assert len(page.encode()) < 2_000_000
    words = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)\s*=", words)
    assert "default-src &#x27;none&#x27;" in page
    assert "<i>numpy" not in words
    assert "package &lt;i&gt;numpy" in words
    assert '<td class="word">champion</td>' in words
    for text in (
        "Comparison with delays:1",
        "Reference",
        "delays:2 less delays:1",
        "What differs",
        "8\u202f000",
        "0.25",
    ):
        assert text in words, text
    for name in found.metrics:
        assert f">{name}</td>" in words
    shown = [name for name in found.charts if f'id="chart-{re.sub(r"[^0-9A-Za-z_]+", "-", name)}"' in words]
    assert shown == list(found.charts)


def test_markdown_says_the_same_in_words(tmp_path: Path) -> None:
    found = _compared("binary")
    found.report(tmp_path / "compared.md")
    text = (tmp_path / "compared.md").read_text()
    assert f"- **Verdict**: {found.contests[0].verdict.text}" in text
    assert found.charts["roc"].text in text
    assert "| package <i>numpy | 2.1 | 2.2 \\| x |" in text
    less = found.contests[0].differences["log_loss"]
    assert less.value is not None
    assert f"| log_loss | lower | +{less.value:.4f} |" in text
    with pytest.raises(InvalidInput, match=r"no report is written as `compared\.doc`"):
        found.report(tmp_path / "compared.doc")


def test_of_many_classes_those_with_the_most_rows_are_drawn(tmp_path: Path) -> None:
    found = comparison("multiclass", 6)
    found.report(tmp_path / "compared.md")
    text = (tmp_path / "compared.md").read_text()
    counts = found.reference.confusion
    assert counts is not None
    most = max(range(3), key=lambda n: sum(counts[n]))
    assert [n for n in range(3) if found.charts[f"roc:{n}"].text in text] == [most]
    assert "- **Charts**: those of the classes with the most rows; 8 more are in `charts`" in text


def test_the_champion_stands_beside_an_evaluation() -> None:
    champion, other = evaluations("binary", [0, 1])
    found = beside_champion(other, champion)
    assert found.vs_champion is not None
    assert found.vs_champion.words == "delays:1, on the same rows"
    less, own, its = (
        f.value
        for f in (found.vs_champion.difference("log_loss"), other.metrics["log_loss"], champion.metrics["log_loss"])
    )
    assert less is not None
    assert own is not None
    assert its is not None
    assert less == pytest.approx(own - its)
    assert found.vs_champion.to_json()["ref"] == "delays:1"
    numbers = beside_champion(evaluations("regression", [1])[0], champion).vs_champion
    assert numbers is not None
    assert numbers.contest is None
    assert numbers.reason.startswith("they cannot be compared: ")
    assert numbers.difference("rmse").reason == numbers.reason
