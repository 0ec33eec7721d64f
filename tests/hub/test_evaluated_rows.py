"""The rows that an evaluation writes beside its figures."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import Conflict, InvalidInput, RunCancelled, RunFailed
from muster.evaluation.result import Evaluation
from muster.hub import Hub
from muster.records import Progress
from tests.hub.test_evaluate import ROWS, labelled


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "labelled.parquet"
    pq.write_table(labelled(), file, row_group_size=3_000)
    return file


def _beside(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name not in {"hub", "labelled.parquet", "odd.parquet"})


def test_every_row_is_written_in_order_with_how_right_it_is(hub: Hub, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "evaluated.parquet"
    found = hub.evaluate("numbers", rows, target="late", weight="weight", output=out, keep=["n"])
    table, source = pq.read_table(out), pq.read_table(rows)
    assert table.column_names == [
        "n", "late", "prediction", "probability_no", "probability_yes", "correct", "actual_probability", "left_out",
    ]  # fmt: skip
    assert table["n"].to_pylist() == source["n"].to_pylist()
    assert table["late"].to_pylist() == source["late"].to_pylist()
    hub.score("numbers", rows, tmp_path / "scored.parquet")
    scored = pq.read_table(tmp_path / "scored.parquet")
    assert table.select(scored.column_names).equals(scored)
    correct, weight = table["correct"].to_numpy(), source["weight"].to_numpy()
    assert found.metrics["accuracy"].value == pytest.approx(np.average(correct, weights=weight), abs=1e-12)
    own = np.where(source["late"].to_numpy() == "yes", scored["probability_yes"], scored["probability_no"])
    assert table["actual_probability"].to_numpy().tolist() == own.tolist()
    assert table["left_out"].null_count == ROWS
    run = hub.run(found.record.run)
    assert (run.output, run.rows, run.rejects) == (str(out), ROWS, None)
    assert _beside(tmp_path) == ["evaluated.parquet", "scored.parquet"]


def test_the_figures_are_the_same_to_the_bit_as_without(hub: Hub, rows: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"target": "late", "weight": "weight", "segments": ["carrier"]}
    plain = hub.evaluate("numbers", rows, **asked)
    written = hub.evaluate("numbers", rows, **asked, output=tmp_path / "out/", keep="all")
    assert written.profile.encode() == plain.profile.encode()
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) > 1
    dataset = hub.open_dataset(str(tmp_path / "out"))
    assert dataset.rows() == ROWS
    assert dataset.names[:5] == ("n", "late", "carrier", "distance", "weight")


def test_chunks_are_those_of_an_evaluation_that_writes_nothing(
    place: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other chunks would be summed in another order, to other last bits."""
    monkeypatch.setattr("muster.scoring.sizes._BYTES", 100_000)
    with muster.open(place) as hub:
        plain = hub.evaluate("numbers", rows, target="late")
        wide = hub.evaluate("numbers", rows, target="late", output=tmp_path / "out.parquet", keep="all")
        sizes = {hub.run(e.record.run).settings["chunk_rows"] for e in (plain, wide)}
    assert len(sizes) == 1
    assert wide.profile.encode() == plain.profile.encode()


