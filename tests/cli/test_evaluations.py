"""`muster evaluate`, `muster evaluation` and `muster compare`, over data that are scored already: no model need be loaded."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import muster
from tests.cli.helpers import Answer, call

ROWS = 2_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`scored.parquet` and `other.parquet` of the same rows, of which the second is better, and `prices.parquet` with numbers."""
    folder = tmp_path_factory.mktemp("evaluations")
    random = np.random.default_rng(3)
    late = random.random(ROWS) < 0.3
    for name, noise in (("scored", 0.9), ("other", 0.5)):
        p = 1 / (1 + np.exp(1 - 2 * late - noise * random.normal(size=ROWS)))
        label = np.where(p >= 0.5, "yes", "no")
        table = {
            "id": np.arange(ROWS),
            "late": np.where(late, "yes", "no"),
            "tier": np.where(np.arange(ROWS) % 10, "plain", "premium"),
        }
        pq.write_table(
            pa.table(table | {"prediction": label, "probability_no": 1 - p, "probability_yes": p}),
            folder / f"{name}.parquet",
        )
    price = random.gamma(2, 50, ROWS)
    pq.write_table(
        pa.table({"price": price, "prediction": price * random.lognormal(0, 0.2, ROWS)}), folder / "prices.parquet"
    )
    muster.open(folder / "hub").close()
    return folder


def _call(made: Path, *arguments: str | Path) -> Answer:
    return call(*arguments, "--hub", made / "hub")


def _evaluated(made: Path, data: str, *more: str) -> str:
    answer = _call(made, "evaluate", made / data, "--target", "late", "--key", "id", "--json", *more)
    assert answer.code == 0, answer.err
    return str(answer.json["id"])


def test_every_figure_is_told_with_its_interval(made: Path) -> None:
    answer = _call(made, "evaluate", made / "scored.parquet", "--target", "late", "--segments", "tier")
    assert answer.code == 0
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert any(line.startswith("rows 2,000 measured of 2,000") for line in lines)
    assert "target late (binary, `yes` is positive)" in lines
    (auc,) = [line for line in lines if line.startswith(("metrics roc_auc", "roc_auc"))]
    assert " to " in auc
    assert auc.endswith("exact –")
    assert any(line.startswith("premium 200") for line in lines)
    assert "muster evaluation show" in answer.err


def test_json_has_the_same_keys_as_what_is_shown_later(made: Path) -> None:
    told = _call(made, "evaluate", made / "scored.parquet", "--target", "late", "--label", "month=2", "--json").json
    assert told["metrics"]["roc_auc"]["exact"] is True
    assert told["labels"] == {"month": "2"}
    assert told.pop("requirements") == []
    assert _call(made, "evaluation", "show", told["id"], "--json").json == told
    listed = _call(made, "evaluation", "list", "tag.month=2", "--json").json
    assert [e["id"] for e in listed["items"]] == [told["id"]]
    assert _call(made, "evaluation", "list", "tag.month=3").err.startswith("nothing matches")


def test_numbers_have_their_own_figures(made: Path) -> None:
    told = _call(made, "evaluate", made / "prices.parquet", "--target", "price", "--json").json
    assert (told["task"], told["confusion"]) == ("regression", None)
    assert 0.5 < told["metrics"]["r2"]["value"] < 1
    assert told["dummy"]["r2"] == pytest.approx(0, abs=1e-12)
    assert " mae " in _call(made, "evaluation", "show", told["id"]).out


def test_intervals_and_sides_of_numbers(made: Path) -> None:
    price = pq.read_table(made / "prices.parquet")
    ends = {"lo": pa.array(price["prediction"].to_numpy() - 20), "hi": pa.array(price["prediction"].to_numpy() + 20)}
    for name, values in ends.items():
        price = price.append_column(name, values)
    pq.write_table(price, made / "ends.parquet")
    asked = ("evaluate", made / "ends.parquet", "--target", "price", "--interval", "lo,hi", "--level", "0.9")
    told = _call(made, *asked, "--json").json
    assert told["coverage"]["level"] == 0.9
    assert told["coverage"]["inside"]["value"] == told["metrics"]["interval_coverage"]["value"]
    assert len(told["coverage"]["tenths"]) == 10
    assert [side["name"] for side in told["sides"]["sides"]] == ["too low", "within", "too high"]
    lines = [" ".join(line.split()) for line in _call(made, "evaluation", "show", told["id"]).out.splitlines()]
    assert any("too low" in line for line in lines)
    assert any(line.startswith("too high") for line in lines)


