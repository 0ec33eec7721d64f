"""Databases and buckets by the names of connections: read and written with their own secrets, which stand nowhere."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.datasets.object_named import named_place
from muster.endpoint import Step
from muster.errors import Conflict, DatasetError, InvalidInput, MusterError, NotFound, RunCancelled
from muster.hub import Hub
from muster.objects.bucket import bucket_of
from muster.records import Progress
from tests import postgres
from tests.cli.helpers import call, call_apart
from tests.clouds.guarded import Guarded, guarded
from tests.hub.conftest import MODEL, numbers

SECRET = "p@ss%20w?rd/nowhere"
ROWS = 5_000
MADE = f"CREATE TABLE t AS SELECT n::bigint AS n, 'row ' || n AS text FROM generate_series(0, {ROWS - 1}) AS n"


@dataclass(frozen=True)
class Asking:
    """A server that asks `guarded` for a password; its URL without one, and that of who needs none."""

    url: str
    open: str


@pytest.fixture(scope="module")
def asking() -> Iterator[Asking]:
    with postgres.own_server() as server:
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}")
        making = f"CREATE ROLE guarded LOGIN PASSWORD '{SECRET}'"
        postgres.run(server.url, "CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM public")
        postgres.run(server.url, making, "GRANT CREATE ON SCHEMA public TO guarded", "SELECT pg_reload_conf()")
        yield Asking(server.url.replace("//postgres@", "//guarded@"), server.url)


@pytest.fixture
def warehouse(hub: Hub, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> Asking:
    """A connection `warehouse` to a database with a table `t`, which is of who logs in."""
    owned = ("DROP OWNED BY guarded", "GRANT CREATE ON SCHEMA public TO guarded", "SET ROLE guarded; " + MADE)
    postgres.run(asking.open, *owned)
    monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRET)
    hub.connect("warehouse", "sql", url=asking.url, password="env:WAREHOUSE_PASSWORD")
    return asking


def steps(hub: Hub, name: str) -> list[tuple[str, bool]]:
    return [(step.name, step.passed) for step in hub.test_connection(name)]


def table(hub: Hub, uri: str) -> pa.Table:
    found = hub.open_dataset(uri)
    return pa.Table.from_batches([c.batch for p in found.parts(10_000) for c in p.chunks(10_000)])


def nowhere(folder: Path, *secrets: str) -> None:
    """In no file of the hub."""
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not [s for s in secrets if s.encode() in content], file


class TestDatabases:
    def test_a_table_is_scored_into_another(
        self, hub: Hub, warehouse: Asking, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        run = hub.score("numbers", "sql:warehouse?table=t&key=n", "sql:warehouse?table=scored", keep="n")
        assert (run.status, run.rows, run.input, run.output) == (
            "done", ROWS, "sql:warehouse?table=t&key=n", "sql:warehouse?table=scored",
        )  # fmt: skip
        [(rows, least, most)] = postgres.run(warehouse.open, "SELECT count(*), min(n), max(n) FROM scored")
        assert (rows, least, most) == (ROWS, 0, ROWS - 1)
        record = hub.dataset("items", "sql:warehouse?query=select n from t where n < 7&key=n")
        assert (record.rows, record.uri) == (7, "sql:warehouse?query=select%20n%20from%20t%20where%20n%20<%207&key=n")
        assert hub.score("numbers", "data:items", "sql:warehouse?table=scored&mode=append", keep="n").rows == 7
        plain = hub.open_dataset(f"{warehouse.open}?table=t&key=n").fingerprint()
        assert run.fingerprint == plain
        nowhere(hub.folder, SECRET)
        told = (
            "".join(map(repr, [*hub.events(), *hub.runs(), *hub.connections()]))
            + caplog.text
            + "".join(capfd.readouterr())
        )
        assert SECRET not in told
        assert "env:WAREHOUSE_PASSWORD" in told

    def test_samples_come_from_it(self, hub: Hub, warehouse: Asking) -> None:
        version = hub.register("again", MODEL, task="binary", sample="sql:warehouse?query=select n from t")
        assert version.signature is not None
        assert [c.name for c in version.signature] == ["n"]

    def test_what_would_write_over_its_input_is_refused_by_whichever_name(self, hub: Hub, warehouse: Asking) -> None:
        names = ["sql:warehouse?table=t", f"{warehouse.open}?table=t"]
        for data, output in (names, names[::-1]):
            with pytest.raises(MusterError, match="is the input"):
                hub.score("numbers", data, output, overwrite=True)

    def test_a_job_is_done_by_another_process_that_has_the_secret(
        self, hub: Hub, warehouse: Asking, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = hub.score("numbers", "sql:warehouse?table=t&key=n", "sql:warehouse?table=scored", queue=True, wait=False)
        monkeypatch.delenv("WAREHOUSE_PASSWORD")
        assert call_apart("--hub", hub.folder, "worker", "--once").code == 0
        failed = hub.run(run.id)
        assert failed.status == "failed"
        assert "the variable WAREHOUSE_PASSWORD, which is not set" in str(failed.error)
        monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRET)
        assert hub.resume(run.id).rows == ROWS
        again = hub.score("numbers", "sql:warehouse?table=t&key=n", "sql:warehouse?table=again", queue=True, wait=False)
        assert call_apart("--hub", hub.folder, "worker", "--once").code == 0
        assert (hub.run(again.id).status, hub.run(again.id).rows) == ("done", ROWS)

    def test_a_run_that_was_cut_goes_on_with_what_it_has(
        self, hub: Hub, warehouse: Asking, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forget(progress: Progress) -> None:
            if progress.rows >= 2_000:
                monkeypatch.delenv("WAREHOUSE_PASSWORD", raising=False)

        with pytest.raises(MusterError, match="which is not set"):
            hub.score("numbers", "sql:warehouse?table=t&key=n", "sql:warehouse?table=scored", watch=forget)
        [run] = hub.runs(["status=failed"])
        staged = list((hub.folder / "outputs" / run.id).rglob("*.parquet"))
        assert staged
        assert (hub.connection_uses("warehouse"), run.id in str(staged[0])) == ([run.id], True)
        with pytest.raises(Conflict, match=run.id):
            hub.remove_connection("warehouse")
        monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRET)
        assert hub.resume(run.id).rows == ROWS
        hub.remove_connection("warehouse")

    def test_a_connection_that_is_replaced_is_taken_up(self, hub: Hub, warehouse: Asking, tmp_path: Path) -> None:
        assert hub.open_dataset("sql:warehouse?table=t").rows() == ROWS
        with closing(sqlite3.connect(tmp_path / "small.db")) as small:
            small.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
            small.execute("INSERT INTO t VALUES (3)")
            small.commit()
        hub.connect("warehouse", "sql", url=f"sqlite:///{tmp_path}/small.db", replace=True)
        assert hub.open_dataset("sql:warehouse?table=t").rows() == 1

    def test_the_test_says_which_step_fails(
        self, hub: Hub, warehouse: Asking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        good = [("name", True), ("connection", True), ("login", True), ("database", True)]
        assert steps(hub, "warehouse") == good
        cases: list[tuple[dict[str, Any], list[tuple[str, bool]]]] = [
            ({"url": asked(warehouse, "nowhere")}, [*good[:3], ("database", False)]),
            ({"url": asked(warehouse, "closed")}, [*good[:3], ("database", False)]),
            ({"url": "postgresql://guarded@no-such-host.invalid/x"}, [("name", False)]),
            ({"url": "postgresql://guarded@127.0.0.1:1/x"}, [good[0], ("connection", False)]),
        ]
        for settings, expected in cases:
            hub.connect("warehouse", "sql", password="env:WAREHOUSE_PASSWORD", replace=True, **settings)
            assert steps(hub, "warehouse") == expected
        hub.connect("warehouse", "sql", url=warehouse.url, password="file:" + str(tmp_path / "secret"), replace=True)
        assert steps(hub, "warehouse") == [("settings", False)]
        (tmp_path / "secret").write_text("wrong-and-hidden\n")
        assert steps(hub, "warehouse") == [*good[:2], ("login", False)]
        (tmp_path / "secret").write_text(f"{SECRET}\n")
        assert steps(hub, "warehouse") == good

    def test_a_wrong_password_is_told_without_it(
        self, hub: Hub, warehouse: Asking, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WAREHOUSE_PASSWORD", "wrong-and-hidden")
        with pytest.raises(DatasetError, match="sql:warehouse refuses the login") as caught:
            hub.open_dataset("sql:warehouse?table=t")
        assert "muster connection show warehouse" in caught.value.hint
        assert caught.value.__cause__ is None
        assert "hidden" not in repr(caught.value)
        answer = call("--hub", hub.folder, "score", "numbers", "sql:warehouse?table=t", "out.parquet")
        assert (answer.code, "hidden" in answer.out + answer.err) == (1, False)
        answer = call("--hub", hub.folder, "connection", "test", "warehouse")
        assert (answer.code, "fails at: login" in answer.err, "hidden" in answer.out + answer.err) == (1, True, False)

    @pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
    def test_files_have_names_too(self, hub: Hub, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        hub.connect("shop", "sql", url=f"{engine}:///shop.db")
        assert steps(hub, "shop") == [("name", False)]
        pq.write_table(numbers(3_000), tmp_path / "n.parquet")
        monkeypatch.chdir("/")
        hub.score("numbers", tmp_path / "n.parquet", "sql:shop?table=scored", keep="n")
        assert steps(hub, "shop") == [("name", True), ("database", True)]
        again = hub.score("numbers", "sql:shop?table=scored&key=n", "sql:shop?table=again", keep=["n"])
        assert (again.rows, again.output) == (3_000, "sql:shop?table=again")
        assert table(hub, "sql:shop?table=again&order=n")["n"].to_pylist() == list(range(3_000))
        (tmp_path / "shop.db").write_bytes(b"no database " * 1_000)
        assert steps(hub, "shop") == [("name", True), ("database", False)]

    def test_a_driver_takes_its_secret_by_its_own_name(
        self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(sqlite3.connect(tmp_path / "hidden.db")) as made:
            made.execute("CREATE TABLE t (n INTEGER)")
            made.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(20)))
            made.commit()
        monkeypatch.setenv("DRIVER_SECRET", f"{tmp_path}/hidden.db")
        hub.connect("lite", "sql", url="adbc:adbc_driver_sqlite", secret="env:DRIVER_SECRET", secret_option="uri")
        assert steps(hub, "lite") == [("name", True), ("login", True), ("database", True)]
        assert hub.open_dataset("sql:lite?table=t").rows() == 20
        monkeypatch.setenv("DRIVER_SECRET", f"{tmp_path}/no-folder/hidden.db")
        with pytest.raises(DatasetError, match="cannot be opened") as caught:
            hub.open_dataset("sql:lite?table=t")
        assert "hidden" not in repr(caught.value)
        assert steps(hub, "lite") == [("name", True), ("login", False)]
        hub.connect("lite", "sql", url="adbc:no_such_driver", replace=True)
        assert steps(hub, "lite") == [("name", False)]


def asked(server: Asking, database: str) -> str:
    return server.url.rpartition("/")[0] + f"/{database}"


class TestNames:
    def test_what_is_no_name_is_told_and_never_shown(self, hub: Hub) -> None:
        hub.connect("scores", "http", url="https://models.example/score")
        hub.connect("shop", "sql", url="sqlite:///shop.db")
        told = {
            "sql:shopp?table=t": "there is no connection `shopp`; did you mean `shop`?",
            "sql:guarded:hush@host/db?table=t": "behind `sql:` stands no name of a connection",
            "objects:shop/x": "the connection `shop` is of the kind `sql`, and not `objects`",
            "sql:scores?table=t": "the connection `scores` is of the kind `http`, and not `sql`",
            "sql:shop?table=t&password=hush": "the URL holds a password (`password`)",
            "delta:objects:shop/x": "a Delta table has no name by a connection",
            "sql:shop?table=t&sslmode=off": "there is no option `sslmode` here",
        }
        for uri, message in told.items():
            with pytest.raises((InvalidInput, NotFound)) as caught:
                hub.open_dataset(uri)
            assert message in caught.value.message
            assert "hush" not in repr(caught.value)
        with pytest.raises(InvalidInput, match="leads to data, and has no endpoints"):
            list(hub.discover("shop"))
        with pytest.raises(InvalidInput, match="leads to data, and has no endpoints"):
            hub.register("x", muster.Endpoint("shop", "e"), task="binary", sample={"n": [1]})

    def test_a_url_with_a_password_is_told_to_become_a_connection(self, hub: Hub) -> None:
        with pytest.raises(InvalidInput) as caught:
            hub.open_dataset("postgresql://ada:hush@host/db?table=t")
        assert "muster connection add NAME sql" in caught.value.hint
        assert "hush" not in repr(caught.value)

    @pytest.mark.parametrize(
        ("kind", "settings", "problems"),
        [
            ("sql", {}, ["`url` is missing"]),
            ("sql", {"url": "postgresql://ada:hush@host/db", "pasword": "env:X", "rate": 3.0},
             ["no setting `pasword`; did you mean `password`?", "no setting `rate`", "the URL holds a password"]),
            ("sql", {"url": "sqlite:///x.db", "password": "hush"}, ["`password` is given as where it is", "`password` is not for sqlite"]),
            ("sql", {"url": "postgresql://host/db?table=t", "secret": "env:X"}, ["`table` is told with each table", ]),
            ("sql", {"url": "mysql://host/db"}, ["`mysql:` is no database"]),
            ("sql", {"url": "adbc:some_driver", "secret_option": "token"}, ["`secret_option` needs `secret`"]),
            ("objects", {"url": "s3://acme/x/*.csv", "key_id": "AKIA", "account": "q"},
             ["no setting `account`", "no glob", "`key_id` needs `secret`"]),
            ("objects", {"url": "s3://AKIA:hush@acme/x", "secret": "hush"}, ["holds credentials", "`secret` is given as where it is"]),
            ("objects", {"url": "gs://acme", "token": "env:X", "credentials_file": "/x"}, ["exclude each other"]),
            ("objects", {"url": "az://acme", "key": "env:X", "sas": "env:Y", "allow_http": "perhaps"},
             ["`key` needs `account`", "`key` and `sas` exclude each other", "`allow_http` cannot be 'perhaps'"]),
            ("objects", {"url": "s3://acme", "endpoint_url": "http://a:hush@host"}, ["`endpoint_url` holds credentials"]),
            ("sqll", {}, ["there is no kind of connection `sqll`; did you mean `sql`?"]),
        ],
    )  # fmt: skip
    def test_all_that_is_wrong_is_told_at_once(
        self, hub: Hub, kind: str, settings: dict[str, Any], problems: list[str]
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            hub.connect("c", kind, **settings)
        for problem in problems:
            assert problem in caught.value.message
        assert "hush" not in repr(caught.value)
        assert list(hub.connections()) == []

    def test_they_are_added_and_shown_on_the_command_line(self, hub: Hub, tmp_path: Path) -> None:
        home = ("--hub", hub.folder)
        url = f"url=sqlite:///{tmp_path}/shop.db"
        assert call(*home, "connection", "add", "shop", "sql", url).code == 0
        with closing(sqlite3.connect(tmp_path / "shop.db")) as made:
            made.execute("CREATE TABLE t (n INTEGER)")
        assert call(*home, "dataset", "register", "items", "sql:shop?table=t").code == 0
        shown = call(*home, "connection", "show", "shop", "--json").json
        assert (shown["kind"], shown["uses"]) == ("sql", ["data:items"])
        assert call(*home, "connection", "test", "shop").code == 0
        removed = call(*home, "connection", "remove", "shop")
        assert (removed.code, "is used by data:items" in removed.err) == (1, True)


@pytest.fixture(scope="module")
def lakes() -> Iterator[Guarded]:
    with guarded(["acme-one", "acme-two"]) as server:
        yield server


Connect = Callable[..., None]


@pytest.fixture
def connect(hub: Hub, lakes: Guarded, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Makes a connection to a bucket with its own key; the environment has another one, which opens nothing."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    stranger = {
        "ACCESS_KEY_ID": "stranger",
        "SECRET_ACCESS_KEY": "x",
        "SESSION_TOKEN": "x",
        "ENDPOINT_URL": "http://127.0.0.1:1",
    }
    for name, value in stranger.items():
        monkeypatch.setenv(f"AWS_{name}", value)

    def connect(name: str, bucket: str, prefix: str = "", **more: str) -> None:
        key, secret = lakes.keys[bucket]
        monkeypatch.setenv(f"SECRET_OF_{name.upper()}", secret)
        settings: dict[str, Any] = {
            "url": f"s3://{bucket}/{prefix}",
            "key_id": key,
            "secret": f"env:SECRET_OF_{name.upper()}",
        }
        at = {"endpoint_url": lakes.url, "allow_http": "true", "region": "us-east-1"}
        hub.connect(name, "objects", **{**settings, **at, **more}, replace=True)

    return connect


def fill(hub: Hub, uri: str, rows: int, tmp_path: Path) -> None:
    pq.write_table(numbers(rows), tmp_path / "fill.parquet")
    hub.score("numbers", tmp_path / "fill.parquet", uri, keep=["n"])


class TestBuckets:
    def test_two_buckets_with_two_keys(self, hub: Hub, connect: Connect, lakes: Guarded, tmp_path: Path) -> None:
        connect("one", "acme-one", "below/here/")
        connect("two", "acme-two")
        fill(hub, "objects:one/data/", 3_000, tmp_path)
        run = hub.score("numbers", "objects:one/data/", "objects:two/scored/", keep=["n"])
        assert (run.rows, run.input, run.output) == (3_000, "objects:one/data/", "objects:two/scored/")
        assert table(hub, "objects:two/scored/*.parquet")["n"].to_pylist() == list(range(3_000))
        whole = hub.score("numbers", "objects:two/scored/", "objects:one/whole.csv", keep=["n"])
        assert (whole.output, hub.open_dataset("objects:one/whole.csv").rows()) == ("objects:one/whole.csv", None)
        record = hub.dataset("scored", "objects:two/scored/")
        assert (record.uri, record.rows) == ("objects:two/scored/", 3_000)
        assert [use.how for use in hub.dataset_uses("scored")] == ["read", "wrote"]
        secrets = [secret for _, secret in lakes.keys.values()]
        nowhere(hub.folder, *secrets)
        told = "".join(map(repr, [*hub.events(), *hub.runs(), *hub.connections()]))
        assert not [s for s in secrets if s in told]
        found = hub.open_dataset("objects:two/scored/")
        assert not [s for s in secrets if s in repr(found.__dict__)]

    def test_a_key_opens_no_other_bucket(self, hub: Hub, connect: Connect, lakes: Guarded, tmp_path: Path) -> None:
        key, _ = lakes.keys["acme-two"]
        connect("two", "acme-two")
        connect("one", "acme-one", key_id=key, secret="env:SECRET_OF_TWO")
        assert steps(hub, "one") == [("name", True), ("login", True), ("permission", False)]
        with pytest.raises(DatasetError, match="access to objects:one/data/ is denied") as caught:
            hub.open_dataset("objects:one/data/")
        assert "muster connection show one" in caught.value.hint
        assert "AWS_" not in caught.value.hint

    def test_the_test_says_which_step_fails(
        self, hub: Hub, connect: Connect, lakes: Guarded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect("one", "acme-one")
        good = [("name", True), ("login", True), ("bucket", True)]
        assert steps(hub, "one") == good
        monkeypatch.setenv("SECRET_OF_ONE", "wrong-and-hidden")
        found: list[Step] = hub.test_connection("one")
        assert [(s.name, s.passed) for s in found] == [("name", True), ("login", False)]
        assert "hidden" not in repr(found)
        monkeypatch.delenv("SECRET_OF_ONE")
        assert steps(hub, "one") == [("settings", False)]
        with pytest.raises(InvalidInput, match="SECRET_OF_ONE, which is not set"):
            hub.open_dataset("objects:one/data/")
        connect("one", "acme-one", url="s3://acme-nobody")
        assert [s for s in steps(hub, "one") if not s[1]] in ([("bucket", False)], [("permission", False)])
        connect("one", "acme-one", endpoint_url="http://no-such-host.invalid", allow_http="true")
        monkeypatch.setattr("muster.objects.bucket._RETRY", {"max_retries": 0})
        assert steps(hub, "one") == [("name", False)]

    def test_an_output_in_its_input_is_refused_by_whichever_name(
        self, hub: Hub, connect: Connect, tmp_path: Path
    ) -> None:
        connect("one", "acme-one", "refused")
        connect("again", "acme-one")
        fill(hub, "objects:one/data/", 10, tmp_path)
        with pytest.raises(DatasetError, match="lies in the input"):
            hub.score("numbers", "objects:one/data/", "objects:again/refused/data/out.parquet")
        assert steps(hub, "again")[-1] == ("bucket", True)

    def test_nothing_above_the_prefix_is_named(self, hub: Hub, connect: Connect) -> None:
        connect("one", "acme-one", "prefix")
        with pytest.raises(InvalidInput, match="no key may have"):
            hub.open_dataset("objects:one/../secret.csv")

    def test_rejects_stand_there_and_are_collected(self, hub: Hub, connect: Connect, tmp_path: Path) -> None:
        connect("one", "acme-one", "rejected")
        pq.write_table(pa.table({"n": ["1", "two", "3"]}), tmp_path / "n.parquet")
        (tmp_path / "n.csv").write_text("n\n1\ntwo\n3\n")
        run = hub.score("numbers", f"{tmp_path}/n.csv?type.n=int64", "objects:one/out/", keep=["n"])
        assert (run.rejected, run.rejects) == (1, f"objects:one/out/_rejects-{run.id}.jsonl")
        kept = named_place(str(run.rejects), hub.connection("one"))
        assert json.loads(bucket_of(kept).read(kept.key))["row"] == 1
        with muster.open(hub.folder, retention__rejects_days=0) as short:
            short.collect()
        assert [n for n in bucket_of(kept).names("rejected/out/") if "rejects" in n] == []

    def test_a_run_that_was_cut_goes_on(
        self, hub: Hub, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect("one", "acme-one", "cut")
        fill(hub, "objects:one/data/", 5_000, tmp_path)

        def stop(progress: Progress) -> None:
            if progress.rows >= 2_000:
                raise KeyboardInterrupt

        with pytest.raises((KeyboardInterrupt, RunCancelled)):
            hub.score("numbers", "objects:one/data/", "objects:one/scored/", keep=["n"], watch=stop)
        [run] = [r for r in hub.runs() if r.output == "objects:one/scored/"]
        assert call_apart("--hub", hub.folder, "run", "resume", run.id).code == 0
        assert hub.run(run.id).rows == 5_000
        assert table(hub, "objects:one/scored/")["n"].to_pylist() == list(range(5_000))


WORDS = {
    "s3": {"key_id": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "endpoint_url": "AWS_ENDPOINT_URL"},
    "gs": {"token": "GOOGLE_BEARER_TOKEN", "endpoint_url": "GOOGLE_BASE_URL"},
    "az": {
        "account": "AZURE_STORAGE_ACCOUNT_NAME",
        "key": "AZURE_STORAGE_ACCOUNT_KEY",
        "endpoint_url": "AZURE_STORAGE_ENDPOINT",
    },
}
"""What a connection says in place of the environment."""


def test_every_cloud_is_used_without_the_environment(
    hub: Hub, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    for word, variable in WORDS[bucket.partition(":")[0]].items():
        told[word] = os.environ[variable]
        if word in ("secret", "token", "key"):
            monkeypatch.setenv("OWN_SECRET", told[word])
            told[word] = "env:OWN_SECRET"
    for name in [n for n in os.environ if n.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    hub.connect("own", "objects", url=f"{bucket}/below", allow_http=True, **told)
    assert steps(hub, "own") == [("name", True), ("login", True), ("bucket", True)]
    fill(hub, "objects:own/in/", 3_000, tmp_path)
    for output in ("objects:own/out/", "objects:own/out.csv"):
        assert hub.score("numbers", "objects:own/in/", output, keep=["n"]).output == output
        assert table(hub, output)["n"].to_pylist() == list(range(3_000))
    scheme = bucket.partition(":")[0]
    hub.connect("other", "objects", url=f"{scheme}://no-such-bucket", allow_http=True, **told)
    assert steps(hub, "other") == [("name", True), ("login", True), ("bucket", False)]
    # S3's server here takes every key (one that does not is above); Azure's emulator tells a wrong key as a right that is missing.
    failing = {"s3": "", "gs": "login", "az": "permission"}[scheme]
    monkeypatch.setenv("OWN_SECRET", "d3Jvbmc=")
    assert [name for name, passed in steps(hub, "own") if not passed] == ([failing] if failing else [])
