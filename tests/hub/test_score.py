"""Scoring from end to end, with a real model in its worker."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import Conflict, DatasetNotFound, InvalidInput, RunCancelled, RunFailed, SignatureMismatch
from muster.hub import Hub
from muster.owners import me
from muster.records import Lease, Progress, Run, now
from muster.stores import open_records


def _left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if ".muster-" in p.name)


def _expected(rows: int) -> list[float]:
    return [(n & 1023) / 1023.0 for n in range(rows)]


@pytest.mark.parametrize(
    "output", ["scored", "scored.parquet", "scored.csv", "scored.csv.gz", "scored.jsonl", "scored.arrow"]
)
def test_every_row_is_scored_in_order_into_every_format(hub: Hub, data: Path, tmp_path: Path, output: str) -> None:
    run = hub.score("numbers", data, tmp_path / output, keep=["n"])
    assert (run.status, run.rows, run.rejected, run.rejects) == ("done", 20_000, 0, None)
    again = hub.open_dataset(str(tmp_path / output))
    rows = pa.concat_tables(
        [pa.Table.from_batches([c.batch]) for part in again.parts(7_000) for c in part.chunks(7_000)]
    )
    assert rows.column_names == ["n", "prediction", "probability_no", "probability_yes"]
    assert rows["n"].to_pylist() == list(range(20_000))
    assert rows["probability_yes"].to_pylist() == _expected(20_000)
    assert rows["prediction"].to_pylist() == ["yes" if p > 0.5 else "no" for p in _expected(20_000)]
    assert _left(tmp_path) == []


def test_a_run_remembers_what_it_did(hub: Hub, data: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run = hub.score("numbers@champion", data, tmp_path / "scored", threshold=0.9, watch=seen.append)
    assert hub.run(run.id) == run
    assert run.ref == "numbers:1"
    assert run.version_digest == hub.version("numbers").digest
    assert run.fingerprint == hub.open_dataset(str(data)).fingerprint()
    assert run.settings["threshold"] == 0.9
    assert seen[-1].rows == seen[-1].total == 20_000
    yes = sum(p >= 0.9 for p in _expected(20_000))
    assert run.summary["classes"] == [{"class": "no", "rows": 20_000 - yes}, {"class": "yes", "rows": yes}]
    manifest = json.loads((tmp_path / "scored" / "_muster.json").read_text())
    assert manifest["format"] == "muster.output/1"
    assert (manifest["run"], manifest["fingerprint"], manifest["rows"]) == (run.id, run.fingerprint, 20_000)


def test_rows_that_cannot_be_scored_are_set_apart_with_their_row_and_reason(hub: Hub, tmp_path: Path) -> None:
    lines = [f"{n},text {n}" for n in range(5_000)]
    lines[10] = "ten,text"
    lines[2_500] = "1,2,3,4"
    lines[4_000] = "-1,the model fails on this one"
    for name, part in (("a.csv", lines[:3_000]), ("b.csv", lines[3_000:])):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("n,text\n" + "\n".join(part) + "\n")
    run = hub.score("numbers", tmp_path / "in", tmp_path / "out.csv", keep="all")
    assert (run.rows, run.rejected) == (5_000, 3)
    assert run.rejects is not None
    rejects = [json.loads(line) for line in Path(run.rejects).read_text().splitlines()]
    assert [(r["row"], r["file"], r["stage"]) for r in rejects] == [
        (10, "a.csv", "read"), (2_500, "a.csv", "read"), (4_000, "b.csv", "predict"),
    ]  # fmt: skip
    assert "minus one is no number of mine" in rejects[2]["error"]
    assert rejects[2]["values"] == {"n": -1, "text": "the model fails on this one"}
    scored = pyarrow.csv.read_csv(tmp_path / "out.csv")
    assert scored["n"].to_pylist() == [n for n in range(5_000) if n not in (10, 2_500, 4_000)]


def test_the_first_reject_ends_the_run_when_asked(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [0, 1, -1, 3]}), tmp_path / "in.parquet")
    with pytest.raises(RunFailed, match=r"row 2 of in.parquet cannot be scored: .*minus one"):
        hub.score("numbers", tmp_path / "in.parquet", tmp_path / "out", on_reject="fail")
    assert not (tmp_path / "out").exists()
    assert _left(tmp_path) == []
    assert next(iter(hub.runs())).status == "failed"


def test_a_row_that_kills_workers_is_poison_and_the_others_are_scored(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [5, -2, 7]}), tmp_path / "in.parquet")
    run = hub.score("numbers", tmp_path / "in.parquet", tmp_path / "out.parquet", keep="n")
    assert (run.rows, run.rejected) == (3, 1)
    assert run.rejects is not None
    assert "poison" in Path(run.rejects).read_text()
    assert pq.read_table(tmp_path / "out.parquet")["n"].to_pylist() == [5, 7]


def test_what_stands_in_the_way_is_told_before_anything_is_made(hub: Hub, data: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DatasetNotFound):
        hub.score("numbers", tmp_path / "none.parquet", tmp_path / "out")
    with pytest.raises(InvalidInput, match="did you mean `text`"):
        hub.score("numbers", data, tmp_path / "out", keep=["texd"])
    with pytest.raises(Conflict, match="exist"):
        hub.score("numbers", data, data)
    pq.write_table(pa.table({"m": [1]}), tmp_path / "other.parquet")
    with pytest.raises(SignatureMismatch, match="`n`"):
        hub.score("numbers", tmp_path / "other.parquet", tmp_path / "out")
    (tmp_path / "other.parquet").unlink()
    assert sorted(tmp_path.iterdir()) == before
    assert list(hub.runs()) == []


def test_columns_go_by_name_and_can_be_mapped(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"x": ["a", "b"], "number": pa.array([1, 1023], pa.int16())}),
        tmp_path / "in.parquet",
    )
    run = hub.score("numbers", tmp_path / "in.parquet", tmp_path / "out.parquet", mapping={"n": "number"}, prefix="m_")
    assert run.casts == ("n: int16 → int64",)
    assert pq.read_table(tmp_path / "out.parquet")["m_prediction"].to_pylist() == ["no", "yes"]


def test_an_output_is_replaced_only_when_asked(hub: Hub, data: Path, tmp_path: Path) -> None:
    hub.score("numbers", data, tmp_path / "out")
    with pytest.raises(Conflict) as caught:
        hub.score("numbers", data, tmp_path / "out")
    assert "--overwrite" in caught.value.hint
    second = hub.score("numbers", data, tmp_path / "out", overwrite=True)
    assert json.loads((tmp_path / "out" / "_muster.json").read_text())["run"] == second.id
    assert _left(tmp_path) == []


def test_a_run_in_the_background_is_cancelled_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array(range(3_000_000), pa.int64())}), tmp_path / "many.parquet")
    begun = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.rows:
            begun.set()

    run = hub.score("numbers", tmp_path / "many.parquet", tmp_path / "out", wait=False, watch=watch)
    assert run.status == "queued"
    assert begun.wait(60)
    hub.cancel(run.id)
    hub.close()
    with muster.open(hub.folder) as again:
        assert again.run(run.id).status == "cancelled"
        with pytest.raises(Conflict, match="cancelled already"):
            again.resume(run.id)
    assert not (tmp_path / "out").exists()
    assert _left(tmp_path) == []


def test_cancelling_ones_own_waiting_run_raises(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array(range(3_000_000), pa.int64())}), tmp_path / "many.parquet")
    cancelled: list[str] = []

    def watch(progress: Progress) -> None:
        if progress.rows and not cancelled:
            cancelled.append(hub.cancel(progress.run).id)

    with pytest.raises(RunCancelled):
        hub.score("numbers", tmp_path / "many.parquet", tmp_path / "out", watch=watch)


def test_who_lost_the_run_leaves_what_is_staged_to_who_took_it_over(hub: Hub, data: Path, tmp_path: Path) -> None:
    def steal(progress: Progress) -> None:
        with open_records(hub.folder / "muster.db").transaction("bob") as tx:
            until = now() + timedelta(minutes=1)
            tx.replace(Lease(run=progress.run, owner="elsewhere/boot/1/2", token=99, until=until))

    with pytest.raises(RunFailed, match="taken over by another process"):
        hub.score("numbers", data, tmp_path / "out", watch=steal)
    run = next(iter(hub.runs()))
    assert run.status == "running"
    assert _left(tmp_path) == [f"out.muster-{run.id}"]
    with pytest.raises(Conflict, match="process 1 on elsewhere"):
        hub.resume(run.id)


def test_data_that_changes_while_it_is_scored_fails_the_run(hub: Hub, data: Path, tmp_path: Path) -> None:
    def touch(progress: Progress) -> None:
        if progress.rows:
            os.utime(data, (0, 0))

    with pytest.raises(RunFailed, match="was changed while it was scored"):
        hub.score("numbers", data, tmp_path / "out", watch=touch)
    assert not (tmp_path / "out").exists()
    assert _left(tmp_path) == []


def test_a_run_that_is_cancelled_as_it_begins_is_not_begun_again(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array(range(3_000_000), pa.int64())}), tmp_path / "many.parquet")
    for n in range(3):
        run = hub.score("numbers", tmp_path / "many.parquet", tmp_path / f"out{n}", wait=False)
        hub.cancel(run.id)
    with muster.open(hub.folder) as again:
        hub.close()
        assert {r.status for r in again.runs()} == {"cancelled"}
    assert not list(tmp_path.glob("out*"))


def _cut_off(hub: Hub, run: Run) -> None:
    """As it is when the process is killed after its output was put in place and before that was recorded."""
    with open_records(hub.folder / "muster.db").transaction("bob") as tx:
        tx.replace(replace(run, status="running", ended_at=None, rows=0))


def test_an_output_in_place_needs_neither_data_nor_version_to_be_recorded(hub: Hub, data: Path, tmp_path: Path) -> None:
    run = hub.score("numbers", data, tmp_path / "out")
    _cut_off(hub, run)
    data.unlink()
    assert (hub.resume(run.id).status, hub.run(run.id).rows) == ("done", 20_000)


def test_a_cancellation_that_comes_after_the_output_is_too_late(hub: Hub, data: Path, tmp_path: Path) -> None:
    run = hub.score("numbers", data, tmp_path / "out")
    _cut_off(hub, run)
    assert (hub.cancel(run.id).status, hub.run(run.id).rows) == ("done", 20_000)
    assert (tmp_path / "out" / "_muster.json").exists()


def test_what_a_process_left_that_was_killed_as_it_tidied_up_goes_with_the_next_run(
    hub: Hub, data: Path, tmp_path: Path
) -> None:
    run = hub.score("numbers", data, tmp_path / "out.parquet")
    staging = tmp_path / f"out.parquet.muster-{run.id}"
    staging.mkdir()
    (staging / "commit.json").write_text("{}")
    store = open_records(hub.folder / "muster.db")
    with store.transaction("bob") as tx:
        host = me().rsplit("/", 2)[0]
        tx.insert(Lease(run=run.id, owner=f"{host}/{2**22}/1", token=1, until=now() + timedelta(minutes=1)))
    hub.score("numbers", data, tmp_path / "second.parquet")
    assert _left(tmp_path) == []
    assert store.get(Lease, run.id) is None
    store.close()


def test_an_empty_dataset_gives_an_empty_output_of_the_right_columns(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), tmp_path / "in.parquet")
    run = hub.score("numbers", tmp_path / "in.parquet", tmp_path / "out.parquet", keep="n")
    assert run.rows == 0
    assert pq.read_table(tmp_path / "out.parquet").schema.names == [
        "n",
        "prediction",
        "probability_no",
        "probability_yes",
    ]


def test_a_registered_dataset_is_scored_by_its_name(hub: Hub, data: Path, tmp_path: Path) -> None:
    record = hub.dataset("all-numbers", data)
    assert record.rows == 20_000
    run = hub.score("numbers", "data:all-numbers", tmp_path / "out")
    assert run.rows == 20_000
    with pytest.raises(DatasetNotFound, match="did you mean `all-numbers`"):
        hub.score("numbers", "data:all-number", tmp_path / "out2")


def test_two_hubs_on_one_folder_both_work(place: Path, data: Path, tmp_path: Path) -> None:
    with muster.open(place) as one, muster.open(place) as other:
        runs = []
        threads = [
            threading.Thread(target=lambda h=h, n=n: runs.append(h.score("numbers", data, tmp_path / f"out{n}")))
            for n, h in enumerate((one, other))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [r.status for r in runs] == ["done", "done"]
        assert {r.id for r in one.runs()} == {r.id for r in runs}
        assert one.verify_events()[1] is None


def test_small_data_is_predicted_at_once(hub: Hub) -> None:
    table = hub.predict("numbers", {"n": [0, 1023, None, -1]})
    assert table["prediction"].to_pylist()[:2] == ["no", "yes"]
    assert table["prediction"].to_pylist()[3] is None
    assert "minus one" in table["error"].to_pylist()[3]
    with pytest.raises(RunFailed, match="row 3 cannot be predicted"):
        hub.predict("numbers", {"n": [0, 1, 2, -1]}, on_reject="fail")
    assert hub.predict("numbers", {"n": [600]}, threshold=0.9)["prediction"].to_pylist() == ["no"]
    assert hub.predict("numbers", pa.table({"n": pa.array([], pa.int64())})).num_rows == 0
    assert hub.predict("numbers", []).to_pylist() == []
    assert hub.predict("numbers", []).schema == hub.predict("numbers", {"n": [1]}).schema


def test_what_is_neither_a_name_nor_a_table_is_refused(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="of type complex") as caught:
        hub.score("numbers", 1j, tmp_path / "out")
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["out", "out.csv"])
def test_a_run_of_which_no_row_is_scored_fails_and_keeps_its_rejects(hub: Hub, tmp_path: Path, output: str) -> None:
    lines = ["one", "-1", "one"] + ["-1"] * 12
    (tmp_path / "in.csv").write_text("n\n" + "\n".join(lines) + "\n")
    before = set(tmp_path.iterdir())
    with pytest.raises(RunFailed, match=r"not one of 15 rows could be scored: 13 rows: .*2 rows: `n` is no") as caught:
        hub.score("numbers", tmp_path / "in.csv", tmp_path / output)
    (rejects,) = set(tmp_path.iterdir()) - before
    assert str(rejects) in caught.value.hint
    assert "resume" not in caught.value.hint
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [r["row"] for r in told] == list(range(15))
    run = hub.run(str(caught.value.details["run"]))
    assert (run.status, run.rows, run.rejected, run.rejects) == ("failed", 15, 15, str(rejects))
    (tmp_path / "in.csv").write_text("n\n1\n")
    assert hub.score("numbers", tmp_path / "in.csv", tmp_path / output).rows == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"n,text\n1,a\n2,\xff\n", "how the file is encoded"), (b'n,text\n1,a\n2,"a\n', "then score again")],
)
def test_what_resuming_would_not_mend_leaves_nothing(hub: Hub, tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    before = set(tmp_path.iterdir())
    with pytest.raises(RunFailed) as caught:
        hub.score("numbers", tmp_path / "in.csv", tmp_path / "made" / "out.csv")
    assert told in caught.value.hint
    assert caught.value.hint.endswith("; then score again")
    assert "resume" not in caught.value.hint
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_column_of_the_data_can_serve_several_of_the_model(hub: Hub, made: Path, tmp_path: Path, form: str) -> None:
    (tmp_path / "two.py").write_text(
        "def predict(df):\n    return df['a'].astype(float) * 10 + df['b'].astype(float) + (df['c'] == 7) * 1000\n"
    )
    sample = {"a": [1, 2], "b": [1.5, 2.5], "c": [7, 8]}
    signature = {"a": "int64", "b": "double", "c": "int64"}
    hub.register(
        "two", tmp_path / "two.py", task="regression", sample=sample, signature=signature, environment="current"
    )
    data = pa.table({"a": [1, 2], "b": [3.0, 4.0], "c": [5, 7]})
    file = tmp_path / f"in.{form}"
    pq.write_table(data, file) if form == "parquet" else pyarrow.csv.write_csv(data, file)

    def scored(**mapping: str) -> list[float]:
        hub.score("two", file, tmp_path / "out.parquet", mapping=mapping, overwrite=True)
        found: list[float] = pq.read_table(tmp_path / "out.parquet")["prediction"].to_pylist()
        return found

    assert scored() == [13, 1024]
    assert scored(a="c") == [53, 1074]
    assert scored(b="a") == [11, 1022]
    assert scored(a="c", c="a") == [53, 74]
    assert scored(a="c", b="c") == [55, 1077]
    assert hub.predict("two", data, mapping={"b": "a"})["prediction"].to_pylist() == [11, 1022]
