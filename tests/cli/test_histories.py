"""`muster evaluation history`."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.helpers import Answer, call


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rule:1`, evaluated on two months by what stands in the data, of which the later is worse."""
    folder = tmp_path_factory.mktemp("histories")
    (folder / "model.py").write_text('INPUT = "arrow"\n\n\ndef predict(data):\n    return data["n"]\n')
    sample = folder / "sample.parquet"
    pq.write_table(pa.table({"n": [0, 1]}), sample)
    hub = ("--hub", folder / "hub")
    made = ("--task", "binary", "--classes", "0,1", "--sample", sample, "--target", "y")
    answer = call("register", "rule", folder / "model.py", *made, *hub)
    assert answer.code == 0, answer.err
    for month, wrong in (("1", 10), ("2", 40)):
        table = {"n": [0, 1] * 100, "y": [0, 1] * (100 - wrong) + [1, 0] * wrong, "said": [0, 1] * 100}
        pq.write_table(pa.table(table), folder / f"{month}.parquet")
        asked = ("--prediction", "said", "--label", f"month={month}")
        answer = call("evaluate", "rule:1", folder / f"{month}.parquet", *asked, *hub)
        assert answer.code == 0, answer.err
    shutil.rmtree(folder / "hub" / "environments", ignore_errors=True)
    return folder / "hub"


def _history(place: Path, *arguments: str) -> Answer:
    return call("evaluation", "history", *arguments, "--hub", place)


def test_each_is_a_line_with_its_interval(place: Path) -> None:
    answer = _history(place, "rule", "--metric", "accuracy")
    assert answer.code == 0
    head, *lines = answer.out.splitlines()
    assert head.split()[:5] == ["when", "version", "rows", "accuracy", "95"]
    assert [line.split()[line.split().index("rule:1") + 1 :][:2] for line in lines] == [
        ["200", "0.9000"],
        ["200", "0.6000"],
    ]
    told = _history(place, "rule:1", "--metric", "accuracy", "--by", "month", "--json").json
    assert [(i["labels"]["month"], i["metrics"]["accuracy"]["value"]) for i in told["items"]] == [
        ("1", 0.9),
        ("2", 0.6),
    ]
    assert (told["next"], told["by"], told["metrics"]) == (None, "month", ["accuracy"])
    rows = list(csv.DictReader(io.StringIO(_history(place, "rule", "--metric", "accuracy", "--csv").out)))
    assert [row["accuracy"] for row in rows] == ["0.9000", "0.6000"]
    assert all(" to " in row["accuracy_interval"] for row in rows)


def test_the_newest_has_to_meet_what_is_required(place: Path) -> None:
    assert _history(place, "rule", "--require", "accuracy>=0.5").code == 0
    answer = _history(place, "rule", "--require", "accuracy>=0.8")
    assert answer.code == 1
    assert "does not meet `accuracy>=0.8`" in answer.err
    assert "accuracy>=0.8" in answer.out, "and the line says so"
    assert _history(place, "rule", "--require", "accuracy>=0.8", "--where", "tag.month=1").code == 0


def test_what_is_not_shown_is_told(place: Path) -> None:
    assert "there are older ones: give a `--limit` above 1" in _history(place, "rule", "--limit", "1").err
    answer = _history(place, "rule", "--by", "region")
    assert (
        answer.code,
        "2 evaluations of rule none has the label `region`; their labels are `month`" in answer.err,
    ) == (0, True)
    answer = _history(place, "rule", "--where", "tag.month=7")
    assert (answer.code, "of 2 evaluations of rule none has `tag.month=7`" in answer.err) == (0, True)
    assert _history(place, "nobody").code == 1


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("--where", "tag.month=99"), "of 2 evaluations of rule none has `tag.month=99`"),
        (("--by", "mont"), "of 2 evaluations of rule none has the label `mont`; did you mean `month`?"),
        (("--where", "tag.mnth=1"), "none has the label `mnth`; did you mean `month`?"),
    ],
)
def test_no_evaluation_meets_nothing(place: Path, asked: tuple[str, ...], why: str) -> None:
    answer = _history(place, "rule", "--require", "accuracy>=0.1", *asked)
    assert answer.code == 1
    assert "no evaluation meets `accuracy>=0.1`: " in answer.err
    assert why in answer.err
    assert "yet" not in answer.err
