"""The work: register, score, predict, resume, with real models in real workers."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.signature import Column, Signature
from tests.cli.helpers import MUSTER, Answer, call, call_apart, plain, terminal

MODEL = '''
import numpy as np

class Model:
    """The older, the more likely; thirteen brings bad luck."""
    classes = ["no", "yes"]

    def predict_proba(self, data):
        if (data["age"] == 13).any():
            raise ValueError("thirteen")
        p = (data["age"] / 100).to_numpy()
        return np.stack([1 - p, p], axis=1)
'''
SLOW = """
import time

def predict(data):
    time.sleep(0.03)
    return data["age"] * 2.0
"""
ROWS = 600


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with `churn:1` and the slow `double:1`; `rows.csv` beside it."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "model.py").write_text(MODEL)
    (folder / "slow.py").write_text(SLOW)
    (folder / "rows.csv").write_text("id,age\n" + "".join(f"{n},{20 + n % 60}\n" for n in range(ROWS)))
    (folder / "bad.csv").write_text("id,age\n0,20\n1,old\n2,13\n3,60\n")
    (folder / "sample.csv").write_text(
        "age,left\n" + "".join(f"{a},{'yes' if a > 50 else 'no'}\n" for a in range(20, 80))
    )
    with muster.open(folder / "hub") as opened:
        sample, here = folder / "sample.csv", "current"
        opened.register(
            "churn",
            folder / "model.py",
            task="binary",
            target="left",
            classes=["no", "yes"],
            sample=sample,
            environment=here,
        )
        opened.register("double", folder / "slow.py", task="regression", sample=sample, environment=here, signature=AGE)
    return folder


AGE = Signature((Column("age", pa.int64()),))


@pytest.fixture(autouse=True)
def default_hub(hub: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_HUB", str(hub / "hub"))
    for file in ("rows.csv", "bad.csv", "sample.csv", "model.py"):
        (place / file).symlink_to(hub / file)


def run_of(answer: Answer) -> str:
    """The id of the run that was told as the next thing to look at."""
    return answer.err.rpartition("muster run show ")[2].strip()


def test_register_tells_the_version_and_what_to_do_next(place: Path) -> None:
    (place / "reading.json").write_text('{"probabilities": "predict_proba"}')
    arguments = ["register", "leavers", "model.py", "--task", "binary", "--target", "left", "--classes", "no,yes", "--sample", "sample.csv",
                 "--alias", "champion", "--tag", "team=ops", "--threshold", "0.4", "--environment", "current",
                 "--description", "Who leaves?"]  # fmt: skip
    answer = call(*arguments)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("registered  leavers:1  python  binary  no, yes  ")
    assert answer.out.endswith("  → champion\n")
    assert answer.err.endswith("next: muster version show leavers:1\n      muster score leavers:1 DATA OUTPUT\n")
    found = call(*arguments, "--if-changed", "--json").json
    assert (found["ref"], found["threshold"], found["tags"], found["target"]) == (
        "leavers:1",
        0.4,
        {"team": "ops"},
        "left",
    )
    assert (found["classes"], found["aliases"], found["description"]) == (["no", "yes"], ["champion"], "Who leaves?")
    again = call(*arguments, "--if-changed").out
    assert again.startswith("unchanged  leavers:1  python  binary  no, yes  ")
    shown = call("version", "show", "leavers").out
    for told in (
        "gives         prediction: string, yes from p ≥ 0.4",
        "tried         loaded in ",
        "environment   Python 3.",
    ):
        assert told in shown


def test_a_failed_registration_leaves_nothing(place: Path) -> None:
    (place / "broken.py").write_text("raise RuntimeError('no')\n\ndef predict(data):\n    return data\n")
    answer = call("register", "broken", "broken.py", "--environment", "current", "--sample", "sample.csv", "--quiet")
    assert (answer.code, answer.out) == (1, "")
    assert "RuntimeError: no" in answer.err
    assert "Traceback" not in answer.err
    assert call("model", "show", "broken", "--json").error["type"] == "ModelNotFound"


def test_score_tells_one_line(place: Path) -> None:
    answer = call("score", "churn", "rows.csv", "scored/", "--keep", "id")
    assert answer.code == 0
    verb, ref, rows, seconds, output = answer.out.removesuffix("\n").split("  ")
    assert (verb, ref, rows, output) == ("scored", "churn:1", "600 rows", "→ scored/")
    assert seconds.endswith(" s")
    assert answer.err.splitlines()[0] == "scoring  churn  0 rows"
    assert pq.read_table("scored").column_names == ["id", "prediction", "probability_no", "probability_yes"]
    shown = call("run", "show", run_of(answer)).out
    assert "predicted     no 3" in shown


def test_score_takes_all_its_options(place: Path) -> None:
    (place / "other.csv").write_text("id,alter\n1,45\n2,30\n")
    arguments = (
        "score",
        "churn:1",
        "other.csv",
        "out.csv",
        "--keep",
        "all",
        "--map",
        "age=alter",
        "--threshold",
        "0.4",
        "--prefix",
        "m_",
    )
    found = call(*arguments, "--json")
    assert (found.code, found.err) == (0, "")
    wanted = {"kind": "score", "status": "done", "rows": 2, "rejected": 0, "ref": "churn:1"}
    assert {k: found.json[k] for k in wanted} == wanted
    with Path("out.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["id", "alter", "m_prediction", "m_probability_no", "m_probability_yes"],
            ["1", "45", "yes", "0.55", "0.45"],
            ["2", "30", "no", "0.7", "0.3"],
        ]
    again = call(*arguments, "--quiet")
    assert (again.code, again.err.partition(":")[0]) == (1, "Conflict")
    assert "--overwrite" in again.err
    assert call(*arguments, "--overwrite").code == 0


def test_rejects_are_counted_and_set_apart(place: Path) -> None:
    answer = call("score", "churn", "bad.csv", "out.parquet")
    assert answer.code == 0
    assert "  2 rejected  " in answer.out
    file = answer.err.partition("note: rejected rows, each with its reason, are in ")[2].splitlines()[0]
    assert [json.loads(line)["row"] for line in Path(file).read_text().splitlines()] == [1, 2]


def test_a_reject_can_end_the_run(place: Path) -> None:
    answer = call("score", "churn", "bad.csv", "out.parquet", "--on-reject", "fail", "--json")
    assert (answer.code, answer.out) == (1, "")
    assert answer.error["type"] == "RunFailed"
    assert answer.error["details"]["run"]
    assert not Path("out.parquet").exists()


def test_misuse_of_a_score_is_told_before_it_starts(place: Path) -> None:
    for arguments, told in (
        (["score", "churn", "absent.csv", "out"], "DatasetNotFound"),
        (["score", "churn", "rows.csv", "out", "--keep", "nam"], "InvalidInput"),
        (["score", "churn", "rows.csv", "out", "--map", "age"], "InvalidInput"),
        (["score", "double", "rows.csv", "out", "--threshold", "0.5"], "NotApplicable"),
        (["score", "churn", "rows.csv", "out", "--runner", "lokal"], "InvalidInput"),
    ):
        answer = call(*arguments, "--json")
        assert answer.error["type"] == told, answer.err
        assert answer.code == (2 if told == "InvalidInput" else 1)
    assert not Path("out").exists()


def test_predict_reads_stdin_and_prints_lines(place: Path) -> None:
    answer = call("predict", "churn", stdin=b'[{"age": 60}, {"age": 13}, {"age": 20}]')
    assert answer.code == 0
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert [r["prediction"] for r in rows] == ["yes", None, "no"]
    assert rows[0]["probabilities"] == pytest.approx([0.4, 0.6])
    assert rows[1]["error"] == "ValueError: thirteen"
    assert answer.err == "note: 1 of 3 rows has no prediction; `error` says why\n"
    assert call("predict", "churn", "--on-reject", "fail", stdin=b'{"age": 13}').code == 1


def test_a_command_ends_what_it_started(place: Path) -> None:
    call("predict", "double", stdin=b'{"age": 1}')
    workers = [p for p in psutil.Process().children(recursive=True) if "worker" in " ".join(p.cmdline())]
    assert not workers


def test_predict_in_other_forms(place: Path) -> None:
    given = Path("bad.csv").read_bytes()
    assert [r.split(",")[0] for r in call("predict", "churn", "--csv", "--threshold", "0.1", stdin=given).out.splitlines()] == [
        "prediction", "yes", "", "", "yes",
    ]  # fmt: skip
    found = call("predict", "double", "--json", "--map", "age=alter", stdin=b'{"alter": 3}').json
    assert (found["items"], found["next"], found["ref"]) == ([{"prediction": 6.0}], None, "double:1")
    missing = call("predict", "churn", "--json", stdin=b'{"ag": 3}')
    assert (missing.code, missing.error["type"]) == (2, "SignatureMismatch")


def test_a_score_that_is_cut_off_goes_on(place: Path) -> None:
    arguments = ["score", "double", "rows.csv", "cut.csv", "--keep", "id", "--set", "score.chunk_rows=20"]
    with subprocess.Popen([*MUSTER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for_rows()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, b"")
    assert b"Terminated: run " in err
    assert b"Traceback" not in err
    run = err.decode().partition("muster run resume ")[2].partition("`")[0]
    assert not Path("cut.csv").exists()
    assert "muster run resume" in call("run", "show", run).err
    assert call("run", "show", run, "--json").json["rows"] > 0
    answer = call("run", "resume", run)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("scored  double:1  600 rows  ")
    assert "resuming  double:1  " in answer.err
    with Path("cut.csv").open(newline="") as file:
        found = [(int(row["id"]), float(row["prediction"])) for row in csv.DictReader(file)]
    assert found == [(n, 2.0 * (20 + n % 60)) for n in range(ROWS)]


def test_a_score_that_is_killed_is_told_from_one_that_goes_on(place: Path) -> None:
    arguments = ["score", "double", "rows.csv", "killed.csv", "--set", "score.chunk_rows=20"]
    with subprocess.Popen([*MUSTER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for_rows()
        going = call("run", "list", "status=running")
        run = call("run", "list", "status=running", "--json").json["items"][0]
        process.kill()
        process.communicate(timeout=60)
    assert (run["cut_off"], going.err) == (False, "")
    assert " running " in going.out
    found = call("run", "list", "status=running")
    assert " cut off " in found.out
    assert found.err.endswith(
        f"note: 1 run cut off: the process is gone, and what is done is kept\nnext: muster run resume {run['id']}\n"
    )
    shown = call("run", "show", run["id"])
    assert "status        cut off: its process is gone; what is done is kept\nwent on       until 20" in shown.out
    assert shown.err.startswith(f"next: muster run resume {run['id']}\n")
    told = call("run", "show", run["id"], "--json").json
    assert (told["status"], told["cut_off"]) == ("running", True)
    assert told["rows"] > 0
    assert call("run", "resume", run["id"]).code == 0
    assert call("run", "show", run["id"], "--json").json["cut_off"] is False


def wait_for_rows() -> None:
    """Until a run has done some of its rows, and not all."""
    end = time.monotonic() + 60
    with muster.open() as hub:
        while not any(r.status == "running" and 0 < r.rows < ROWS for r in hub.runs()):
            assert time.monotonic() < end
            time.sleep(0.02)


def test_another_terminal_cancels(place: Path) -> None:
    arguments = ["score", "double", "rows.csv", "gone.csv", "--set", "score.chunk_rows=5"]
    with subprocess.Popen([*MUSTER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for_rows()
        run = call("run", "list", "status=running", "--json").json["items"][0]["id"]
        assert call("run", "cancel", run).out == f"asked to stop  {run}\n"
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert f"RunCancelled: run {run} was cancelled".encode() in err
    assert call("run", "show", run, "--json").json["status"] == "cancelled"
    assert not Path("gone.csv").exists()


def test_progress_is_one_line_that_goes(place: Path) -> None:
    with terminal(
        "score", "double", "rows.csv", "shown.csv", "--set", "score.chunk_rows=20", columns=80, cwd=place
    ) as screen:
        screen.read_until(lambda seen: "rows/s" in seen)
        code, shown = screen.end()
    assert code == 0
    frames = [plain(f) for f in shown.split("\r") if "scoring  double" in f]
    assert len(frames) > 2
    assert all(len(f.strip("\n")) <= 80 and "\n" not in f.strip("\n") for f in frames)
    assert plain(shown.rpartition("\x1b[2K")[2]).startswith("scored  double:1  600 rows  ")


def test_ctrl_c_reaches_muster_and_leaves_the_workers_to_it(place: Path) -> None:
    with terminal(
        "score", "double", "rows.csv", "cut.csv", "--set", "score.chunk_rows=10", columns=200, cwd=place
    ) as screen:
        screen.read_until(lambda seen: "rows/s" in seen)
        screen.interrupt()
        code, shown = screen.end()
    assert code == 130
    assert "Traceback" not in shown
    assert "Interrupted: run " in plain(shown)
    run = plain(shown).partition("muster run resume ")[2].partition("`")[0]
    error = call("run", "show", run, "--json").json["error"]
    assert error == "interrupted: KeyboardInterrupt"


def test_who_gives_no_stdin_is_told_that_it_is_read(place: Path) -> None:
    with terminal("predict", "churn", cwd=place) as screen:
        seen = screen.read_until(lambda seen: "end with Ctrl-D" in seen)
        screen.interrupt()
    assert "reading rows from stdin, end with Ctrl-D" in seen


def test_the_terminal_shows_predictions_as_a_table(place: Path) -> None:
    with terminal("predict", "double", cwd=place) as screen:
        screen.read_until(lambda seen: "end with Ctrl-D" in seen)
        screen.type('[{"age": 3}, {"age": 4}]\n\x04')
        code, shown = screen.end()
    assert code == 0
    assert [line.strip() for line in plain(shown).splitlines()][-3:] == ["prediction", "6", "8"]


def test_python_m_muster_is_muster() -> None:
    assert call_apart("--version").out == call("--version").out
    assert os.environ["MUSTER_ACTOR"] == "ada"