def test_a_row_that_is_in_no_figure_tells_why(hub: Hub, tmp_path: Path) -> None:
    lines = ["n,late,weight", *(f"{i},{'yes' if i % 3 else 'no'},1" for i in range(3_000))]
    for row, line in (
        (5, "5,,1"),
        (6, "6,maybe,1"),
        (8, "8,yes,-1"),
        (10, "-1,yes,1"),
        (12, "12,no"),
        (2_999, "x,no,1"),
    ):
        lines[row + 1] = line
    (tmp_path / "odd.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "evaluated.parquet"
    found = hub.evaluate("numbers", tmp_path / "odd.csv", target="late", weight="weight", output=out, keep=["n"])
    table = pq.read_table(out)
    assert table.num_rows == 3_000
    told = {i: why for i, why in enumerate(table["left_out"].to_pylist()) if why is not None}
    assert told == {5: "no target", 6: "class: maybe", 8: "weight", 10: "failed", 12: "unread", 2_999: "unread"}
    assert dict(Counter(told.values())) == found.record.left_out
    assert [i for i, c in enumerate(table["correct"].to_pylist()) if c is None] == sorted(told)
    assert table["prediction"][5].as_py() == "no", "what was predicted stands there all the same"
    assert table["prediction"][10].as_py() is None
    assert table["n"].to_pylist()[11:14] == [11, None, 13]
    run = hub.run(found.record.run)
    assert run.rejects is not None
    rejects = {line["row"]: line for line in map(json.loads, Path(run.rejects).read_text().splitlines())}
    assert sorted(rejects) == [10, 12, 2_999]
    assert "minus one is no number of mine" in rejects[10]["error"]


def test_numbers_have_an_error(hub: Hub, tmp_path: Path) -> None:
    data = {"id": [1, 2, 3, 4], "y": [1.0, 2.0, None, float("inf")], "p": [1.5, 1.0, 3.0, 4.0]}
    found = hub.evaluate(data, target="y", prediction="p", output=tmp_path / "out.csv", keep="id")
    assert found.metrics["mae"].value == 0.75
    assert (tmp_path / "out.csv").read_text().replace('"', "").splitlines() == [
        "id,y,prediction,error,left_out", "1,1,1.5,0.5,", "2,2,1,-1,", "3,,3,,no target", "4,inf,4,,target",
    ]  # fmt: skip


def test_scored_data_are_written_with_the_labels_that_were_counted(hub: Hub, tmp_path: Path) -> None:
    data = pa.table({"y": [0, 1, 1, 1], "prediction": [0, 0, 1, None], "p": [0.1, 0.4, 0.8, 0.9]})
    asked: dict[str, Any] = {"target": "y", "probabilities": ["p"], "classes": [0, 1], "threshold": 0.3}
    found = hub.evaluate(data, **asked, prediction="prediction", output=tmp_path / "out.parquet", keep="all")
    assert found.confusion == [[1, 0], [0, 2]]
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names[:5] == ["y", "p", "prediction", "probability_0", "probability_1"]
    assert table["prediction"].to_pylist() == [0, 1, 1, None]
    assert table["probability_0"].to_pylist() == [0.9, 0.6, pytest.approx(0.2), None]
    assert table["probability_1"].to_pylist() == [0.1, 0.4, 0.8, None]
    assert table["correct"].to_pylist() == [True, True, True, None]
    assert table["actual_probability"].to_pylist() == [0.9, 0.4, 0.8, None]
    assert table["left_out"].to_pylist() == [None, None, None, "failed"]


def test_evaluated_rows_are_evaluated_again_to_the_same_figures(hub: Hub, rows: Path, tmp_path: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", output=tmp_path / "out.parquet", keep=["carrier"])
    again = hub.evaluate(
        tmp_path / "out.parquet", target="late", output=tmp_path / "again.parquet", keep="all", prefix="new_"
    )
    assert again.confusion == found.confusion
    assert again.metrics["roc_auc"].value == found.metrics["roc_auc"].value
    assert pq.read_table(tmp_path / "again.parquet").column_names[-2:] == ["new_actual_probability", "new_left_out"]
    with pytest.raises(InvalidInput, match="`correct`, `actual_probability`, `left_out` twice"):
        hub.evaluate(tmp_path / "out.parquet", target="late", output=tmp_path / "more.parquet", keep="all")


def test_what_stands_in_the_way_is_told_before_anything_is_counted(hub: Hub, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "there.parquet").write_bytes(b"mine")
    with pytest.raises(Conflict, match="exists"):
        hub.evaluate("numbers", rows, target="late", output=tmp_path / "there.parquet")
    with pytest.raises(InvalidInput, match="`carier`; did you mean `carrier`"):
        hub.evaluate("numbers", rows, target="late", output=tmp_path / "x.parquet", keep=["carier"])
    with pytest.raises(InvalidInput, match="`keep`, `overwrite` goes with an output"):
        hub.evaluate("numbers", rows, target="late", keep=["n"], overwrite=True)
    with pytest.raises(InvalidInput, match="a comparison writes no rows"):
        hub.compare(["numbers:1", "numbers:1"], rows, output=tmp_path / "x.parquet")
    assert list(hub.runs()) == []
    assert (tmp_path / "there.parquet").read_bytes() == b"mine"
    hub.evaluate("numbers", rows, target="late", output=tmp_path / "there.parquet", overwrite=True)
    assert pq.read_table(tmp_path / "there.parquet").num_rows == ROWS


@pytest.mark.parametrize("output", ["out.parquet", "out/"])
def test_nothing_is_left_of_one_that_fails_or_is_cancelled(hub: Hub, rows: Path, tmp_path: Path, output: str) -> None:
    table = pq.read_table(rows)
    pq.write_table(table.set_column(1, "late", pa.nulls(ROWS, pa.string())), tmp_path / "odd.parquet")
    with pytest.raises(RunFailed, match="not one of 20,000 rows"):
        hub.evaluate("numbers", tmp_path / "odd.parquet", target="late", output=str(tmp_path / output))
    assert _beside(tmp_path) == []
    cancelled: list[str] = []

    def watch(progress: Progress) -> None:
        if not cancelled:
            cancelled.append(hub.cancel(progress.run).id)

    pq.write_table(pa.concat_tables([table] * 20), tmp_path / "odd.parquet")
    with pytest.raises(RunCancelled):
        hub.evaluate("numbers", tmp_path / "odd.parquet", target="late", output=str(tmp_path / output), watch=watch)
    assert _beside(tmp_path) == []
    assert list(hub.evaluations()) == []


def test_one_that_was_cut_off_after_its_rows_were_in_place_only_lacks_the_record(
    hub: Hub, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.parquet"
    with monkeypatch.context() as patch:
        patch.setattr("muster.registry.evaluations.Evaluations._keep", _torn)
        with pytest.raises(ZeroDivisionError):
            hub.evaluate("numbers", rows, target="late", output=out)
    written = out.read_bytes()
    (run,) = hub.runs()
    with pytest.raises(Conflict, match="in place already") as caught:
        hub.cancel(run.id)
    assert "muster run resume" in caught.value.hint
    ended = hub.resume(run.id)
    found = hub.evaluation(str(ended.summary["evaluation"]))
    assert found.record.counted == ROWS
    assert out.read_bytes() == written
    assert _beside(tmp_path) == ["out.parquet"]


@pytest.mark.parametrize("then", ["resume", "cancel"])
def test_one_whose_process_was_killed_is_begun_again_or_cleared_away(place: Path, tmp_path: Path, then: str) -> None:
    pq.write_table(pa.concat_tables([labelled()] * 20), tmp_path / "odd.parquet", row_group_size=3_000)
    out = tmp_path / "out.parquet"
    arguments = ["evaluate", "numbers", tmp_path / "odd.parquet", "--target", "late", "--output", out, "--hub", place]
    program = [sys.executable, "-c", "from muster.cli import main; main()", *map(str, arguments)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        while not list(tmp_path.glob("out.parquet.muster-*/chunks/*")):
            assert child.poll() is None
            time.sleep(0.01)
        child.kill()
    assert not out.exists()
    with muster.open(place) as hub:
        (run,) = hub.runs()
        if then == "cancel":
            hub.cancel(run.id)
        else:
            hub.resume(run.id)
            assert pq.read_table(out).num_rows == 20 * ROWS
        assert _beside(tmp_path) == (["out.parquet"] if then == "resume" else [])


def _torn(*_: object) -> None:
    raise ZeroDivisionError


def test_one_in_the_background_writes_too(hub: Hub, rows: Path, tmp_path: Path) -> None:
    run = hub.evaluate("numbers", rows, target="late", output=tmp_path / "out.jsonl.gz", wait=False)
    assert not isinstance(run, Evaluation)
    ended = hub.wait(run.id)
    assert gzip.decompress(Path(str(ended.output)).read_bytes()).count(b"\n") == ROWS
