"""Keeping house: models, versions, aliases, tags, datasets, runs, events, settings. Golden texts."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

import muster
from tests.cli.conftest import RUN
from tests.cli.helpers import call, leaves


def test_a_new_hub_is_told_and_is_empty(place: Path) -> None:
    (place / "rows.csv").write_text("age\n1\n")
    register = ("dataset", "register", "march", "rows.csv")
    assert call(*register).err == f"made  a new hub in {place}/.muster\n"
    assert call(*register, "--replace").err == ""
    assert call(*register, "--json", "--hub", "another").err == ""
    assert call(*register, "--quiet", "--hub", "a-third").err == ""
    answer = call("model", "list")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "no models yet\nnext: muster register MODEL SOURCE\n"
    assert call("model", "list", "--json").json == {"items": [], "next": None}
    assert call("model", "list", "--quiet").err == ""


def test_what_only_reads_makes_no_hub(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makers = {"muster register", "muster demo", "muster dataset register", "muster metric register"}
    makers |= {"muster db restore", "muster connection add"}
    assert {path for path, command in leaves() if getattr(command, "makes_hub", False)} == makers
    hint = (
        "go to the folder that has one, name it with --hub or MUSTER_HUB, or make one with"
        " `muster register MODEL SOURCE` or `muster demo`"
    )
    (place / "empty").mkdir()
    for arguments in (
        ("model", "list"),
        ("version", "show", "churn"),
        ("run", "list"),
        ("event", "verify"),
        ("env", "gc"),
        ("alias", "set", "churn:1", "champion"),
        ("score", "churn", "rows.csv", "out.csv"),
        ("evaluate", "churn", "rows.csv"),
    ):
        answer = call(*arguments, "--json")
        assert (answer.code, answer.error["type"], answer.error["hint"]) == (1, "NotFound", hint)
        assert answer.error["message"].startswith(f"there is no hub at {place}/.muster (where it is when neither --hub")
    assert call("model", "list", "--hub", "empty", "--json").error["message"] == (
        f"there is no hub at {place}/empty (named by --hub)"
    )
    assert call("model", "list", "--hub", "sqlite:///a.db", "--json").error["message"] == (
        f"there is no hub at {place}/a.db (named by --hub)"
    )
    monkeypatch.setenv("MUSTER_HUB", "there")
    assert "(named by MUSTER_HUB)" in call("model", "list").err
    monkeypatch.delenv("MUSTER_HUB")
    (place / "muster.toml").write_text('hub = "elsewhere"')
    assert f"{place}/elsewhere (named in {place}/muster.toml)" in call("model", "list").err
    assert sorted(p.name for p in place.rglob("*")) == ["empty", "muster.toml"]


def test_data_that_are_scored_already_need_no_hub_before(place: Path) -> None:
    (place / "scored.csv").write_text("actual,prediction\n" + "1.5,1\n2,2.5\n" * 20)
    answer = call("evaluate", "scored.csv", "--target", "actual")
    assert answer.code == 0, answer.err
    assert f"made  a new hub in {place}/.muster" in answer.err
    assert len(call("evaluation", "list", "--json").json["items"]) == 1


def test_what_is_no_hub_says_so(place: Path) -> None:
    (place / "rows.csv").write_text("age\n1\n")
    for name in ("rows.csv", "x" * 300):
        for arguments in (("model", "list"), ("dataset", "register", "march", "rows.csv")):
            answer = call(*arguments, "--hub", name, "--json")
            assert (answer.code, answer.error["type"]) == (2, "InvalidInput")
            assert len(answer.error["message"]) < 200
            assert (answer.error["message"] == "`rows.csv` is a file, not a hub") == (name == "rows.csv")
    assert [p.name for p in place.iterdir()] == ["rows.csv"]


def test_the_hub_is_named_before_or_after_the_command(written: Path, place: Path) -> None:
    muster.open("other").close()
    for arguments in (
        ("--hub", "other", "model", "list"),
        ("model", "--hub", "other", "list"),
        ("model", "list", "--hub", "other"),
    ):
        assert call(*arguments, "--json").json["items"] == []


def test_json_is_asked_for_before_or_after_the_command(written: Path) -> None:
    told = call("model", "list", "--json")
    assert told.json == call("--json", "model", "list").json == call("model", "--json", "list").json
    assert told.err == ""


def test_model_list(written: Path) -> None:
    answer = call("model", "list")
    assert answer.err == ""
    assert answer.out.splitlines() == [
        "name   task    target  classes  aliases     tags      updated_at            description",
        "churn  binary  left    no, yes  champion=2  team=ops  2026-03-01T12:00:00Z  Who leaves within three months?",
        "fraud  binary  left    no, yes  –           –         2026-03-01T12:00:00Z  –",
    ]
    churn = call("model", "list", "--json").json["items"][0]
    assert churn["aliases"] == {"champion": 2}
    assert (churn["name"], churn["classes"], churn["created_at"]) == (
        "churn",
        ["no", "yes"],
        "2026-03-01T12:00:00.000000Z",
    )
    assert "format" not in churn


@pytest.mark.parametrize(
    ("filters", "found"),
    [(["name~CHU"], ["churn"]), (["task=binary"], ["churn", "fraud"]), (["tag.team=ops"], ["churn"]), (["tag.team!=ops"], ["fraud"]),
     (["task=binary", "name>=d"], ["fraud"])],
)  # fmt: skip
def test_models_are_filtered(filters: list[str], found: list[str], written: Path) -> None:
    assert [m["name"] for m in call("model", "list", *filters, "--json").json["items"]] == found


def test_lists_are_sorted_and_go_on_at_a_cursor(written: Path) -> None:
    first = call("model", "list", "--sort", "-name", "--limit", "1", "--json").json
    assert [m["name"] for m in first["items"]] == ["fraud"]
    second = call("model", "list", "--sort", "-name", "--limit", "1", "--cursor", first["next"], "--json").json
    assert ([m["name"] for m in second["items"]], second["next"]) == (["churn"], None)
    assert call("model", "list", "--limit", "1").err == (
        "next: the same command with --all, or with --cursor and the `next` that --json prints\n"
    )
    everything = call("model", "list", "--limit", "1", "--all", "--json").json
    assert (len(everything["items"]), everything["next"]) == (2, None)


def test_a_filter_that_finds_nothing_says_so(written: Path) -> None:
    answer = call("model", "list", "name=absent")
    assert (answer.code, answer.out, answer.err) == (0, "", "nothing matches name=absent\n")


def test_csv_is_for_tables(written: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(call("--csv", "version", "list", "churn").out)))
    assert [(r["ref"], r["aliases"], r["size"]) for r in rows] == [
        ("churn:2", '["champion"]', "3200000"),
        ("churn:1", "[]", "3200000"),
    ]
    answer = call("--csv", "model", "show", "churn")
    assert (answer.code, answer.out) == (2, "")
    assert "`muster model show` prints no table: leave --csv out" in answer.err
    assert call("model", "show", "churn", "--csv").err == answer.err
    assert "--csv" not in call("model", "show", "--help").out
    assert call("--csv", "model", "list", "--json").code == 2


def test_model_show(written: Path) -> None:
    answer = call("model", "show", "churn")
    assert answer.out.splitlines() == [
        "churn",
        "              Who leaves within three months?",
        "task          binary",
        "target        left",
        "classes       no, yes",
        "aliases       champion → churn:2",
        "tags          team=ops",
        "versions      version  origin  aliases   created_at            by   description",
        "              churn:2  mlflow  champion  2026-03-01T12:00:00Z  ada  Trained on 2026",
        "              churn:1  mlflow  –         2026-03-01T12:00:00Z  ada  –",
        "created       2026-03-01T12:00:00Z by ada",
        "updated       2026-03-01T12:00:00Z",
        "id            01JD4ZT7K5Q3F0W8V9X2Y6A1M0",
    ]
    assert answer.err == "next: muster version show churn:2\n"
    assert call("model", "show", "churn", "--json").json["aliases"] == {"champion": 2}


def test_version_show(written: Path) -> None:
    answer = call("version", "show", "churn@champion")
    assert answer.out.splitlines() == [
        "churn:2",
        "              Trained on 2026",
        "origin        mlflow",
        "source        /models/churn",
        f"digest        {'ba' * 32}  3.2 MB",
        "task          binary",
        "target        left",
        "classes       no, yes  (positive: yes)",
        "threshold     0.3",
        "takes         column  type    may be",
        "              age     int64   –",
        "              city    string  absent or null",
        "parameters    parameter  type    default",
        "              scale      double  1.0",
        "gives         prediction: string, yes from p ≥ 0.3",
        "              probabilities: no, yes, from `predict_proba`; the model's own order is yes, no",
        "environment   Python 3.11, not built here: this Python is used where it has all that is locked",
        "              scikit-learn==1.6.1",
        "tried         loaded in 1.2 s, predicted 1,000 rows of the sample in 31 ms, under Python 3.11.7",
        "              scikit-learn 1.6.1",
        'answered      {"prediction": "no", "probabilities": [0.9, 0.1]}',
        "notes         the classes are in another order than the model's own",
        "aliases       champion",
        "tags          stage=trial",
        "registered    2026-03-01T12:00:00Z by ada",
        "id            01JD4ZT7K5Q3F0W8V9X2Y6A1V2",
    ]
    assert answer.err.splitlines() == [
        "next: muster score churn:2 INPUT OUTPUT",
        "      muster predict churn:2 < rows.json",
    ]


def test_version_json(written: Path) -> None:
    found = call("version", "show", "churn", "--json").json
    assert list(found)[:2] == ["id", "ref"]
    wanted = {"ref": "churn:2", "model": "churn", "number": 2, "origin": "mlflow", "task": "binary", "classes": ["no", "yes"],
              "aliases": ["champion"], "threshold": 0.3, "tags": {"stage": "trial"}}  # fmt: skip
    assert {k: found[k] for k in wanted} == wanted
    assert found["signature"]["columns"][0] == {"name": "age", "type": "int64", "required": True, "nullable": False}
    assert "format" not in found


def test_version_list_takes_a_model_or_filters(written: Path) -> None:
    assert [v["ref"] for v in call("version", "list", "churn", "--json").json["items"]] == ["churn:2", "churn:1"]
    assert [v["ref"] for v in call("version", "list", "churn", "number=1", "--json").json["items"]] == ["churn:1"]
    assert len(call("version", "list", "origin=mlflow", "--json").json["items"]) == 2
    assert call("version", "list", "absent", "--json").error["type"] == "ModelNotFound"


def test_descriptions(written: Path) -> None:
    answer = call("model", "describe", "churn", "Who goes?")
    assert (answer.code, answer.out) == (0, "described  churn\n")
    assert call("model", "show", "churn", "--json").json["description"] == "Who goes?"
    assert call("version", "describe", "churn", "The second").out == "described  churn:2\n"
    assert call("version", "show", "churn:2", "--json").json["description"] == "The second"
    assert call("model", "describe", "churn:1", "no", "--json").error["type"] == "InvalidReference"


def test_thresholds(written: Path) -> None:
    assert call("version", "threshold", "churn:1", "0.25").out == "threshold  churn:1  yes from p ≥ 0.25\n"
    assert call("version", "show", "churn:1", "--json").json["threshold"] == 0.25
    assert call("version", "threshold", "churn:1", "none").out == "threshold  churn:1  the model's own label\n"
    assert call("version", "threshold", "churn:1", "high").code == 2
    assert call("version", "threshold", "churn:1", "1.5", "--json").error["type"] == "InvalidInput"


def test_aliases(written: Path) -> None:
    answer = call("alias", "set", "churn:1", "challenger", "--reason", "try it")
    assert (answer.out, answer.err) == ("set  churn@challenger  → churn:1\n", "")
    assert call("alias", "set", "churn:1", "challenger").out == "set  churn@challenger  already  → churn:1\n"
    assert call("alias", "set", "churn:1", "champion").out == "set  churn@champion  churn:2  → churn:1\n"
    assert call("alias", "set", "churn:2", "champion").code == 0
    assert "`a b` cannot name an alias: " in call("alias", "set", "churn:2", "a b").err
    assert call("alias", "list", "churn").out.splitlines() == [
        "alias             version",
        "churn@challenger  churn:1",
        "churn@champion    churn:2",
    ]
    assert call("alias", "list", "--json").json["items"][0] == {
        "model": "churn",
        "alias": "challenger",
        "number": 1,
        "ref": "churn:1",
    }
    assert call("alias", "remove", "churn@challenger", "--json").json == {"removed": "churn@challenger"}
    assert [a["alias"] for a in call("alias", "list", "--json").json["items"]] == ["champion"]
    assert (
        call("event", "list", "subject~challenger", "action~created", "--json").json["items"][0]["reason"] == "try it"
    )


def test_an_alias_is_removed_by_its_reference(written: Path) -> None:
    answer = call("alias", "remove", "churn:2")
    assert (answer.code, answer.out) == (2, "")
    assert (
        answer.err
        == "InvalidReference: `churn:2` is no alias of a model\n\nhint: write MODEL@ALIAS, such as churn@champion\n"
    )


def test_tags(written: Path) -> None:
    assert call("tag", "set", "churn:1", "team=risk", "cost=42").out == "tagged  churn:1  team=risk  cost=42\n"
    assert call("version", "show", "churn:1", "--json").json["tags"] == {"cost": "42", "team": "risk"}
    answer = call("tag", "remove", "churn:1", "team", "absent")
    assert (answer.out, answer.err) == ("untagged  churn:1  team\n", "note: churn:1 had no tag `absent`\n")
    assert call("tag", "remove", "churn", "absent").out == "untagged  churn  nothing\n"
    assert call("tag", "set", "churn", "owner=ada", "--json").json["tags"] == {"owner": "ada", "team": "ops"}
    answer = call("tag", "set", "churn", "owner")
    assert (answer.code, answer.err) == (2, "InvalidInput: a tag does not take `owner`\n\nhint: write KEY=VALUE\n")


def test_tags_that_are_none(written: Path) -> None:
    for key in ("a\nb", "a\x1b[2J", "a\x00"):
        answer = call("tag", "set", "churn:1", f"{key}=1", "--json")
        assert (answer.code, answer.error["message"]) == (2, f"cannot be keys of tags: {key!r}")
    answer = call("tag", "set", "churn:1", f"big={'x' * 1_001}", "--json")
    assert (answer.code, answer.error["message"]) == (2, "a tag's value has up to 1,000 characters: `big` has 1,001")
    assert call("tag", "set", "churn:1", f"big={'x' * 1_000}").code == 0
    (Path("rows.csv")).write_text("age\n1\n")
    assert call("dataset", "register", "d", "rows.csv", "--tag", "a\nb=1").code == 2


def test_words_and_numbers_that_cannot_be(written: Path) -> None:
    answer = call("run", "list", "status=donee", "--json")
    assert (answer.code, answer.error["message"]) == (
        2,
        "`status` is never `donee`; did you mean `done`?; there are queued, running, done, failed, cancelled",
    )
    assert call("model", "list", "task!=binry").code == 2
    assert call("run", "list", "status~fail").code == 0
    answer = call("run", "list", "--limit", "9" * 300, "--json")
    assert answer.code == 2
    assert len(answer.error["message"]) < 200
    assert answer.error["hint"].startswith("give a limit within that")
    answer = call("model", "show", "x" * 300, "--json")
    assert len(answer.error["message"] + answer.error["hint"]) < 300


def test_variables_that_are_no_settings_are_told(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_WORKER_MEMROY", "2G")
    monkeypatch.setenv("MUSTER_SCORE_X", "red")
    monkeypatch.setenv("MUSTER_HUBB", "x")
    monkeypatch.setenv("MUSTER_NO_PROGRESS", "1")
    monkeypatch.setenv("MUSTER_BUILD_ID", "7")
    told = (
        "note: MUSTER_HUBB is no setting; did you mean `MUSTER_HUB`?\n"
        "note: MUSTER_SCORE_X is no setting\n"
        "note: MUSTER_WORKER_MEMROY is no setting; did you mean `MUSTER_WORKER_MEMORY` or `MUSTER_WORKER_WARM_MEMORY`?\n"
    )
    assert call("model", "list").err == call("config", "show").err == told
    assert call("model", "list", "--json").err == ""


def test_deleting_asks_or_wants_yes(written: Path) -> None:
    answer = call("version", "delete", "churn:1")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "InvalidInput: deleting the version churn:1 needs a confirmation, and there is no terminal to ask on\n\nhint: add --yes\n"
    )
    assert call("version", "delete", "churn:1", "--yes").out == "deleted  churn:1\n"
    assert call("version", "show", "churn:1").code == 1


def test_what_is_deleted_is_listed_apart_and_comes_back(written: Path) -> None:
    call("version", "delete", "churn:1", "--yes")
    assert [v["ref"] for v in call("version", "list", "churn", "--json").json["items"]] == ["churn:2"]
    (gone,) = call("version", "list", "--deleted", "--json").json["items"]
    assert gone["ref"] == "churn:1"
    assert gone["deleted_at"] is not None
    answer = call("version", "show", "churn:1")
    assert answer.err.endswith("hint: bring it back with `muster version restore churn:1`\n")
    assert call("version", "restore", "churn:1").out == "restored  churn:1\n"
    call("alias", "remove", "churn@champion")
    answer = call("model", "delete", "churn", "--yes")
    assert (answer.out, answer.err) == ("deleted  churn  2 versions\n", "next: muster model restore churn\n")
    assert [m["name"] for m in call("model", "list", "--deleted", "--json").json["items"]] == ["churn"]
    assert call("model", "restore", "churn").out == "restored  churn  2 versions\n"
    call("model", "delete", "churn", "--yes")
    assert call("model", "delete", "churn", "--for-good", "--yes").out == "deleted  churn  2 versions\n"
    assert call("model", "restore", "churn").code == 1


def test_what_an_alias_points_at_stays(written: Path) -> None:
    answer = call("version", "delete", "churn:2", "--yes")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("Conflict: `churn:2` cannot be deleted: `champion` points at it\n\nhint: ")
    call("alias", "remove", "churn@champion")
    assert call("model", "delete", "churn", "--yes", "--json").json == {"deleted": "churn", "versions": 2}


def test_datasets(place: Path) -> None:
    (place / "rows.csv").write_text("age,city\n1,Rome\n2,Oslo\n")
    answer = call("dataset", "register", "march", "rows.csv", "--tag", "team=ops", "--quiet")
    assert answer.out == f"registered  data:march  2 columns  2 rows  → {place}/rows.csv\n"
    assert call("dataset", "show", "data:march").out.splitlines()[:5] == [
        "data:march",
        f"uri           {place}/rows.csv",
        "rows          2",
        "columns       name  type",
        "              age   int64",
    ]
    assert [d["name"] for d in call("dataset", "list", "tag.team=ops", "--json").json["items"]] == ["march"]
    assert call("dataset", "register", "march", "rows.csv").code == 1
    assert call("dataset", "register", "march", "rows.csv", "--replace").code == 0
    assert call("dataset", "remove", "march").out == "removed  data:march\n"
    assert call("dataset", "show", "march", "--json").error["type"] == "DatasetNotFound"


def test_runs(written: Path) -> None:
    assert call("run", "list").out.splitlines() == [
        "id                          kind   status  version    rows  rejected   took  created_at            output",
        "01JD4ZT7K5Q3F0W8V9X2Y6A1BC  score  done    churn:1  28,240         3  4.1 s  2026-03-01T12:00:00Z  scored",
    ]
    assert call("run", "show", RUN).out.splitlines() == [
        "score  01JD4ZT7K5Q3F0W8V9X2Y6A1BC",
        "status        done",
        "version       churn:1",
        "input         rows.parquet",
        "output        scored",
        "rows          28,240",
        "rejected      3",
        "              scored.rejects.jsonl",
        "took          4.1 s",
        "of which      read 12%, predict 75%, write 12%",
        "cast          age: int32 → int64",
        "settings      keep = id",
        "              on_reject = skip",
        "              runner = local",
        "              chunk_rows = 65,536",
        "began         2026-03-01T12:00:00Z by ada",
        "ended         2026-03-01T12:00:00Z",
        f"fingerprint   {'12' * 32}",
    ]
    found = call("run", "show", RUN, "--json").json
    assert list(found)[:4] == ["id", "kind", "status", "ref"]
    assert (found["rows"], found["rejected"], found["output"], found["ref"]) == (28_240, 3, "scored", "churn:1")


def test_a_finished_run_is_neither_cancelled_nor_resumed(written: Path) -> None:
    assert call("run", "cancel", RUN, "--json").error["type"] == "Conflict"
    assert call("run", "resume", RUN, "--json").error["type"] == "Conflict"
    answer = call("run", "show", "absent")
    assert (answer.code, answer.err) == (
        1,
        "RunNotFound: no run has the id `absent`\n\nhint: list them with `muster run list`\n",
    )


def test_events(written: Path) -> None:
    assert call("event", "list", "action=alias.created").out.splitlines() == [
        "seq  at                    actor  action         subject               changes  reason",
        call("event", "list", "action=alias.created").out.splitlines()[1],
    ]
    newest = call("event", "list", "--json").json["items"]
    assert [e["seq"] for e in newest] == sorted((e["seq"] for e in newest), reverse=True)
    answer = call("event", "verify")
    assert (answer.code, answer.out) == (0, f"verified  {len(newest)} events  the chain is whole\n")
    assert call("event", "verify", "--json").json == {"holds": len(newest)}


def test_events_say_what_changed(written: Path) -> None:
    call("tag", "set", "churn:1", "team=ops")
    call("version", "threshold", "churn:1", "0.25")
    call("alias", "set", "churn:1", "champion")
    found = {line.split()[2:6][1]: line for line in call("event", "list", "--limit", "3").out.splitlines()[1:]}
    assert "  number: 2 → 1  " in found["alias.changed"]
    lines = call("event", "list", "action=version.changed", "--limit", "2").out.splitlines()
    assert "threshold: – → 0.25" in lines[1]
    assert "tags.team: – → ops" in lines[2]
    assert "updated_at" not in call("event", "list").out


def test_origins() -> None:
    found = call("origin", "list", "--json").json["items"]
    assert {o["name"] for o in found} >= {"mlflow", "python"}
    assert not Path(".muster").exists()


def test_environments(written: Path) -> None:
    assert call("env", "list", "--json").json == {"items": [], "next": None}
    assert call("env", "gc").out == "removed  0 environments\n"
    assert call("env", "gc", "--json").json == {"removed": []}


def test_collecting_says_what_it_freed(written: Path, place: Path) -> None:
    rejects = place / "out.csv.rejects.jsonl"
    rejects.write_text("{}\n" * 500)
    os.utime(rejects, (0, 0))  # as old as its run
    with muster.open(written) as hub, hub._records.transaction("ada") as tx:
        known = hashlib.sha256(rejects.read_bytes()).hexdigest()
        tx.replace(replace(hub.run(RUN), rejects=str(rejects), rejects_sha256=known))
    assert call("gc", "--dry-run", "--set", "retention.rejects_days=0").out == (
        "would collect  rejects of 1 run  0 blobs  1.5 kB\n"
    )
    told = call("gc", "--json", "--set", "retention.rejects_days=0").json
    assert (told["rejects"], told["rejects_bytes"], told["freed"]) == ([RUN], 1_500, 1_500)
    assert not rejects.exists()
    assert "\n              collected 20" in call("run", "show", RUN).out
    assert call("gc").out == "collected  0 blobs  0 B\n"


def test_db_upgrade(written: Path) -> None:
    told = call("db", "upgrade", "--json").json
    assert told["before"] == told["after"]
    assert call("db", "upgrade").out == f"upgraded  at {told['after']} already\n"


def test_settings_say_where_they_come_from(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "muster.toml").write_text("[worker]\ncall_seconds = 5\n")
    monkeypatch.setenv("MUSTER_WORKER_MEMORY", "2G")
    answer = call("--hub", "x", "config", "show", "--set", "worker.count=3", "--json")
    found = {s["name"]: (s["value"], s["source"]) for s in answer.json["items"]}
    wanted = {
        "hub": ("x", "argument"),
        "worker.count": (3, "argument"),
        "worker.memory": (2_000_000_000, "environment"),
        "worker.call_seconds": (5.0, str(place / "muster.toml")),
        "worker.load_seconds": (120.0, "default"),
    }
    assert {name: found[name] for name in wanted} == wanted
    assert (
        call("config", "show", "worker.count", "--csv")
        .out.splitlines()[1]
        .startswith("worker.count,2,default,MUSTER_WORKER_COUNT,")
    )
    assert not Path(".muster").exists()


def test_settings_that_are_none(place: Path) -> None:
    answer = call("config", "show", "wrker")
    assert (answer.code, answer.err.splitlines()[0]) == (
        2,
        "InvalidInput: there is no setting `wrker`; did you mean `worker` or `ray.workers`?",
    )
    assert call("config", "show", "--set", "worker.count=many", "--json").error["type"] == "InvalidConfig"
    assert call("config", "show", "--set", "worker").code == 2
