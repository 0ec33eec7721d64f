"""`muster connection` and `muster discover`, against an account on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.predictors.external import rest
from muster.testing.endpoints import Account, Served, serving
from tests.cli.helpers import call, words


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    model = Served(
        predict=lambda rows: [[1 - p, p] for p in (min(1.0, float(r["age"]) / 100) for r in rows)],
        columns=("age",),
        container="",
    )
    monkeypatch.setattr(rest, "_PAUSES", (0.0,))
    with serving("databricks", {"churn": {"blue": model, "green": model}, "prices": model}) as account:
        for name, value in account.environ.items():
            monkeypatch.setenv(name, value)
        yield account


@pytest.fixture
def added(account: Account) -> Account:
    done = call(
        "connection", "add", "lake", "databricks", f"host={account.url}", "token=env:DATABRICKS_TOKEN", "--rate", "500"
    )
    assert done.code == 0
    return account


def test_add_list_show_and_remove(account: Account) -> None:
    setting = f"host={account.url}"
    done = call(
        "connection",
        "add",
        "lake",
        "databricks",
        setting,
        "token=env:DATABRICKS_TOKEN",
        "--tag",
        "team=ops",
        "--rate",
        "5",
    )
    assert (done.code, done.out) == (0, "added  lake  databricks\n")
    assert "muster connection test lake" in done.err
    assert words(call("connection", "list").out.splitlines())[1][:2] == ["lake", "databricks"]
    (listed,) = call("connection", "list", "kind=databricks", "--json").json["items"]
    assert (listed["name"], listed["caps"], listed["tags"]) == ("lake", {"rate": 5.0}, {"team": "ops"})
    assert call("connection", "list", "kind=http", "--json").json["items"] == []
    sheet = call("connection", "show", "lake").out
    for fact in (
        f"host = {account.url}",
        "token = env:DATABRICKS_TOKEN",
        "rate 5",
        "team=ops",
        "used by       nothing",
        "by ada",
    ):
        assert fact in sheet
    told = call("connection", "show", "lake", "--json").json
    assert (told["kind"], told["uses"]) == ("databricks", [])
    assert call("connection", "remove", "lake", "--json").json == {"removed": "lake"}
    assert "no connections yet" in call("connection", "list").err


def test_no_secret_is_shown(added: Account) -> None:
    secret = added.environ["DATABRICKS_TOKEN"]
    for words_ in (("list",), ("show", "lake"), ("test", "lake"), ("show", "lake", "--json")):
        told = call("connection", *words_)
        assert secret not in told.out + told.err
    refused = call("connection", "add", "other", "databricks", f"host={added.url}", f"token={secret}")
    assert refused.code == 2
    assert "is given as where it is" in refused.err
    assert secret not in refused.err
    assert secret not in call("event", "list", "--json").out


def test_what_is_wrong_is_told_at_once(account: Account) -> None:
    told = call("connection", "add", "x", "vertex", "reigon=e", "credentials=/c.json", "--rate", "-1", "--json")
    assert told.code == 2
    assert told.error["details"]["problems"] == [
        "it has no setting `reigon`; did you mean `region`?",
        "`region` is missing: the region, such as europe-west1",
        "`rate` is -1.0, and no number above 0: it is the most requests a second",
    ]
    taken = call("connection", "add", "y", "http", "url=https://h")
    assert taken.code == 0
    taken = call("connection", "add", "y", "http", "url=https://h")
    assert taken.code == 1
    assert "--replace" in taken.err
    assert call("connection", "add", "y", "http", "url=https://i", "--replace").code == 0


def test_a_test_says_each_step(added: Account) -> None:
    done = call("connection", "test", "lake", "churn")
    assert (done.code, done.out) == (0, "works  lake\n")
    assert [line.split(":")[0].split() for line in done.err.splitlines()] == [
        ["ok", "name"],
        ["ok", "login"],
        ["ok", "permission"],
        ["ok", "endpoint"],
    ]
    told = call("connection", "test", "lake", "--json").json
    assert [(s["name"], s["passed"]) for s in told["steps"]] == [("name", True), ("login", True), ("permission", True)]


def test_a_test_says_which_step_fails(added: Account) -> None:
    added.deny("list")
    told = call("connection", "test", "lake")
    assert told.code == 1
    assert "failed  permission: Databricks at" in told.err
    assert "hint: see that who asks may view and query the endpoint" in told.err
    error = call("connection", "test", "lake", "--json").error
    assert (error["type"], error["details"]["step"]) == ("SourceError", "permission")
    added.allow("list")
    assert call("connection", "test", "lake", "chrun", "--json").error["details"]["step"] == "endpoint"
    assert call("connection", "test", "laek").code == 1


def test_discover(added: Account) -> None:
    found = call("discover", "lake")
    assert found.code == 0
    table = words(found.out.splitlines())
    assert [row[0] for row in table[1:]] == ["churn", "prices"]
    assert "blue, green" in found.out
    assert "muster register MODEL churn --connection lake" in found.err
    items = call("discover", "lake", "--name", "ric", "--json").json["items"]
    assert [(i["connection"], i["name"], i["status"]) for i in items] == [("lake", "prices", "READY")]
    none = call("discover", "lake", "--name", "nothing")
    assert (none.code, none.out) == (0, "")
    assert "lake serves no endpoint with `nothing` in its name" in none.err


def test_what_was_spent_is_shown(added: Account, place: Path) -> None:
    assert "spent" not in call("connection", "show", "lake").out
    again = ("connection", "add", "lake", "databricks", f"host={added.url}", "token=env:DATABRICKS_TOKEN", "--replace")
    assert call(*again, "--price-per-call", "0.5", "--spend", "100").code == 0
    assert words(call("connection", "show", "lake").out.splitlines())[-3][:4] == ["spent", "0.00", "of", "100.00"]
    pq.write_table(pa.table({"age": [10.0, 30.0, 60.0, 90.0], "left": [0, 0, 1, 1]}), place / "people.parquet")
    declared = ("--task", "binary", "--target", "left", "--classes", "0,1", "--sample", place / "people.parquet")
    assert call("register", "prices", "prices", "--connection", "lake", *declared).code == 0
    spent = 0.5 * len(added.invocations)
    assert spent > 0
    assert call("connection", "show", "lake", "--json").json["spent"] == spent
    assert f"{spent:,.2f} of 100.00" in call("connection", "show", "lake").out


def test_discovered_ones_are_registered(added: Account, place: Path) -> None:
    pq.write_table(pa.table({"age": [10.0, 30.0, 60.0, 90.0], "left": [0, 0, 1, 1]}), place / "people.parquet")
    declared = ("--task", "binary", "--target", "left", "--classes", "0,1", "--sample", place / "people.parquet")
    done = call("discover", "lake", "--register", *declared, "--json")
    assert (done.code, done.json) == (0, {"registered": ["churn:1", "prices:1"], "failed": []})
    assert call("connection", "show", "lake", "--json").json["uses"] == ["churn:1", "prices:1"]
    used = call("connection", "remove", "lake")
    assert used.code == 1
    assert "the connection `lake` is used by churn:1, prices:1" in used.err
    added.faults.add("unavailable", on="describe", endpoint="prices")
    failed = call("discover", "lake", "--register", *declared)
    assert failed.code == 1
    assert "failed  prices" in failed.err
    assert "registered  churn:1" in failed.err