def test_the_worst_mistakes_are_shown_by_kind(made: Path) -> None:
    identity = _evaluated(made, "scored.parquet")
    told = _call(made, "evaluation", "show", identity, "--mistakes", "--json").json
    assert told["next"] is None
    assert [m["kind"] for m in told["items"]] == ["false positives"] * 25 + ["false negatives"] * 25
    assert set(told["items"][0]["values"]) == {"id", "tier"}
    lines = _call(made, "evaluation", "show", identity, "--mistakes", "--csv").out.splitlines()
    assert lines[0] == "kind,file,row,actual,predicted,probability,loss,id,tier"
    assert len(lines) == 51
    shown = _call(made, "evaluation", "show", identity, "--mistakes").out.splitlines()
    assert shown[0].split() == ["kind", "row", "actual", "predicted", "probability", "id", "tier"]
    refused = _call(made, "evaluation", "show", identity, "--csv")
    assert refused.code == 2
    assert "add --mistakes" in refused.err


def test_a_report_that_cannot_be_written_is_told_before_anything_is_counted(made: Path) -> None:
    asked = ("evaluate", made / "scored.parquet", "--target", "late", "--label", "for=nothing", "--report")
    answer = _call(made, *asked, made / "report.doc")
    assert answer.code == 2
    assert "no report is written as `report.doc`" in answer.err
    assert _call(made, "evaluation", "list", "tag.for=nothing", "--json").json["items"] == []
    assert _call(made, *asked, made / "report.pdf").code == 0
    assert (made / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_report_that_fails_after_all_loses_nothing(made: Path) -> None:
    full = made / "full.md"
    full.symlink_to("/dev/full")
    asked = ("evaluate", made / "scored.parquet", "--target", "late", "--require", "accuracy>=0.999", "--report", full)
    answer = _call(made, *asked)
    assert answer.code == 1
    assert "roc_auc " in answer.out
    assert "not met  accuracy>=0.999: " in answer.err
    assert f"{full} cannot be written: No space left on device" in answer.err
    (again,) = re.findall(r"muster (evaluation show \w+ --report )", answer.err)
    told = _call(made, *again.split(), made / "second.md")
    assert (told.code, "report  → " in told.err, (made / "second.md").exists()) == (0, True, True)
    answer = _call(made, *asked, "--json")
    assert answer.json["metrics"]["roc_auc"]["value"] is not None
    assert answer.error["type"] == "NotWritten"
    one, other = _evaluated(made, "scored.parquet"), _evaluated(made, "other.parquet")
    answer = _call(made, "compare", one, other, "--report", full)
    assert (answer.code, "less scored.parquet" in answer.out) == (1, True)
    assert f"muster compare {one} {other} --report {full}" in answer.err
    for command in (("compare", "nobody:1", "nobody:2"), ("evaluation", "show", one)):
        answer = _call(made, *command, "--report", made / "nowhere" / "x.md")
        assert (answer.code, "there is no folder" in answer.err, answer.out) == (2, True, "")


def test_texts_of_rows_are_kept_unless_told_otherwise(made: Path) -> None:
    for option, values in (("--texts", {"id", "tier"}), ("--no-texts", {"id"})):
        identity = _evaluated(made, "scored.parquet", option)
        told = _call(made, "evaluation", "show", identity, "--mistakes", "--json").json
        assert set(told["items"][0]["values"]) == values


def test_requirements_decide_the_exit_code(made: Path) -> None:
    met = ("--require", "roc_auc>=0.6", "--require", "recall>=0.1 for tier=premium")
    arguments = ("evaluate", made / "scored.parquet", "--target", "late", "--segments", "tier", *met)
    assert _call(made, *arguments).code == 0
    answer = _call(made, *arguments, "--require", "roc_auc.low>=0.999", "--json")
    assert answer.code == 1
    assert answer.error["type"] == "RequirementFailed"
    assert "1 of 3 requirements not met: `roc_auc.low>=0.999`: roc_auc.low is 0." in answer.error["message"]
    assert [r["passed"] for r in answer.json["requirements"]] == [True, True, False]
    before = len(_call(made, "evaluation", "list", "--json").json["items"])
    answer = _call(made, *arguments, "--require", "good enough")
    assert (answer.code, "`good enough` is no requirement" in answer.err) == (2, True)
    assert len(_call(made, "evaluation", "list", "--json").json["items"]) == before, "told before anything is counted"


def test_what_nobody_hears_is_refused(made: Path) -> None:
    asked = ("evaluate", made / "scored.parquet", "--target", "late", "--param", "depth=3", "--map", "x=id")
    answer = _call(made, *asked)
    assert answer.code == 2
    assert "the parameter `depth`, the mapping of `x` would change nothing" in answer.err
    one, other = _evaluated(made, "scored.parquet"), _evaluated(made, "other.parquet")
    answer = _call(made, "compare", one, other, "--data", made / "other.parquet", "--segments", "tier")
    assert (answer.code, "`data`, `segments` would be asked of versions" in answer.err) == (2, True)


def test_many_rows_that_are_left_out_are_told_prominently(made: Path) -> None:
    told = pq.read_table(made / "scored.parquet", columns=["late", "probability_yes"]).to_pydict()
    for name, factor in (("wide", 2), ("share", 1)):
        values = [p * factor for p in told["probability_yes"]]
        pq.write_table(pa.table({"late": told["late"], "p": values}), made / f"{name}.parquet")
    asked = ("--target", "late", "--probabilities", "p", "--classes", "no,yes", "--require", "rows>=1900")
    answer = _call(made, "evaluate", made / "wide.parquet", *asked)
    assert answer.code == 1
    assert re.search(
        r"warning: \d{3} of 2,000 rows \(\d\d\.\d%\) are in no figure: \d{3} have probabilities", answer.err
    )
    answer = _call(made, "evaluate", made / "share.parquet", *asked)
    assert (answer.code, "warning" in answer.err) == (0, False)


def test_parts_between_edges_are_named_and_required_of(made: Path) -> None:
    arguments = (
        "evaluate",
        made / "scored.parquet",
        "--target",
        "late",
        "--segments",
        "tier,id",
        "--segments",
        "id*tier",
    )
    assert "`id × tier` has 2,000 values" in _call(made, *arguments).err
    require = ("--require", "accuracy>0 for tier=premium", "--require", "accuracy>0 for id=1999.5 or more")
    answer = _call(made, *arguments[:4], "--segments", "id:500,1999.5", "--segments", "tier", *require)
    assert answer.code == 1
    assert "no row has id=1999.5 or more" in answer.out + answer.err
    assert "500 to 1999.5" in answer.out
    lines = [" ".join(line.split()) for line in _call(made, *arguments[:4], "--segments", "id").out.splitlines()]
    assert "Cut near its fifths, as 2,000 rows tell." in lines
    assert any(line.startswith("400 to 800 400") for line in lines)


def test_groups_and_weak_segments_are_told(made: Path) -> None:
    asked = ("--protected", "tier", "--protected", "id:500,1000", "--weak-segments")
    answer = _call(made, "evaluate", made / "scored.parquet", "--target", "late", *asked)
    assert answer.code == 0, answer.err
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    (head,) = [line for line in lines if line.startswith("fairness tier rows selection_rate")]
    assert "true_positive_rate" in head
    assert any(line.startswith("over tier value") for line in lines)
    assert any(line.startswith("demographic_parity_ratio ") and " to " in line for line in lines)
    assert any(line.startswith("The four-fifths rule is") for line in lines)
    assert any(line.startswith("500 to 1000 500") for line in lines)
    assert any(line.startswith("weak no segment is predicted worse") for line in lines)
    assert any("segments of 30 rows or more were looked at, in 2 columns" in line for line in lines)
    failed = _call(
        made,
        "evaluate",
        made / "scored.parquet",
        "--target",
        "late",
        *asked,
        "--require",
        "demographic_parity_ratio>=0.999 for tier",
        "--json",
    )
    assert failed.code == 1
    assert failed.json["fairness"]["tier"]["reference"] == "plain"
    assert failed.json["weak_segments"]["segments"] == []
    worse = _call(made, "evaluate", made / "scored.parquet", "--target", "late", "--protected", "teir")
    assert (worse.code, "`teir` is no column of the data" in worse.err) == (2, True)


def test_the_rows_are_written_where_they_are_to_be(made: Path, tmp_path: Path) -> None:
    arguments = ("evaluate", made / "scored.parquet", "--target", "late", "--output", tmp_path / "out.parquet")
    answer = _call(made, *arguments, "--keep", "id,tier")
    assert answer.code == 0
    assert f"rows    → {tmp_path / 'out.parquet'}" in answer.err
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names[:4] == ["id", "tier", "late", "prediction"]
    assert table.num_rows == ROWS
    again = _call(made, *arguments, "--keep", "all", "--prefix", "new_")
    assert (again.code, "there already" in again.err or "exists" in again.err) == (1, True)
    assert "--overwrite" in again.err
    assert _call(made, *arguments, "--keep", "all", "--prefix", "new_", "--overwrite").code == 0
    names = pq.read_table(tmp_path / "out.parquet").column_names
    assert names[-3:] == ["new_correct", "new_actual_probability", "new_left_out"]
    assert "prediction" in names


def test_evaluations_are_compared(made: Path) -> None:
    one, other = _evaluated(made, "scored.parquet"), _evaluated(made, "other.parquet")
    answer = _call(made, "compare", one, other)
    assert answer.code == 0
    assert "the same rows" in answer.out
    told = _call(made, "compare", one, other, "--json").json
    (contest,) = told["contests"]
    assert contest["paired"] is True
    assert contest["differences"]["log_loss"]["high"] < 0
    assert contest["verdict"]["outcome"] == "better"
    last = answer.out.splitlines()[-1]
    assert re.fullmatch(r"verdict +other\.parquet ranks better: ROC AUC \+0\.\d+ \[0\.\d+, 0\.\d+\], same rows", last)
    assert "what differs" in answer.out
    assert {s["what"] for s in told["settings"]} == {"data", "fingerprint of the data"}
    assert [e["champion"] for e in told["evaluations"]] == [False, False]
    prices = _call(made, "evaluate", made / "prices.parquet", "--target", "price", "--json").json["id"]
    answer = _call(made, "compare", one, prices)
    assert answer.code == 2
    assert "is of the task regression, and" in answer.err


def test_a_comparison_is_written_as_a_report(made: Path, tmp_path: Path) -> None:
    one, other = _evaluated(made, "scored.parquet"), _evaluated(made, "other.parquet")
    for end in ("html", "md"):
        answer = _call(made, "compare", one, other, "--report", tmp_path / f"compared.{end}")
        assert answer.code == 0, answer.err
        assert f"report  → {tmp_path / f'compared.{end}'}" in answer.err
        assert "Comparison with scored.parquet" in (tmp_path / f"compared.{end}").read_text()
    answer = _call(made, "compare", one, other, "--report", tmp_path / "compared.docx")
    assert (answer.code, "no report is written as `compared.docx`" in answer.err) == (2, True)


def test_data_that_are_scored_already_have_no_champion(made: Path) -> None:
    answer = _call(made, "evaluate", made / "scored.parquet", "--target", "late", "--vs-champion")
    assert answer.code == 0
    assert "vs champion   the data are scored already: they are of no model that has a champion" in answer.out
    told = _call(made, "evaluate", made / "scored.parquet", "--target", "late", "--vs-champion", "--json").json
    assert told["vs_champion"]["evaluation"] is None


def test_two_are_held_against_each_other_row_by_row(made: Path) -> None:
    table = pq.read_table(made / "scored.parquet")
    other = pq.read_table(made / "other.parquet")["probability_yes"]
    pq.write_table(table.append_column("other", other), made / "both.parquet")
    one, two = (
        _evaluated(made, "both.parquet", "--probabilities", name, "--classes", "no,yes")
        for name in ("probability_yes", "other")
    )
    told = _call(made, "compare", one, two, "--agreement", "--json").json
    (agreement,) = told["agreement"]
    p, q = table["probability_yes"].to_numpy(), other.to_numpy()
    assert agreement["figures"]["agreement"]["value"] == pytest.approx(np.mean((p >= 0.5) == (q >= 0.5)))
    assert agreement["figures"]["moved_far"]["value"] == pytest.approx(np.mean(np.abs(q - p) > 0.1))
    assert agreement["moved"][0]["row"] == np.argmax(np.abs(q - p))
    answer = _call(made, "compare", one, two, "--agreement", "--report", made / "agreed.md")
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert answer.code == 0, answer.err
    report = (made / "agreed.md").read_text()
    for told in (
        "Agreement of probability_yes and other",
        "Who is right",
        "Labels, one against the other",
        "Rows that moved most",
    ):
        assert told in report
    assert "agreement other with probability_yes, on 2,000 rows that both predict" in lines
    assert any(line.startswith("test ") and line.endswith("(exact), McNemar") for line in lines)
    assert any(line.startswith("kappa 0.") for line in lines)
    answer = _call(made, "compare", one, _evaluated(made, "other.parquet"), "--agreement")
    assert (answer.code, "is of other data" in answer.err) == (2, True)


def test_numbers_are_held_against_each_other(made: Path) -> None:
    table = pq.read_table(made / "prices.parquet")
    pq.write_table(table.append_column("half", pc.divide(table["prediction"], 2)), made / "halves.parquet")
    one, two = (
        _call(made, "evaluate", made / "halves.parquet", "--target", "price", "--prediction", name, "--json").json["id"]
        for name in ("prediction", "half")
    )
    answer = _call(made, "compare", one, two, "--agreement")
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert any(line.startswith("correlation 1.0000") for line in lines)
    assert any(
        line.startswith("test ") and "prediction is nearer on " in line and "sign test" in line for line in lines
    )


def test_one_is_deleted_when_that_is_meant(made: Path) -> None:
    one = _evaluated(made, "scored.parquet")
    assert "add --yes" in _call(made, "evaluation", "delete", one).err
    assert _call(made, "evaluation", "delete", one, "--yes", "--reason", "a test").code == 0
    answer = _call(made, "evaluation", "show", one)
    assert (answer.code, "no evaluation has the id" in answer.err) == (1, True)


def test_a_threshold_is_chosen_by_an_evaluation_of_the_version(made: Path) -> None:
    one = _evaluated(made, "scored.parquet")
    answer = _call(made, "version", "threshold", "churn:1", "--best", "f1", "--evaluation", one)
    assert answer.code != 0
    for wrong in (("churn:1",), ("churn:1", "0.5", "--best", "f1", "--evaluation", one), ("churn:1", "--best", "f1")):
        answer = _call(made, "version", "threshold", *wrong)
        assert (answer.code, "give P or none, or --best with --evaluation" in answer.err) == (2, True)


def test_what_each_threshold_would_do(made: Path) -> None:
    one = _evaluated(made, "scored.parquet", "--costs", "[[0, 1], [5, 0]]")
    every = _call(made, "evaluation", "thresholds", one, "--rows", "0", "--json").json["items"]
    few = _call(made, "evaluation", "thresholds", one, "--rows", "5", "--json").json["items"]
    assert (every[0]["threshold"], every[0]["precision"], every[0]["recall"]) == (None, None, 0)
    table = pq.read_table(made / "scored.parquet")
    actual, p = table["late"].to_numpy() == "yes", table["probability_yes"].to_numpy()
    assert len(every) == len(np.unique(p)) + 1
    for row in every[1::200]:
        above = p >= row["threshold"]
        assert (row["tp"], row["fp"]) == ((above & actual).sum(), (above & ~actual).sum())
        assert row["cost"] == pytest.approx(np.where(actual, 5 * ~above, above).mean())
    assert len(few) == 5
    assert [few[0], few[-1]] == [every[0], every[-1]]
    assert [row["tp"] + row["fp"] for row in few] == pytest.approx(np.linspace(0, ROWS, 5), abs=1)
    answer = _call(made, "evaluation", "thresholds", one, "--best", "cost", "--rows", "4")
    assert answer.code == 0
    assert "none above" in answer.out
    assert "best for cost  from p ≥ 0." in answer.err
    best = _call(made, "evaluation", "thresholds", one, "--best", "recall>=0.9", "--json").json["best"]
    assert best["figure"]["name"] == "precision"
    lines = _call(made, "evaluation", "thresholds", one, "--rows", "0", "--csv").out.splitlines()
    assert lines[0].startswith("threshold,tp,fp,tn,fn,precision")
    assert len(lines) == len(every) + 1
    answer = _call(made, "evaluation", "thresholds", one, "--best", "recal")
    assert (answer.code, "no goal `recal`" in answer.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "late", "--costs", "0,1;5,0"), "--costs does not take `0,1;5,0`"),
        (("--target", "late", "--costs", "[[0, 1]]"), "the cost matrix has the shape (1, 2)"),
        (("--target", "lat"), "lacks `lat`; did you mean `late`"),
        (("--target", "late", "--threshold", "2"), "threshold 2 is no probability"),
        (("--target", "late", "--cut", "id:5,1"), "has edges that are no numbers and no dates in rising order"),
        (("--target", "late", "--weight", "tier"), "weights are numbers"),
        (("more", "than", "two", "--target", "late"), "give DATA, or REF and DATA"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(made: Path, arguments: tuple[str, ...], message: str) -> None:
    answer = _call(made, "evaluate", made / "scored.parquet", *arguments)
    assert answer.code == 2
    assert message in " ".join(answer.err.split())
    assert "Traceback" not in answer.err


@pytest.fixture(scope="module")
def tagged(made: Path) -> Path:
    """Rows with labels, as text in CSV, and with several targets, scored already."""
    random = np.random.default_rng(4)
    x = random.random(400)
    own = random.random((400, 2)) < np.stack([x, 1 - x], axis=1)
    lines = ["y,spam,urgent,prediction,probability_urgent,probability_spam"]
    for (a, b), p in zip(own.tolist(), x.tolist(), strict=True):
        names = ",".join(f'""{n}""' for n, f in (("urgent", a), ("spam", b)) if f)
        told = f"[{str(p > 0.5).lower()},{str(p < 0.5).lower()}]"
        lines.append(f'"[{names}]",{int(b)},{int(a)},"{told}",{p},{1 - p}')
    (made / "tags.csv").write_text("\n".join(lines) + "\n")
    kind = random.choice(["a", "b"], 400)
    pq.write_table(
        pa.table({"price": x, "kind": kind, "p_price": x + 0.1, "p_kind": kind[::-1]}), made / "both.parquet"
    )
    return made


def test_labels_stand_side_by_side_the_worst_first(tagged: Path) -> None:
    arguments = ("--task", "multilabel", "--classes", "urgent,spam")
    answer = _call(tagged, "evaluate", tagged / "tags.csv", "--target", "y", *arguments)
    assert answer.code == 0, answer.err
    told = _call(tagged, "evaluate", tagged / "tags.csv", "--target", "spam,urgent", *arguments, "--json").json
    assert told["target"] == "urgent, spam", "columns are told by their names"
    f1 = {name: one["metrics"]["f1"]["value"] for name, one in told["outputs"].items()}
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    at = next(n for n, line in enumerate(lines) if line.startswith("by label label rows with it precision"))
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == sorted(f1, key=lambda n: f1[n])
    met = _call(tagged, "evaluate", tagged / "tags.csv", "--target", "y", *arguments, "--require", "f1:spam>=0.99")
    assert met.code == 1
    assert "not met  f1:spam>=0.99" in met.err


def test_several_targets_have_a_column_each(tagged: Path) -> None:
    arguments = ("--target", "price,kind", "--prediction", "p_price,p_kind", "--classes", '{"kind": ["a", "b"]}')
    told = _call(tagged, "evaluate", tagged / "both.parquet", *arguments, "--json")
    assert told.code == 0, told.err
    assert told.json["outputs"]["price"]["metrics"]["mae"]["value"] == pytest.approx(0.1)
    assert told.json["outputs"]["kind"]["classes"] == ["a", "b"]
    answer = _call(tagged, "evaluate", tagged / "both.parquet", *arguments[:-1], '{"kind": 3}')
    assert answer.code == 2
    assert "--classes has no list for `kind`" in answer.err


def test_a_label_has_thresholds_of_its_own(tagged: Path) -> None:
    arguments = ("--task", "multilabel", "--classes", "urgent,spam", "--target", "y", "--json")
    made = _call(tagged, "evaluate", tagged / "tags.csv", *arguments).json["id"]
    told = _call(tagged, "evaluation", "thresholds", made, "--output", "spam", "--best", "recall>=0.9", "--json")
    assert told.code == 0, told.err
    assert told.json["best"]["figure"]["name"] == "precision"
    wrong = _call(tagged, "evaluation", "thresholds", made, "--output", "span")
    assert wrong.code == 2
    assert "`span` is no label and no target of it; did you mean `spam`?" in wrong.err
    none = _call(tagged, "evaluation", "thresholds", made)
    assert "a threshold belongs to one output, and there are 2" in none.err
